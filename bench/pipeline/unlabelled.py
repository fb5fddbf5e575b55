"""Texts without labels: they show whether a variant changes a class, which needs no label."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...exporters.checkpoints.checkpoint import VALIDATION_FILE, read_json
from ...exporters.checkpoints.tokenization import ids_from_json, ids_to_json, tokenise
from ...exporters.errors import CheckpointError, UserError
from ...exporters.files import sha256_json
from ...exporters.texts import row_hash
from ..console import note
from ..runs.predictions import NO_LABEL, UNLABELLED
from ..texts.data import read_texts
from ..units import counted
from .pairs import refuse_other_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.inputs import Inputs
    from ...exporters.checkpoints.tokenization import Ids


_ENOUGH = 600  # texts: with one class changed, a loss of 1 % is still excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlabelled:
    """Token ids of texts without labels, by row hash."""

    tokens: dict[str, Ids]
    name: str = UNLABELLED  # in place of a set's

    @property
    def row_hashes(self) -> tuple[str, ...]:
        """As those of a labelled set."""
        return tuple(self.tokens)

    @property
    def labels(self) -> tuple[int, ...]:
        """NO_LABEL for each text."""
        return (NO_LABEL,) * len(self.tokens)

    @property
    def queries(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of all token ids in their order."""
        return sha256_json([(row, ids_to_json(ids)) for row, ids in self.tokens.items()])


def find_unlabelled(  # noqa: PLR0913 - where texts come from, by name
    files: Sequence[Path],
    checkpoint: Checkpoint,
    inputs: Inputs,
    calibration: Sequence[Ids],
    reading: Mapping[str, Any],
    *,
    labelled: int = 0,
) -> Unlabelled:
    """The texts of ``files``, and validation texts that training left beside the weights, but none that calibrated.

    ``calibration``: token ids of those. ``reading``: keywords of ``read_texts``. Validation texts fill up what is missing to 600
    texts, of which ``labelled`` have a label: scoring takes time. Prints one line about each source. None for scores; raises
    UserError where files are given for them.
    """
    if checkpoint.task == "score":  # what a variant loses of a correlation is known by labels alone
        if files:
            raise UserError(
                f"--unlabelled: {checkpoint.name} gives scores, of which texts without labels say nothing; name labelled texts "
                "with --external"
            )
        return Unlabelled(tokens={})
    calibrated, found = set(map(tuple, calibration)), {}
    for path in files:
        texts, summary = read_texts(path, label_names=checkpoint.labels, **reading)
        refuse_other_kind(path, texts, pairs=inputs.pairs)
        note(f"texts without labels {path}: {summary}")
        whole = tokenise(inputs.tokenizer, texts, inputs.max_length)
        scored = tokenise(inputs.tokenizer, texts, inputs.scoring_length(checkpoint))
        rows = zip(map(row_hash, texts), whole, scored, strict=True)
        found.update({row: ids for row, uncut, ids in rows if tuple(uncut) not in calibrated})
    left = left_validation(checkpoint.path / VALIDATION_FILE)
    left = dict(islice(left.items(), max(0, _ENOUGH - labelled - len(found))))  # in random order: a sample
    if left:
        note(f"texts without labels: {counted(len(left), 'validation text')} that training left")
    return Unlabelled(tokens={**found, **{row: ids for row, ids in left.items() if tuple(ids) not in calibrated}})


def left_validation(path: Path) -> dict[str, Ids]:
    """Token ids by row hash of the validation texts that a training left; raises CheckpointError for another file."""
    if not path.is_file():
        return {}
    left = read_json(path)
    rows, ids = left.get("rows"), left.get("input_ids")
    if not isinstance(rows, list) or not isinstance(ids, list) or len(rows) != len(ids):
        raise CheckpointError(
            f"{path}: holds no token ids of validation texts, expected 'rows' and 'input_ids' as deploybench train writes "
            "them; remove the file"
        )
    return dict(zip(rows, map(ids_from_json, ids), strict=True))
