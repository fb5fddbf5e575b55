"""Texts that another model is trained on: labelled ones if there are any, else texts that the reference classifies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ...exporters.artifacts.catalogue import trains_another_model
from ...exporters.checkpoints.checkpoint import TRAINING_TEXTS_FILE, read_json
from ...exporters.checkpoints.tokenization import ids_from_json, tokenise
from ...exporters.errors import CheckpointError, UserError
from ...exporters.texts import row_hash
from ...exporters.variant import REFERENCE, TrainingTexts
from ..console import note
from ..measure.workload import spread
from ..runs.predictions import NO_LABEL, UNLABELLED
from ..texts import data
from ..texts.demonstration import corpus
from ..units import counted
from .pairs import refuse_other_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.inputs import Inputs
    from ...exporters.checkpoints.tokenization import Ids
    from .options import Options
    from .unlabelled import Unlabelled

_MOST = 20_000  # labelled texts
_MOST_CLASSIFIED = 1_000  # texts without labels: a large reference takes half a second for each
_Row: TypeAlias = "tuple[str, Ids, int]"  # row hash, token ids and class of a text


def find_training_texts(  # noqa: PLR0913, PLR0917 - where texts come from, and where they must not
    options: Options,
    checkpoint: Checkpoint,
    inputs: Inputs,
    sets: Sequence[data.LabelledSet],
    calibration: Sequence[Ids],
    unlabelled: Unlabelled,
    reading: Mapping[str, Any],
) -> TrainingTexts | None:
    """The texts of ``--train``, else those that training left with their classes, else those of the run without labels.

    Texts of ``sets`` are dropped, and so are those whose token ids are in ``calibration``; one line says how many. None if no
    text is left, or no variant of the options is another model. ``reading``: keywords of functions that read files.

    Raises UserError for a file that cannot be used, or that leaves no texts of two classes, and for another task.
    """
    others = [*filter(trains_another_model, options.variants)]
    if not others:
        return None
    if checkpoint.task != "single-label":
        raise UserError(
            f"{'--train' if options.train else '--variants'}: {others[0]} learns one class of a text, and the task of "
            f"{checkpoint.name} is {checkpoint.task}; leave it out"
        )
    limit = inputs.scoring_length(checkpoint)
    labelled = _labelled(options, checkpoint, inputs, limit, reading)
    some = spread([*unlabelled.tokens.items()], _MOST_CLASSIFIED) if unlabelled.tokens else []
    source, rows = labelled or (f"{UNLABELLED}, classified by {REFERENCE}", [(*one, NO_LABEL) for one in some])
    scored = {row for one in sets for row in one.row_hashes}
    calibrated = {_beginning(ids, limit) for ids in calibration}
    other = [one for one in rows if one[0] not in scored]
    kept = [one for one in other if _beginning(one[1], limit) not in calibrated]
    dropped = [f"{counted(len(rows) - len(other), 'text')} of a labelled set"] * (len(rows) > len(other))
    dropped += [counted(len(other) - len(kept), "calibration text")] * (len(other) > len(kept))
    note("; left out: ".join(filter(None, [f"another model is trained on {len(kept):,} {source}", ", ".join(dropped)])))
    if options.train and (not kept or len({label for _, _, label in rows}) < 2):  # noqa: PLR2004 - classes to tell apart
        raise UserError(
            f"--train: {options.train} leaves {counted(len(kept), 'text')} to train on, expected texts of two classes or more "
            "that are in no labelled set of the run; name another file"
        )
    if not kept:
        return None
    labels = [label for _, _, label in kept] if labelled else None
    return TrainingTexts.of([ids for _, ids, _ in kept], labels, source)


def _labelled(
    options: Options, checkpoint: Checkpoint, inputs: Inputs, limit: int | None, reading: Mapping[str, Any]
) -> tuple[str, list[_Row]] | None:
    """Their source and the texts; None if there are none."""
    left = checkpoint.path / TRAINING_TEXTS_FILE
    if options.train is None and left.is_file():
        return "labelled texts that training left", _left(left, len(checkpoint.labels))
    if options.train is not None:
        found = data.read_labelled_file(
            options.train,
            label_names=checkpoint.labels,
            label_column=options.label_column,
            real_label=options.real_label,
            **reading,
        )
        refuse_other_kind(options.train, found.texts, pairs=inputs.pairs)
        note(f"training texts {options.train}: {found.summary}")
        pairs, source = [*zip(found.texts, found.labels, strict=True)], f"labelled texts of {options.train.name}"
    elif checkpoint.demonstration:
        pairs, source = [*zip(*corpus.corpus("train"), strict=True)], "labelled texts of the bundled corpus"
    else:
        return None
    pairs = spread(pairs, _MOST)
    ids = tokenise(inputs.tokenizer, [text for text, _ in pairs], limit)
    return source, [(row_hash(text), one, cast("int", label)) for (text, label), one in zip(pairs, ids, strict=True)]


def _left(path: Path, classes: int) -> list[_Row]:
    """The texts that a training saved."""
    left = read_json(path)
    columns: list[Any] = [left.get(name) for name in ("rows", "input_ids", "labels")]
    whole = all(isinstance(one, list) for one in columns) and len({*map(len, columns)}) == 1
    if not whole or any(label not in range(classes) for label in left["labels"]):
        raise CheckpointError(
            f"{path}: holds no labelled token ids, expected 'rows', 'input_ids' and 'labels' as deploybench train writes them; "
            "remove the file, or pass --train"
        )
    rows, ids, labels = columns
    return [*zip(rows, map(ids_from_json, ids), labels, strict=True)]


def _beginning(ids: Sequence[int], limit: int | None) -> tuple[int, ...]:
    """What a text has in common with itself cut at another length: its last token may then be a special one."""
    return tuple(ids[: limit - 1 if limit else None])
