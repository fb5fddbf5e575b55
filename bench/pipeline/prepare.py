"""Prepare a run: checkpoint, labelled sets, and artifacts that passed the parity check."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ...exporters.artifacts.artifact import Origin
from ...exporters.checkpoints.checkpoint import CALIBRATION_FILE, read_json
from ...exporters.checkpoints.inputs import Inputs
from ...exporters.checkpoints.tokenization import Pad, ids_from_json, tokenise
from ...exporters.errors import CheckpointError, UserError, WorkerError
from ...exporters.head import SINGLE_LABEL
from ...exporters.packages import require
from ..console import each_note_once, note, stage
from ..measure.own_texts import USUAL, mostly_cut, own_batches, texts_of_cascades
from ..measure.workload import full_batch, full_length, parity_batches, spread
from ..runs.measurement import Workload
from ..texts import data
from ..texts.demonstration import corpus
from .checkpoints import demonstration, find_checkpoint, find_inputs
from .checks import Checks
from .exports import (
    ReferenceFailedError,
    export_variants,
    failed_variants,
    note_absent_packages,
    note_broken_plugins,
    say_unneeded,
)
from .forecast import counted_variants
from .held_out import find_held_out
from .options import PROFILES, Options
from .pairs import is_given_pairs, refuse_other_inputs, refuse_other_kind
from .scored_texts import expected_tokens, within_budget
from .sets import demonstration_sets, labelled_sets, reading
from .training_texts import find_training_texts
from .unlabelled import Unlabelled, find_unlabelled
from .windows import refuse_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ...exporters.artifacts.artifact import Artifact
    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.tokenization import Ids
    from ...exporters.head import Head
    from ...exporters.texts import Text
    from ...exporters.variant import Batch
    from ..runs.store import VariantInfo

CALIBRATION_TEXTS = 300  # at most: as many as a training leaves
_BATCH_TEXTS = 128  # of the first set, from which batches of one length are cut
_OWN_TEXTS = 512  # of the first set, from which those of a timing are taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the suites measure, and the reason for each variant that cannot be measured."""

    options: Options
    checkpoint: Checkpoint
    sequence_lengths: tuple[int, ...]
    sets: tuple[data.LabelledSet, ...]
    unlabelled: Unlabelled  # may be empty
    inputs: Inputs  # how texts are tokenized, truncated and padded
    tokens: list[Ids]  # ids of the texts that batches of one length are cut from
    own: list[Ids]  # ids of the texts that are timed at their own length; empty: one length is timed
    chosen_by: tuple[int, ...]  # lengths of those texts for the first model of a run, by which they are chosen
    text_means: bool  # whether times are means over texts, because that of a cascade depends on the text
    artifacts: dict[str, Artifact]  # of the variants that may be measured
    variants: dict[str, VariantInfo]  # of all variants of the options but unneeded ones, in their order
    unneeded: dict[str, list[str]] = field(default_factory=dict)  # variants that were left out, by reason
    scoring_s: float  # that all variants likely take to score all texts

    @property
    def scoring_length(self) -> int | None:
        """Tokens that texts are truncated to when accuracy is measured; None: not truncated."""
        return self.inputs.scoring_length(self.checkpoint)

    @property
    def text_lengths(self) -> tuple[int, ...]:
        """Tokens of the texts that are timed one at a time; empty where one length is timed."""
        return tuple(ids.shape[1] for ids, *_ in self._own_batches(1)) if self.own else ()

    def _own_batches(self, size: int) -> list[Batch]:
        alone = texts_of_cascades(self.chosen_by or [*map(len, self.own)]) if self.text_means else USUAL
        return own_batches(self.own, size, self.inputs.pad, self.chosen_by, alone=alone)

    def timed_batches(self) -> dict[Workload, list[Batch]]:
        """The batches of each workload whose latency is measured; what decides comes first.

        Every batch size at the longest length, or with the first set's own texts; the smallest at the other lengths as well.
        """
        *shorter, longest = self.sequence_lengths
        smallest, *larger = self.options.batch_sizes
        shapes = [
            (smallest, longest),
            *((smallest, length) for length in shorter),
            *((size, longest) for size in larger),
        ]
        found = {}
        for size, length in shapes:
            workload = Workload(batch_size=size, sequence_length=length, padding="full", threads=self.options.threads)
            if self.own:
                found[replace(workload, padding="bucketed")] = self._own_batches(size)
            else:
                found[workload] = [full_batch(self.tokens, size, length)]
        return found

    @property
    def full_length(self) -> int:
        """Tokens that texts are padded to under the policy "pad to the maximum"."""
        return full_length(self.scoring_length, self.tokens)


def prepare(options: Options, announce: Callable[[], None] = lambda: None) -> Prepared:
    """``prepare_models`` of one model."""
    return prepare_models((options,), announce)[0]


def prepare_models(models: Sequence[Options], announce: Callable[[], None] = lambda: None) -> tuple[Prepared, ...]:
    """Prepare every model of a run; they score the same texts. Raises UserError for a mistake of the user.

    Of several models, one whose reference cannot be run comes after the others, without artifacts. ``announce`` is called before
    the long work.
    """
    note_broken_plugins()
    note_absent_packages(models[0].variants)
    with each_note_once():
        if len(models) == 1:
            read = _read(models[0], announce)
            with _exporting(models):
                found = [_exported(read)]
        else:
            sets = labelled_sets(models[0], _common_head(models))
            announce()
            found = _those_that_run_first(models, sets)
    say_unneeded({one.options.model: one.unneeded for one in found if one.artifacts})
    scoring_s, budget = sum(one.scoring_s for one in found), models[0].time_budget
    sets, unlabelled = within_budget(found[0].sets, found[0].unlabelled, scoring_s, budget)
    by = found[0].chosen_by
    return tuple(replace(one, sets=sets, chosen_by=by, unlabelled=_same(one.unlabelled, unlabelled)) for one in found)


def _same(own: Unlabelled, chosen: Unlabelled) -> Unlabelled:
    """The texts of ``chosen`` in the tokens of a model."""
    return replace(own, tokens={row: own.tokens[row] for row in chosen.tokens if row in own.tokens})


def _common_head(models: Sequence[Options]) -> Head:
    """The task and the labels of all checkpoints, in the same order; none is exported before each of them could be read."""
    first, *others = [find_checkpoint(options) for options in models]
    for one in others:
        if one.task != first.task:
            raise UserError(
                f"--checkpoint: {first.name} is a {first.task} model, {one.name} a {one.task} one; expected one task, because "
                "models are compared on the same labelled texts; measure them apart"
            )
        if one.labels != first.labels:
            raise UserError(
                f"--checkpoint: {first.name} has the labels {', '.join(first.labels)}, {one.name} {', '.join(one.labels)}; "
                "expected the same in the same order, because models are compared on the same labelled texts"
            )
    return first.head


class _Read(NamedTuple):
    """A model that was read, and what its variants are exported from and checked on."""

    prepared: Prepared  # without artifacts
    origin: Origin
    checks: Checks


def _those_that_run_first(models: Sequence[Options], sets: tuple[data.LabelledSet, ...]) -> list[Prepared]:
    """Read every model, then export each: one that cannot be run fails, and the others go on; raises UserError where all fail."""
    read, found, failed = [], [], []
    for options in models:
        try:
            read.append(_read(options, sets=sets))
        except WorkerError as error:  # out of memory, for example
            note(f"failed: {options.model}: {error}")
            failed.append(_not_read(options, sets, str(error)))
    with _exporting(models):
        for one in read:
            try:
                found.append(_exported(one))
            except ReferenceFailedError as error:
                note(f"failed: {error}")
                variants = failed_variants(one.prepared.options.variants, error.reason)
                failed.append(replace(one.prepared, variants=variants))
    if not found:
        raise UserError(f"--checkpoint: none of the {len(models)} models can be run; each line above says why")
    return [*found, *failed]


def _exporting(models: Sequence[Options]) -> AbstractContextManager[None]:
    """The stage of all exports."""
    return stage(f"exporting and checking {counted_variants(models)}")


def _not_read(options: Options, sets: tuple[data.LabelledSet, ...], why: str) -> Prepared:
    """A model that died while it was loaded: what its inputs are is unknown."""
    checkpoint = find_checkpoint(options)
    return Prepared(
        options=options,
        checkpoint=checkpoint,
        sequence_lengths=_sequence_lengths(options, checkpoint, None),
        sets=sets,
        unlabelled=Unlabelled(tokens={}),
        inputs=Inputs(tokenizer=checkpoint.path, max_length=None, truncation_side="right", pad=Pad(0)),
        tokens=[],
        own=[],
        chosen_by=(),
        text_means=False,
        artifacts={},
        variants=failed_variants(options.variants, why),
        scoring_s=0.0,
    )


def _read(
    options: Options, announce: Callable[[], None] = lambda: None, *, sets: tuple[data.LabelledSet, ...] | None = None
) -> _Read:
    """Find the checkpoint and read all texts; raises UserError for a mistake of the user.

    ``announce`` is called before the long work.
    """
    _refuse_server(options)
    if options.checkpoint is None:  # bad input is refused before a training, not after
        sets = labelled_sets(options, replace(SINGLE_LABEL, labels=corpus.LABELS)) or demonstration_sets()
        announce()
        checkpoint = demonstration(options)
    else:
        checkpoint = find_checkpoint(options)
    if sets is None:
        sets = labelled_sets(options, checkpoint.head)
    pairs = is_given_pairs(options, checkpoint, sets)
    texts: Sequence[Text] = sets[0].texts if sets else corpus.plain_texts(pairs=pairs)
    inputs = find_inputs(options, checkpoint, spread(texts, 32))
    refuse_windows(options, checkpoint, inputs, labelled=bool(sets))
    own = _own_texts(options, checkpoint, inputs, texts if sets else ())
    read = inputs.scoring_length(checkpoint) if sets and _times_own_texts(options, checkpoint) else None
    lengths = (max(map(len, own)),) if own else _sequence_lengths(options, checkpoint, read or inputs.max_length)
    tokens = tokenise(inputs.tokenizer, texts[:_BATCH_TEXTS], inputs.max_length)
    origin = _origin(options, checkpoint, inputs)
    # Training texts too: on a foreign domain a checkpoint may give every text one label, which any variant matches.
    parity_tokens = [
        *tokenise(inputs.tokenizer, spread(texts, 32), inputs.max_length),
        *spread(origin.calibration, 32),
    ]
    batches = parity_batches(parity_tokens, inputs.pad, full_length(inputs.max_length, parity_tokens))
    watched = full_batch(parity_tokens, 1, lengths[-1])
    labelled = sum(len(one.texts) for one in sets)
    plain = find_unlabelled(
        options.unlabelled, checkpoint, inputs, origin.calibration, reading(options), labelled=labelled
    )
    if options.checkpoint is not None:
        announce()
    training = find_training_texts(options, checkpoint, inputs, sets, origin.calibration, plain, reading(options))
    held_out = find_held_out(
        options, checkpoint, inputs, sets, [*origin.calibration, *(training.ids() if training else ())]
    )
    prepared = Prepared(
        options=options,
        checkpoint=checkpoint,
        sequence_lengths=lengths,
        sets=sets,
        unlabelled=plain,
        inputs=inputs,
        tokens=tokens,
        own=own,
        chosen_by=tuple(map(len, own)),
        text_means=bool(own) and options.cascades,
        artifacts={},
        variants={},
        scoring_s=0.0,
    )
    origin = replace(origin, training=training, held_out=held_out, bound=options.max_other_classes)
    return _Read(prepared, origin, Checks(options, checkpoint, batches, watched))


def _exported(one: _Read) -> Prepared:
    """Export and check every variant; raises ReferenceFailedError."""
    prepared, origin, checks = one
    checkpoint, tokenizer, limit = prepared.checkpoint, prepared.inputs.tokenizer, prepared.scoring_length
    artifacts, variants, unneeded = export_variants(prepared.options, checkpoint, origin, checks)
    to_score = expected_tokens(
        prepared.sets, prepared.unlabelled, lambda some: [len(ids) for ids in tokenise(tokenizer, some, limit)]
    )
    per_token = 0.0 if checkpoint.random_weights else sum(checks.seconds_per_token.values())
    return replace(
        prepared,
        options=replace(prepared.options, variants=tuple(variants)),
        artifacts=artifacts,
        variants=variants,
        unneeded=unneeded,
        scoring_s=per_token * to_score,
    )


def _refuse_server(options: Options) -> None:
    """Raise UserError for ``--rate-at-p99-ms`` without the packages of a server, or without texts to send."""
    if options.rate_at_p99_ms is None:
        return
    require("--rate-at-p99-ms", "serve")
    if options.checkpoint and not options.external and not options.real:
        raise UserError(
            "--rate-at-p99-ms: no labelled set was given, whose texts are sent; pass --external FILE as well"
        )


def _own_texts(options: Options, checkpoint: Checkpoint, inputs: Inputs, texts: Sequence[Text]) -> list[Ids]:
    """Token ids of the texts that are timed at their own length; empty where one length is asked for, or most are cut."""
    if not texts or not _times_own_texts(options, checkpoint):
        return []
    limit = inputs.scoring_length(checkpoint)
    own = tokenise(inputs.tokenizer, spread(texts, _OWN_TEXTS), limit)
    return [] if mostly_cut(own, limit) and not options.cascades else own


def _times_own_texts(options: Options, checkpoint: Checkpoint) -> bool:
    """Whether the texts of a labelled set are timed, at their own length or, where most are cut, at the one they are cut to."""
    asked = options.sequence_lengths or (PROFILES[options.profile].thorough and not options.cascades)
    return not asked and not checkpoint.random_weights


def _sequence_lengths(options: Options, checkpoint: Checkpoint, most: int | None) -> tuple[int, ...]:
    """The lengths of the flag, or those of the profile that the checkpoint takes."""
    if options.sequence_lengths is None:
        usual = PROFILES[options.profile].sequence_lengths
        return usual if most is None else tuple(length for length in usual if length <= most) or (most,)
    longest, shortest = options.sequence_lengths[-1], options.sequence_lengths[0]
    if most is not None and longest > most:
        raise UserError(f"--sequence-lengths: {longest} tokens asked, {checkpoint.name} takes at most {most}")
    if shortest < 3:  # noqa: PLR2004 - first and last token and one of text
        raise UserError(
            f"--sequence-lengths: {shortest} tokens asked, a text takes at least 3 with its first and last token"
        )
    return options.sequence_lengths


def _origin(options: Options, checkpoint: Checkpoint, inputs: Inputs) -> Origin:
    """What artifacts are made from; calibration texts are the user's, else the training's, else the bundled corpus."""
    left_by_training = checkpoint.path / CALIBRATION_FILE
    if options.calibration:
        texts, summary = data.read_texts(options.calibration, label_names=checkpoint.labels, **reading(options))
        refuse_other_kind(options.calibration, texts, pairs=inputs.pairs)
        note(f"calibration {options.calibration}: {summary}")
        ids, source = tokenise(inputs.tokenizer, texts[:CALIBRATION_TEXTS], inputs.max_length), options.calibration.name
    elif left_by_training.is_file():
        ids, source = _left_calibration(left_by_training)
        refuse_other_inputs(left_by_training, ids, inputs)
    else:
        texts = corpus.plain_texts(pairs=inputs.pairs)[:CALIBRATION_TEXTS]
        ids, source = tokenise(inputs.tokenizer, texts, inputs.max_length), "bundled corpus, not the training texts"
    return Origin(
        checkpoint=checkpoint.path,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=inputs.tokenizer,
        calibration=tuple(ids),
        calibration_source=source,
        max_length=inputs.max_length,
        scoring_length=inputs.scoring_length(checkpoint),
        head=checkpoint.head,
    )


def _left_calibration(path: Path) -> tuple[list[Ids], str]:
    """Token ids of the calibration texts that a training saved, and their description."""
    left = read_json(path)
    ids, source = left.get("input_ids"), left.get("source")
    if not isinstance(ids, list) or not ids or not isinstance(source, str):
        raise CheckpointError(
            f"{path}: holds no token ids of training texts, expected 'input_ids' and 'source' as deploybench train writes "
            "them; remove the file, or pass --calibration"
        )
    return [*map(ids_from_json, ids[:CALIBRATION_TEXTS])], source
