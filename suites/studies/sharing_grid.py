"""The models of the study of sharing: groups of layers that share weights, and widths of the table of embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporters.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS, EMBEDDING = 1, 128  # as published
LAYERS = 12


class Model(NamedTuple):
    """One ALBERT of the study."""

    groups: int  # sets of weights among the layers: 1 all share, 12 none does
    embedding: int

    def __str__(self) -> str:
        return f"{self.groups} × {self.embedding}"

    @property
    def changes(self) -> dict[str, int]:
        """What its configuration has otherwise."""
        return {"num_hidden_groups": self.groups, "embedding_size": self.embedding}


def models(groups: Sequence[int], embeddings: Sequence[int]) -> list[Model]:
    """Each number of groups at the published embedding, then each other embedding at the published groups.

    Raises UserError where there are more groups than layers.
    """
    if max(groups) > LAYERS:
        raise UserError(f"--groups: {max(groups)} asked, there are {LAYERS} layers; name at most so many")
    crossed = [
        *(Model(one, EMBEDDING) for one in groups),
        *(Model(GROUPS, one) for one in embeddings if one != EMBEDDING),
    ]
    return list(dict.fromkeys(crossed))
