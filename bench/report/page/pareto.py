"""Accuracy loss against each cost: every variant is a point, filled on the Pareto front of all costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...analysis.selection import deciding_figure
from ...units import DIFFERENCE, MEGABYTES, MILLISECONDS, Scale, format_number
from ..formats.escapes import brief, shown
from ..quality import loss_name
from .plot import Plot, add_legend, make_logarithmic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from ...analysis.accuracy_loss import Drop
    from ...analysis.selection import Candidate, Selection
    from ...runs.measurement import Figure
    from .material import Material

COSTS = {
    "latency": ("latency", MILLISECONDS),
    "peak_memory": ("peak memory", MEGABYTES),
    "artifact_size": ("size on disk", MEGABYTES),
}
_NUMBERS = (1, 1.5, 2, 3, 5, 7)  # labels of the axis; most spans are below a power of ten
_FEW_NUMBERS = (1, 2, 5)
_WIDE, _VERY_WIDE = 4, 40  # times the minimum; a wider span is logarithmic, and a very wide one has few numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    variant: str
    cost: float  # in the unit of the axis
    drop: Drop
    front: bool


def pareto_plots(page: Material) -> tuple[Plot, ...]:
    """One per cost that is known of a variant with a known accuracy."""
    found = {metric: _points(page, metric, scale) for metric, (_, scale) in COSTS.items()}
    return tuple(_plot(page, metric, points) for metric, points in found.items() if points)


def _points(page: Material, metric: str, scale: Scale) -> list[_Point]:
    every = [one for one in page.figures if one.value is not None]
    found = ((one, deciding_figure(every, one.variant, metric)) for one in page.selection.candidates)
    return [point for one, figure in found if (point := _point(one, figure, scale))]


def _point(one: Candidate, figure: Figure | None, scale: Scale) -> _Point | None:
    if one.drop is None or figure is None or figure.value is None:
        return None
    return _Point(variant=one.variant, cost=figure.value * scale.factor, drop=one.drop, front=one.pareto_front)


def _plot(page: Material, metric: str, points: Sequence[_Point]) -> Plot:
    name, scale = COSTS[metric]
    told = "; ".join(
        f"{shown(one.variant)}: {one.cost:.3g} {scale.unit}, {format_loss(one.drop.share)}" for one in points
    )
    lost = f"{loss_name(points[0].drop.metric)} loss".replace("accuracy", "Accuracy")
    front = ", ".join(shown(one.variant) for one in points if one.front)

    def draw(drawing: Drawing) -> None:
        axes = drawing.subplots()
        _draw(page, axes, points)
        axes.set_xlabel(f"{name} ({scale.unit})")
        add_legend(drawing, axes)

    return Plot(
        name=f"pareto-{name.replace(' ', '-')}",
        title=f"{lost} against {name}",
        words=f"{lost} against {name}; lower left is better. On the Pareto front: {front}. {told}",
        height=5.2,
        draw=draw,
    )


def _draw(page: Material, axes: Axes, points: Sequence[_Point]) -> None:
    for one in points:
        look = page.looks[one.variant]
        axes.errorbar(
            one.cost,
            one.drop.share,
            yerr=[[max(0.0, one.drop.share - one.drop.least)], [max(0.0, one.drop.most - one.drop.share)]],
            color=look.colour,
            marker=look.marker,
            markersize=8,
            markerfacecolor=look.colour if one.front else "white",
            elinewidth=1,
            linestyle="",
            label=brief(one.variant) + "*" * one.front,
        )
    scale_costs(axes, "x", [one.cost for one in points])
    mark_best(axes, [(one.cost, one.drop.share) for one in points if one.variant == page.best])
    name_loss(axes, page.selection, {one.variant: one.drop for one in points})


def scale_costs(axes: Axes, which: Literal["x", "y"], costs: Sequence[float]) -> None:
    """Make an axis of costs logarithmic where they span much."""
    if min(costs) > 0 and max(costs) / min(costs) > _WIDE:
        make_logarithmic(axes, which, _NUMBERS if max(costs) / min(costs) < _VERY_WIDE else _FEW_NUMBERS)


def mark_best(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """A ring around the point that is recommended, if there is one."""
    for x, y in points:
        axes.scatter(x, y, s=260, facecolors="none", edgecolors="black", label="recommended")


def name_loss(axes: Axes, selection: Selection, drops: Mapping[str, Drop]) -> None:
    """Name the axis of accuracy loss, of ``drops`` by variant, and draw a line at the loss that is allowed."""
    _draw_limit(axes, selection.max_drop)
    axes.yaxis.set_major_formatter(lambda value, _: format_loss(value))
    axes.set_ylabel(_lost_on(drops, selection.reference))


def _draw_limit(axes: Axes, most: float) -> None:
    axes.axhline(most, color="black", linewidth=1, linestyle="--")
    axes.annotate(
        f"limit {most:g}",
        (1.0, most),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _lost_on(drops: Mapping[str, Drop], reference: str) -> str:
    """Label of the axis, from the losses by variant; without labelled texts they are the texts whose class changed."""
    if not any(one.labelled for one in drops.values()):
        return f"share of labels that differ from {reference}'s"
    names = {one.on for variant, one in drops.items() if variant != reference}
    lost = f"{loss_name(next(one.metric for one in drops.values()))} loss"
    return f"{lost} on {brief(names.pop())}" if len(names) == 1 else f"{lost} on the worst set"


def format_loss(value: float) -> str:
    """Of accuracy, as on the axis."""
    return format_number(value, DIFFERENCE, 3)
