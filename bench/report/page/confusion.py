"""Confusion matrices of variants, side by side or below each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...units import format_count
from ..formats.escapes import brief, shown
from .matrix import draw_matrix
from .plot import WIDTH, Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from ...measure.accuracy import ConfusionMatrix
    from ...runs.store import SetInfo
    from .material import Material

_BESIDE = 3  # labels; matrices of more are drawn below each other


def confusion_plots(page: Material) -> tuple[Plot, ...]:
    """One per labelled set with saved matrices."""
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
    draw_matrix(axes, np.asarray(matrix, dtype=np.int64), labels, lambda count, _: format_count(count))
    axes.set_title(brief(variant), fontsize=8)


def _words(variant: str, matrix: ConfusionMatrix, labels: Sequence[str]) -> str:
    right = sum(matrix[index][index] for index in range(len(labels)))
    total = sum(map(sum, matrix))
    return f"{shown(variant)}: {format_count(right)} of {format_count(total)} right"
