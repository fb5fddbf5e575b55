"""The models of the study: groups of layers that share weights, and widths of the embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ....exporters.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS, EMBEDDING = 1, 128  # as published
LAYERS = 12


class Model(NamedTuple):
    """One ALBERT of the study."""

    groups: int  # sets of weights among the layers: with 1 all layers share, with 12 none
    embedding: int

    def __str__(self) -> str:
        return f"{self.groups} × {self.embedding}"

    @property
    def changes(self) -> dict[str, int]:
        """Fields of its configuration that differ from the published model."""
        return {"num_hidden_groups": self.groups, "embedding_size": self.embedding}


def models(groups: Sequence[int], embeddings: Sequence[int]) -> list[Model]:
    """Each number of groups at the published embedding, then each other embedding at the published groups.

    Raises UserError for more groups than layers.
    """
    if max(groups) > LAYERS:
        raise UserError(f"--groups: found {max(groups)}, expected at most {LAYERS}, the number of layers; name fewer")
    crossed = [
        *(Model(one, EMBEDDING) for one in groups),
        *(Model(GROUPS, one) for one in embeddings if one != EMBEDDING),
    ]
    return list(dict.fromkeys(crossed))
