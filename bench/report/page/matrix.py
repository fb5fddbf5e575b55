"""A confusion matrix: shades are shares of each row, with as much text as is readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..formats.escapes import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes

_COUNTED = 8  # labels; the numbers of more would be too small to read
_NAMED = 20  # labels that are named; likewise
_LETTERS = 12  # of a label
_BESIDE, _UPRIGHT = 3, 6  # labels, and letters of each, that fit side by side
_WIDE = 4  # labels; cells of more have smaller letters
_DARK = 0.6  # share from which letters are white


def draw_matrix(
    axes: Axes, counts: npt.NDArray[np.int64], labels: Sequence[str], told: Callable[[int, float], str]
) -> None:
    """Draw ``counts`` (rows: true label, columns: predicted); ``told`` words a cell from its count and share of its row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    many = len(labels) > _NAMED  # a raster, since each cell would be a path of its own
    edges = "none" if many else "white"
    shades = axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors=edges, rasterized=many)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.grid(visible=False)
    shown = range(0, len(labels), len(labels) // _NAMED + 1)  # of many, those that fit
    middles = [place + 0.5 for place in shown]
    names = [brief(labels[place], _LETTERS) for place in shown]
    upright = len(labels) <= _BESIDE and max(map(len, names), default=0) <= _UPRIGHT
    axes.set_xticks(middles, names, rotation=0 if upright else 90, fontsize=8)
    axes.set_yticks(middles, names, fontsize=8)
    size = 9 if len(labels) <= _WIDE else 7
    if len(labels) <= _COUNTED:
        for row, column in np.ndindex(*counts.shape):
            share = float(shares[row, column])
            colour = "white" if share > _DARK else "black"
            text = told(int(counts[row, column]), share)
            axes.text(column + 0.5, row + 0.5, text, color=colour, ha="center", va="center", fontsize=size)
    else:
        axes.figure.colorbar(shades, ax=axes, label="share of the true label")
