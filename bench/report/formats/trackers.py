"""The figures that ``compare`` judges, in formats of trackers: services that plot a benchmark over commits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ....exporters.errors import UserError
from ...printable import printable
from ...runs.measurement import batch_shape
from ...runs.metrics import METRICS, compared_metrics
from ...runs.rows import row_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...runs.measurement import Figure
    from ...runs.store import Run

_UNITS = {"s": "seconds", "B": "bytes", "1/s": "per_second", "B/s": "bytes_per_second", "1": "ratio"}
_CHARTED = {"s": ("ms", 1e3), "B": ("MB", 1e-6), "1": ("share", 1.0)}  # unit of a chart, and METRICS' unit in it
_BENCHER = {"latency": ("latency", 1e9), "artifact_size": ("file-size", 1.0)}  # built-in measures, in ns and bytes


def render_tracker(runs: Sequence[Run], fmt: str) -> str:
    """Figures of one model or several in a format of TRACKERS; those without a value are left out.

    Raises UserError where none has a value.
    """
    found = [(run, figure) for run in runs for figure in tracked(run)]
    if not found:
        raise UserError(f"--format {fmt}: {runs[0].path} has no figure with a value, expected one; measure again")
    return TRACKERS[fmt](found, len(runs) > 1)


def tracked(run: Run) -> Iterable[Figure]:
    """The figures with a value that ``compare`` judges."""
    from ...analysis.figures import figures

    compared = compared_metrics()
    return (one for one in figures(run) if one.metric in compared and one.label is None and one.value is not None)


def _github_action_benchmark(found: Sequence[tuple[Run, Figure]], several: bool) -> str:
    """The JSON of its tool ``customSmallerIsBetter``: of an accuracy the error rate; nothing else where more is better."""
    smaller = [(run, one) for run, one in found if METRICS[one.metric].better == "lower" or _is_accuracy(one)]
    return _json([_charted(figure, _row(run, figure, several=several)) for run, figure in smaller])


def _charted(figure: Figure, row: str) -> dict[str, Any]:
    name = "error rate" if _is_accuracy(figure) else figure.metric.replace("_", " ")
    unit, factor = _CHARTED[figure.unit]
    value = float(figure.value or 0.0)
    scaled = _scaled(1 - value if _is_accuracy(figure) else value, factor)
    entry = {"name": " ".join(filter(None, (row, name, _place(figure)))), "unit": unit, "value": scaled}
    if figure.low is None or figure.high is None:
        return entry
    return {**entry, "range": f"± {_scaled(figure.high - figure.low, factor / 2):.3g}"}


def _is_accuracy(figure: Figure) -> bool:
    return METRICS[figure.metric].kind == "accuracy"


def _bencher(found: Sequence[tuple[Run, Figure]], several: bool) -> str:
    """Bencher Metric Format: benchmark, measure, value with its interval."""
    benchmarks: dict[str, dict[str, dict[str, float]]] = {}
    for run, figure in found:
        name = " ".join(filter(None, (_row(run, figure, several=several), _place(figure))))
        usual = _with_unit(figure.metric).replace("_", "-")
        measure, factor = _BENCHER.get(figure.metric, (usual, 1.0))
        values = {"value": figure.value, "lower_value": figure.low, "upper_value": figure.high}
        scaled = {key: _scaled(value, factor) for key, value in values.items() if value is not None}
        benchmarks.setdefault(name, {})[measure] = scaled
    return _json(benchmarks)


def _metrics_json(found: Sequence[tuple[Run, Figure]], several: bool) -> str:
    """Nested objects with numbers as leaves: model where there are several, variant, metric, workload or set."""
    root: dict[str, Any] = {}
    for run, figure in found:
        models = [str(printable(run.checkpoint.name))] if several else []
        *parents, last = (*models, *path_of(figure))
        at = root
        for name in parents:
            at = at.setdefault(name, {})
        at[last] = figure.value
    return _json(root)


def path_of(figure: Figure) -> list[str]:
    """Variant, metric with its unit, and labelled set or workload if it has one."""
    return [str(one) for one in (printable(figure.variant), _with_unit(figure.metric), _place(figure)) if one]


def _openmetrics(found: Sequence[tuple[Run, Figure]], _several: bool) -> str:
    """OpenMetrics 1.0: a gauge for each metric, and for the ends of its interval."""
    families: dict[str, list[str]] = {}
    for run, figure in found:
        for end, value in (("", figure.value), ("low", figure.low), ("high", figure.high)):
            if value is None:
                continue
            unit = _UNITS[figure.unit]
            family = "_".join(filter(None, ("deploybench", figure.metric, end, unit)))
            better = f"{figure.metric.replace('_', ' ')}, {METRICS[figure.metric].better} is better"
            help_text = f"95 % interval of {better}: {end} end" if end else better
            head = [f"# TYPE {family} gauge", f"# UNIT {family} {unit}", f"# HELP {family} {help_text}"]
            families.setdefault(family, head).append(f"{family}{{{_labels(run, figure)}}} {float(value)!r}")
    return "\n".join([*(line for lines in families.values() for line in lines), "# EOF"]) + "\n"


def _labels(run: Run, figure: Figure) -> str:
    labels: dict[str, Any] = {"model": run.checkpoint.name, "variant": figure.variant}
    if figure.data:
        labels["data"] = figure.data
    elif figure.workload:
        labels |= asdict(figure.workload)
    return ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items())


def _escaped(text: str) -> str:
    return str(printable(text)).replace("\\", r"\\").replace('"', r"\"")


def _row(run: Run, figure: Figure, *, several: bool) -> str:
    return str(printable(row_name(run.checkpoint.name if several else "", figure.variant)))


def _place(figure: Figure) -> str:
    """Labelled set or workload, in ASCII: ``8x128``; empty if the metric has neither."""
    if figure.data or not figure.workload:
        return str(printable(figure.data or ""))
    padding = figure.workload.padding
    return batch_shape(figure.workload) + ("" if padding == "full" else f" {padding}")


def _with_unit(metric: str) -> str:
    unit = METRICS[metric].unit
    return metric if unit == "1" else f"{metric}_{_UNITS[unit]}"


def _scaled(value: float, factor: float) -> float:
    """The product, without the last digits, which are rounding."""
    return float(f"{factor * value:.12g}")


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


TRACKERS: dict[str, Callable[[Sequence[tuple[Run, Figure]], bool], str]] = {
    "github-action-benchmark": _github_action_benchmark,
    "bencher": _bencher,
    "openmetrics": _openmetrics,
    "metrics-json": _metrics_json,
}
