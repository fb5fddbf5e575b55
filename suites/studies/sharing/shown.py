"""Tables and plots of the saved figures."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

from ....bench.analysis.misclassified.groups import Group
from ....bench.report.cells import Column, Table
from ....bench.report.page.plot import Plot, add_legend, looks
from ....bench.runs.measurement import Figure
from ....bench.statistics import interval_factors
from ....bench.units import LARGE_COUNT, MEGABYTES, MILLISECONDS, SHARE, counted
from .grid import EMBEDDING, GROUPS, LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_COSTS = {
    "size": "on disk, as stored parameters",  # equal within 1 %: one line would hide the other
    "resident": "resident memory",
    "latency": "latency",
    "effective": "effective parameters",
}
_AXES = {
    "groups": (f"sets of weights among {LAYERS} layers, embedding {EMBEDDING}", ("embedding", EMBEDDING)),
    "embedding": (f"width of the table of embeddings, {counted(GROUPS, 'set')} of weights", ("groups", GROUPS)),
}
_KIND = "groups × embedding"


def costs_tables(figures: Mapping[str, Any]) -> list[Table]:
    """One for each variant."""
    columns = (
        Column(head="parameters", scale=LARGE_COUNT),
        Column(head="effective", scale=LARGE_COUNT),
        Column(head="on disk", scale=MEGABYTES),
        Column(head="resident", scale=MEGABYTES),
        Column(head="latency", scale=MILLISECONDS, interval=True),
    )
    at = f"1 × {figures['sequence_length']} tokens, {counted(figures['threads'], 'thread')}"
    notes = (
        "groups: sets of weights among the layers; 1: all layers share one",
        "effective: a layer's parameters at each of its uses",
        f"resident: what loading and batches of {at} add to a process",
        f"latency: median of processes, {at}, 95 % interval; all rows in one interleaved run",
    )
    return [
        Table(
            title=f"ALBERT-base, random weights, {variant}",
            columns=columns,
            rows={_name(row): _costs(row) for row in _latencies(figures["rows"]) if row["variant"] == variant},
            notes=notes,
            kind=_KIND,
        )
        for variant in dict.fromkeys(row["variant"] for row in figures["rows"])
    ]


def accuracy_table(figures: Mapping[str, Any]) -> Table:
    """Accuracy of the small models on each labelled set."""
    sizes = figures["recipe"]["architecture"]
    columns = [Column(head="parameters", scale=LARGE_COUNT)]
    columns += [
        Column(head=f"accuracy {name}", short=f"accuracy\n{name}", scale=SHARE, interval=True)
        for name in figures["sets"]
    ]
    rows = {
        _name(row): (
            _figure("parameters", row["parameters"]),
            *(_accuracy(row, name, figures) for name in figures["sets"]),
        )
        for row in figures["rows"]
    }
    layers, hidden, epochs = sizes["num_hidden_layers"], sizes["hidden_size"], figures["recipe"]["epochs"]
    return Table(
        title=f"ALBERT of {layers} layers of {hidden}, trained from scratch for {counted(epochs, 'epoch')}",
        columns=tuple(columns),
        rows=rows,
        notes=("accuracy: ± to the farther end of Wilson's 95 % interval; one training each, of one seed",),
        kind=_KIND,
    )


def plots(costs: Mapping[str, Any], accuracy: Mapping[str, Any] | None) -> list[Plot]:
    """By groups and by embedding: each cost as a share of its maximum, and the accuracy below."""
    return [_plot(axis, costs, accuracy) for axis in _AXES]


def _latencies(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their latency in seconds and the factor of its 95 % interval."""
    factors = interval_factors([row["process_medians"] for row in rows], [_name(row) + row["variant"] for row in rows])
    return [
        {**row, "latency": statistics.median(row["process_medians"]), "factor": factor}
        for row, factor in zip(rows, factors, strict=True)
    ]


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['groups']} × {row['embedding']}"


def _costs(row: Mapping[str, Any]) -> tuple[Figure, ...]:
    known = math.isfinite(row["factor"])
    low, high = (row["latency"] / row["factor"], row["latency"] * row["factor"]) if known else (None, None)
    exact = (_figure(name, row[name]) for name in ("parameters", "effective", "size", "resident"))
    return (*exact, _figure("latency", row["latency"], low, high))


def _accuracy(row: Mapping[str, Any], name: str, figures: Mapping[str, Any]) -> Figure:
    group = _right(row, name, figures)
    return _figure("accuracy", row["accuracy"][name], *group.interval)


def _right(row: Mapping[str, Any], name: str, figures: Mapping[str, Any]) -> Group:
    texts = figures["sets"][name]["texts"]
    return Group(texts=texts, right=round(row["accuracy"][name] * texts))


def _figure(metric: str, value: float, low: float | None = None, high: float | None = None) -> Figure:
    return Figure(
        variant="",
        metric=metric,
        value=float(value),
        unit="",
        low=low,
        high=high,
        n=1,
        status="ok",
        reason="",
        workload=None,
    )


def _along(rows: Sequence[Mapping[str, Any]], axis: str) -> list[Mapping[str, Any]]:
    """The rows that differ from the published model only in ``axis``, sorted by it."""
    fixed, value = _AXES[axis][1]
    return sorted((row for row in rows if row[fixed] == value), key=lambda row: int(row[axis]))


def _plot(axis: str, costs: Mapping[str, Any], accuracy: Mapping[str, Any] | None) -> Plot:
    variant = costs["rows"][-1]["variant"]
    rows = _along([row for row in _latencies(costs["rows"]) if row["variant"] == variant], axis)
    trained = _along(accuracy["rows"], axis) if accuracy else []
    lines = {name: [row[key] / max(one[key] for one in rows) for row in rows] for key, name in _COSTS.items()}
    title = f"What sharing saves and what it does not, by {axis}"
    told = "; ".join(f"{name}: {', '.join(f'{share:.2f}' for share in shares)}" for name, shares in lines.items())
    places = ", ".join(str(row[axis]) for row in rows)

    def draw(drawing: Drawing) -> None:
        rows_of_plots, heights = (2, [2, 1]) if trained else (1, None)
        every = drawing.subplots(rows_of_plots, squeeze=False, sharex=True, height_ratios=heights)
        above, *below = every[:, 0]
        styles = looks(tuple(lines))
        for name, shares in lines.items():
            look = styles[name]
            above.plot(
                [row[axis] for row in rows],
                shares,
                color=look.colour,
                marker=look.marker,
                linestyle=look.dash,
                label=name,
            )
        above.set_ylim(bottom=0)
        above.set_ylabel(f"share of the most, {variant}")
        for axes in below:
            _draw_accuracy(axes, axis, trained, accuracy or {})
        for axes in (above, *below):
            axes.set_xscale("log")
            axes.set_xticks([row[axis] for row in rows], [str(row[axis]) for row in rows])
            axes.minorticks_off()
        (above, *below)[-1].set_xlabel(_AXES[axis][0])
        add_legend(drawing, above)

    words = f"{title}. At {places}, as shares of the most: {told}"
    return Plot(name=f"sharing-{axis}", title=title, words=words, height=6.4 if trained else 4.6, draw=draw)


def _draw_accuracy(axes: Axes, axis: str, rows: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]) -> None:
    styles = looks(tuple(figures["sets"]))
    for name, look in styles.items():
        groups = [_right(row, name, figures) for row in rows]
        ends = [(group.accuracy or 0.0, *group.interval) for group in groups]
        axes.errorbar(
            [row[axis] for row in rows],
            [value for value, _, _ in ends],
            yerr=[[value - (low or 0.0) for value, low, _ in ends], [(high or 1.0) - value for value, _, high in ends]],
            color=look.colour,
            marker=look.marker,
            elinewidth=1,
        )
    axes.set_ylabel(f"accuracy, {', '.join(styles)}")
