"""Latency by batch size and peak memory by sequence length, one line per variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ...analysis.figures import latency_workload, memory_workload, timed_lengths
from ...units import MEGABYTES, MILLISECONDS, Scale, counted
from ..formats.escapes import brief, shown
from .plot import Plot, add_legend, make_logarithmic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from ...runs.measurement import Figure, Workload
    from .material import Material
    from .plot import Look

    _Lines: TypeAlias = dict[str, dict[int, Figure]]  # by variant and place on the axis


def latency_plots(page: Material) -> tuple[Plot, ...]:
    """One, with logarithmic axes: a straight line is time proportional to the batch size."""
    plan = page.run.plan
    places = {size: latency_workload(page.run, size) for size in plan.batch_sizes}
    lines = _lines(page, "latency", places)
    at = f"{timed_lengths(page.run)}, {counted(plan.threads, 'thread')}"
    title = f"Latency of a batch, {at}"

    def draw(drawing: Drawing) -> None:
        axes = drawing.subplots()
        _draw(axes, lines, page.looks, MILLISECONDS)
        if all(one.value for of_variant in lines.values() for one in of_variant.values()):
            make_logarithmic(axes, "y")
        _name_axes(axes, places, "batch size", "latency (ms)")
        add_legend(drawing, axes)

    plot = Plot(name="latency-by-batch", title=title, words=_words(title, lines, MILLISECONDS), height=5.4, draw=draw)
    return (plot,) if lines else ()


def memory_plots(page: Material) -> tuple[Plot, ...]:
    """One of the heap, one of the resident set size."""
    kinds = {"peak_memory": "heap", "peak_resident": "resident"}
    plots = (_memory_plot(page, metric, kind) for metric, kind in kinds.items())
    return tuple(plot for plot in plots if plot)


def _memory_plot(page: Material, metric: str, kind: str) -> Plot | None:
    places = {length: memory_workload(page.run, length) for length in page.run.plan.sequence_lengths}
    lines = _lines(page, metric, places)
    title = f"Peak memory ({kind}) by length, batches of {page.run.plan.memory_batch_size}"

    def draw(drawing: Drawing) -> None:
        axes = drawing.subplots()
        _draw(axes, lines, page.looks, MEGABYTES)
        axes.set_ylim(bottom=0)
        _name_axes(axes, places, "tokens in a text", f"peak memory, {kind} (MB)")
        add_legend(drawing, axes)

    plot = Plot(name=f"memory-{kind}", title=title, words=_words(title, lines, MEGABYTES), height=5.4, draw=draw)
    return plot if lines else None


def _lines(page: Material, metric: str, places: Mapping[int, Workload]) -> _Lines:
    """Variants without a value have no line."""
    by_place = {(one.variant, one.workload): one for one in page.figures if one.metric == metric and not one.data}
    lines: _Lines = {}
    for variant in page.run.plan.variants:
        found = {place: by_place[variant, workload] for place, workload in places.items()}
        known = {place: one for place, one in found.items() if one.value is not None}
        if known:
            lines[variant] = known
    return lines


def _draw(axes: Axes, lines: _Lines, look_of: Mapping[str, Look], scale: Scale) -> None:
    for variant, figures in lines.items():
        look = look_of[variant]
        values = [(one.value or 0.0) * scale.factor for one in figures.values()]
        axes.errorbar(
            list(figures),
            values,
            yerr=_errors(figures, scale),
            color=look.colour,
            marker=look.marker,
            linestyle=look.dash,
            elinewidth=1,
            label=brief(variant),
        )


def _errors(figures: Mapping[int, Figure], scale: Scale) -> list[list[float]]:
    """Distances to the lower and upper ends of the intervals; 0 without one."""
    ends = [(one.value or 0.0, one.low, one.high) for one in figures.values()]
    below = [0.0 if low is None else (value - low) * scale.factor for value, low, _ in ends]
    above = [0.0 if high is None else (high - value) * scale.factor for value, _, high in ends]
    return [below, above]


def _name_axes(axes: Axes, places: Mapping[int, Workload], x: str, y: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(places), [str(place) for place in places])
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _words(title: str, lines: _Lines, scale: Scale) -> str:
    told = (
        f"{shown(variant)}: " + ", ".join(f"{(one.value or 0.0) * scale.factor:.3g}" for one in figures.values())
        for variant, figures in lines.items()
    )
    return f"{title}, in {scale.unit}. {'; '.join(told)}"
