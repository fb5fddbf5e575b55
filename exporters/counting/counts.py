"""Counts of an architecture, made without weights and without computing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts of one architecture; those by length are for one text of that many tokens.

    An activation is a tensor computed from weights: neither a weight, nor the ids, nor the mask. Activations are those of
    PyTorch's operators in fp32 on a CPU, with attention written out; a tensor and its views count once.
    """

    parameters: int  # stored: a shared one counts once
    effective: int  # a layer's parameters once per use; embedding tables count once
    embedding: int  # weights of the token embedding, V × E, and of its projection to the hidden size H
    unfactored: int  # weights of a token embedding of V × H
    operations: dict[int, int]  # by length: of all matrix products, 2 per multiply-add
    live: dict[int, int]  # by length: bytes of activations, the most at once; each from its creation to its last use
    kept: dict[int, int]  # by length: bytes of activations that training keeps for the backward pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Both counts of one architecture, at the lengths that it takes."""

    built: Counts
    formula: Counts | None  # None: there is none
    max_length: int | None  # tokens; None: no limit
    no_formula: str = ""  # why

    @property
    def differences(self) -> tuple[str, ...]:
        """The counts in which formula and built model differ."""
        return tuple(_differences(self.formula, self.built)) if self.formula else ()


def _differences(formula: Counts, built: Counts) -> Iterator[str]:
    for name in (one.name for one in fields(Counts)):
        ours, theirs = getattr(formula, name), getattr(built, name)
        by_place = {name: (ours, theirs)}
        if isinstance(theirs, dict):
            by_place = {f"{name} at {length} tokens": (ours[length], theirs[length]) for length in theirs}
        for place, (one, other) in by_place.items():
            if one != other:
                yield f"{place} {one:,} by formula, {other:,} built"
