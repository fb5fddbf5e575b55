"""Held-out texts, which certify a cascade: neither trained, nor calibrated with, nor scored for accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.cascades.names import is_cascade
from ...exporters.checkpoints.checkpoint import VALIDATION_FILE
from ...exporters.checkpoints.tokenization import join, tokenise
from ...exporters.texts import row_hash
from ..console import note
from ..texts.data import read_texts
from ..units import counted
from .sets import reading
from .unlabelled import left_validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.inputs import Inputs
    from ...exporters.checkpoints.tokenization import Ids
    from ..texts.data import LabelledSet
    from .options import Options


def find_held_out(
    options: Options, checkpoint: Checkpoint, inputs: Inputs, sets: Sequence[LabelledSet], calibration: Sequence[Ids]
) -> tuple[Ids, ...]:
    """Token ids of the texts of ``--unlabelled``, or without it of the validation texts that training left, cut as they are scored.

    Nothing is read where no cascade is asked for. Prints one line about them.
    """
    if not any(map(is_cascade, options.variants)):
        return ()
    without = {row for one in sets for row in one.row_hashes}
    calibrated, limit = set(map(tuple, calibration)), inputs.scoring_length(checkpoint)
    if options.unlabelled:
        found: dict[str, Ids] = {}
        for path in options.unlabelled:
            texts, _ = read_texts(path, label_names=checkpoint.labels, **reading(options))
            found.update(zip(map(row_hash, texts), tokenise(inputs.tokenizer, texts, inputs.max_length), strict=True))
        source = f"of {', '.join(path.name for path in options.unlabelled)}"
    else:
        found, source = left_validation(checkpoint.path / VALIDATION_FILE), "that training left for validation"
    kept = [ids for row, ids in found.items() if row not in without and tuple(ids) not in calibrated]
    note(f"cascades are certified on {counted(len(kept), 'text')} {source}")
    return tuple(join(ids[: limit - 1], ids[-1:]) if limit and len(ids) > limit else ids for ids in kept)
