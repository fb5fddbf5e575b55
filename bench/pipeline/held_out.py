"""Held-out texts, which certify a cascade: neither trained, nor calibrated with, nor scored for accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.checkpoints.checkpoint import VALIDATION_FILE
from ...exporters.checkpoints.tokenization import join, tokenise
from ...exporters.texts import row_hash
from ..console import note
from ..texts.data import read_texts
from ..units import counted
from .sets import reading
from .unlabelled import left_validation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.inputs import Inputs
    from ...exporters.checkpoints.tokenization import Ids
    from ..texts.data import LabelledSet
    from .options import Options


def find_held_out(
    options: Options, checkpoint: Checkpoint, inputs: Inputs, sets: Sequence[LabelledSet], used: Iterable[Sequence[int]]
) -> tuple[Ids, ...]:
    """Token ids of the texts of ``--unlabelled``, or without it of the validation texts that training left, cut as they are scored.

    Texts of ``sets`` are left out, and those whose token ids are in ``used``, which trained or calibrated. Nothing is read
    where no cascade is asked for. Prints one line about them.
    """
    if not options.cascades:
        return ()
    without = {row for one in sets for row in one.row_hashes}
    limit = inputs.scoring_length(checkpoint)

    def cut(ids: Ids) -> Ids:
        return join(ids[: limit - 1], ids[-1:]) if limit and len(ids) > limit else ids

    known = {tuple(cut(ids)) for ids in used}
    if options.unlabelled:
        found: dict[str, Ids] = {}
        for path in options.unlabelled:
            texts, _ = read_texts(path, label_names=checkpoint.labels, **reading(options))
            found.update(zip(map(row_hash, texts), tokenise(inputs.tokenizer, texts, inputs.max_length), strict=True))
        source = f"of {', '.join(path.name for path in options.unlabelled)}"
    else:
        found, source = left_validation(checkpoint.path / VALIDATION_FILE), "that training left for validation"
    kept = [read for row, ids in found.items() if row not in without and tuple(read := cut(ids)) not in known]
    note(f"cascades are certified on {counted(len(kept), 'text')} {source}")
    return tuple(kept)
