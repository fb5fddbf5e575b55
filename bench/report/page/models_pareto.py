"""Every pair of model and variant by its costs and its accuracy loss: a colour for each model, names where they decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...analysis.models.pairs import of_pair
from ...analysis.models.selection import best_of_each, default_models_selection, pair_figures
from ...analysis.selection import deciding_figure
from ..formats.escapes import brief, shown
from .pareto import COSTS, format_loss, mark_best, name_loss, scale_costs
from .plot import Plot, add_legend, looks
from .point_names import name_points

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from ...analysis.selection import Candidate, Selection
    from ...runs.measurement import Figure
    from ...runs.store import Run

_LOSS = "accuracy loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    pair: str
    model: str
    variant: str
    x: float  # a cost, in the unit of its axis
    y: float  # accuracy loss, or another cost
    candidate: Candidate


def models_pareto_plots(runs: tuple[Run, ...]) -> tuple[Plot, ...]:
    """Accuracy loss against each cost; where no accuracy is known, memory and size against latency."""
    selection = default_models_selection(runs)
    latency, *others = COSTS
    known = any(one.drop for one in selection.candidates)
    axes = [(_LOSS, cost) for cost in COSTS] if known else [(cost, latency) for cost in others]
    found = {(y, x): _points(runs, selection, y, x) for y, x in axes}
    return tuple(_plot(runs, selection, names, points) for names, points in found.items() if points)


def _points(runs: tuple[Run, ...], selection: Selection, y: str, x: str) -> list[_Point]:
    """Without the pairs of which one of the two is not known."""
    points, known = [], [one for one in pair_figures(runs) if one.value is not None]
    for one in selection.candidates:
        across, up = (_value(known, one, axis) for axis in (x, y))
        if across is not None and up is not None:
            run, variant = of_pair(runs, one.variant)
            model = run.checkpoint.name
            points.append(_Point(pair=one.variant, model=model, variant=variant, x=across, y=up, candidate=one))
    return points


def _value(figures: Sequence[Figure], one: Candidate, axis: str) -> float | None:
    if axis == _LOSS:
        return one.drop.share if one.drop else None
    figure = deciding_figure(figures, one.variant, axis)
    return figure.value * COSTS[axis][1].factor if figure and figure.value is not None else None


def _plot(runs: tuple[Run, ...], selection: Selection, names: tuple[str, str], points: Sequence[_Point]) -> Plot:
    (up, y_unit), (across, x_unit) = (_axis(name) for name in names)
    title = f"{up[0].upper()}{up[1:]} against {across}"

    def told(one: _Point) -> str:
        value = format_loss(one.y) if names[0] == _LOSS else f"{one.y:.3g} {y_unit}"
        return f"{shown(one.pair)}: {one.x:.3g} {x_unit}, {value}"

    def draw(drawing: Drawing) -> None:
        axes, named = drawing.subplots(), _named(runs, selection, points)
        _draw(runs, axes, points, named)
        scale_costs(axes, "x", [one.x for one in points])
        axes.set_xlabel(f"{across} ({x_unit})")
        if names[0] == _LOSS:
            name_loss(axes, selection, {one.pair: one.candidate.drop for one in points if one.candidate.drop})
        else:
            scale_costs(axes, "y", [one.y for one in points])
            axes.set_ylabel(f"{up} ({y_unit})")
        mark_best(axes, [(one.x, one.y) for one in points if one.candidate is selection.best])
        add_legend(drawing, axes)
        name_points(drawing, axes, [(one.x, one.y) for one in points], named)

    front = ", ".join(shown(one.pair) for one in points if one.candidate.pareto_front)
    return Plot(
        name=f"pareto-{across}-{up}".replace(" ", "-"),
        title=title,
        words=f"{title}; lower left is better. On the Pareto front: {front}. {'; '.join(map(told, points))}",
        height=5.6,
        draw=draw,
    )


def _axis(name: str) -> tuple[str, str]:
    """What people call it, and its unit."""
    if name == _LOSS:
        return _LOSS, ""
    called, scale = COSTS[name]
    return called, scale.unit


def _draw(runs: tuple[Run, ...], axes: Axes, points: Sequence[_Point], named: Container[int]) -> None:
    """Points in the colours of their models; of 50 intervals none could be read, so only the ``named`` points have one."""
    look_of = looks([run.checkpoint.name for run in runs])
    for model, look in look_of.items():
        axes.plot([], [], color=look.colour, marker=look.marker, linestyle="", label=brief(model))
    for place, one in enumerate(points):
        look, drop = look_of[one.model], one.candidate.drop if place in named else None
        axes.errorbar(
            one.x,
            one.y,
            yerr=[[max(0.0, drop.share - drop.least)], [max(0.0, drop.most - drop.share)]] if drop else None,
            color=look.colour,
            marker=look.marker,
            markersize=6,
            markerfacecolor=look.colour if one.candidate.pareto_front else "white",
            elinewidth=1,
            linestyle="",
        )


def _named(runs: tuple[Run, ...], selection: Selection, points: Sequence[_Point]) -> dict[int, str]:
    """The variants of the best pair of each model, then of the front of these two axes, by place in ``points``."""
    best = best_of_each(runs, selection).values()
    front = [one.pair for one in points if not any(_beats(other, one) for other in points)]
    places = {one.pair: place for place, one in enumerate(points)}
    return {places[pair]: brief(points[places[pair]].variant) for pair in (*best, *front) if pair in places}


def _beats(one: _Point, other: _Point) -> bool:
    return one.x <= other.x and one.y <= other.y and (one.x, one.y) != (other.x, other.y)
