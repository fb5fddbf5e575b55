"""Confusion matrices side by side, each row's shares as shades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.report.page.plot import WIDTH, Plot
from bench.report.page.shown import brief, shown
from bench.units import format_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from bench.accuracy import ConfusionMatrix
    from bench.report.page.material import Material
    from bench.saved.store import SetInfo

_BESIDE = 3  # labels: matrices of more stand below each other
_COUNTED = 8  # of more, the counts would be too small to read
_NAMED = 20  # likewise the labels
_LETTERS = 12  # of a label
_UPRIGHT = 6  # letters of labels that have room beside each other
_DARK = 0.6  # a share on which letters are white


def confusion_plots(page: Material) -> tuple[Plot, ...]:
    """One for each labelled set of which matrices were saved."""
    plots = (_plot(page, place, labelled) for place, labelled in enumerate(page.run.sets, start=1))
    return tuple(plot for plot in plots if plot)


def _plot(page: Material, place: int, labelled: SetInfo) -> Plot | None:
    saved = {
        one.variant: one.confusion
        for one in page.run.measurements
        if one.metric == "accuracy" and one.data == labelled.name and one.confusion
    }
    matrices = {variant: saved[variant] for variant in page.leading if variant in saved}
    labels = page.run.checkpoint.labels
    beside = len(labels) <= _BESIDE
    rows, columns = (1, len(matrices)) if beside else (len(matrices), 1)

    def draw(drawing: Drawing) -> None:
        every = drawing.subplots(rows, columns, squeeze=False)
        for axes, (variant, matrix) in zip(every.flat, matrices.items(), strict=True):
            _draw(axes, variant, matrix, labels)
        for axes in every[:, 0]:
            axes.set_ylabel("true label")
        for axes in every[-1]:
            axes.set_xlabel("predicted")

    plot = Plot(
        name=f"confusion-{place}",
        title=f"Confusion on {shown(labelled.name)}",
        words=f"Confusion on {shown(labelled.name)}. {'; '.join(_words(*one, labels) for one in matrices.items())}",
        height=2.6 if beside else WIDTH * rows,
        draw=draw,
    )
    return plot if matrices else None


def _draw(axes: Axes, variant: str, matrix: ConfusionMatrix, labels: Sequence[str]) -> None:
    counts = np.asarray(matrix, dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    many = len(labels) > _NAMED  # as a raster: each cell would be a path of its own otherwise
    edges = "none" if many else "white"
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors=edges, rasterized=many)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_title(brief(variant), fontsize=8)
    middles = [] if many else [place + 0.5 for place in range(len(labels))]
    names = [] if many else [brief(label, _LETTERS) for label in labels]
    upright = len(labels) <= _BESIDE and max(map(len, names), default=0) <= _UPRIGHT
    axes.set_xticks(middles, names, rotation=0 if upright else 90, fontsize=8)
    axes.set_yticks(middles, names, fontsize=8)
    if len(labels) <= _COUNTED:
        _write_counts(axes, counts, shares)


def _write_counts(axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> None:
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > _DARK else "black"
        text = format_count(int(counts[row, column]))
        axes.text(column + 0.5, row + 0.5, text, color=colour, ha="center", va="center", fontsize=9)


def _words(variant: str, matrix: ConfusionMatrix, labels: Sequence[str]) -> str:
    right = sum(matrix[index][index] for index in range(len(labels)))
    total = sum(map(sum, matrix))
    return f"{shown(variant)}: {format_count(right)} of {format_count(total)} right"
