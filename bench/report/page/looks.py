"""The colour, marker and line of each variant, the same in all plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Okabe and Ito's colours, distinct for colour-blind people; wine replaces yellow, which is invisible on white.
_COLOURS = ("#444444", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#882255")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
_DASHES = ("-", "--", ":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A colour, a marker and a kind of line."""

    colour: str
    marker: str
    dash: str


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """By variant, in the order of the plan; variants of the same colour differ in marker and line."""
    return {
        name: Look(
            colour=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)],
            dash=_DASHES[place // len(_COLOURS) % len(_DASHES)],
        )
        for place, name in enumerate(variants)
    }
