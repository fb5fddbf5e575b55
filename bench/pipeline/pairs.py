"""Whether a model reads pairs of texts: what its checkpoint says, and what kind of texts it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.checkpoints.tokenization import TypedIds
from ...exporters.errors import CheckpointError, UserError
from ..console import note
from ..texts.pairs import PairColumns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.inputs import Inputs
    from ...exporters.checkpoints.tokenization import Ids
    from ...exporters.texts import Text
    from ..texts.data import LabelledSet
    from .options import Options


def is_given_pairs(options: Options, checkpoint: Checkpoint, sets: Sequence[LabelledSet]) -> bool:
    """Whether the texts of the run are pairs; prints a line where the checkpoint does not say so itself.

    Raises UserError for single texts where the checkpoint says that it reads pairs, and for sets of both kinds.
    """
    kinds = {one.pairs: f"set {one.name}" for one in sets}
    if len(kinds) > 1:
        raise UserError(
            f"{kinds[True]} holds pairs of texts and {kinds[False]} single ones, expected one kind; measure them apart"
        )
    if options.scores_pairs is not None:
        kinds = {options.scores_pairs: "the file"}
    given = next(iter(kinds), bool(checkpoint.pairs) or isinstance(options.text_columns, PairColumns))
    if checkpoint.demonstration and given:
        raise UserError(
            f"{kinds.get(True, '--pair-columns')}: holds pairs of texts, the demonstration reads single ones; name a --checkpoint"
        )
    if checkpoint.pairs and not given:
        raise UserError(
            f"{checkpoint.name}: reads pairs of texts ({checkpoint.pairs}), and {kinds[False]} holds single ones; name the "
            "columns of both texts with --pair-columns A,B"
        )
    if given and not checkpoint.pairs:
        note(
            f"{checkpoint.name}: is given pairs of texts, each as two texts; nothing in it says that it was trained on pairs"
        )
    return given


def refuse_other_kind(path: Path, texts: Sequence[Text], *, pairs: bool) -> None:
    """Raise UserError for texts of another kind than the run's."""
    if pairs == isinstance(texts[0], str):
        found, asked = ("single texts", "pairs") if pairs else ("pairs of texts", "single ones")
        raise UserError(f"{path}: holds {found}, the run's are {asked}; name columns of that kind, or another file")


def refuse_other_inputs(path: Path, tokens: Sequence[Ids], inputs: Inputs) -> None:
    """Raise CheckpointError for token ids that training left of another kind of texts than the run's."""
    if isinstance(tokens[0], TypedIds) != inputs.typed:
        kinds = ("with", "without") if inputs.typed else ("without", "with")
        raise CheckpointError(
            f"{path}: holds token ids {kinds[1]} token types, expected {kinds[0]} them, as in the run; remove the file"
        )
