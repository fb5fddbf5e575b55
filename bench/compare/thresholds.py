"""How large a change must be to count: defaults by metric, and a project's own in its pyproject.toml.

[tool.deploybench.compare]
latency = 0.05                    # relative; accuracy: absolute

[[tool.deploybench.compare.rows]] # the last row that fits decides
variant = "openvino-*"
metric = "latency"
at = "8x*"                        # batch size x length, or the name of a labelled set
threshold = 0.1
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from bench.runs.measurement import batch_shape
from bench.runs.metrics import compared_metrics
from exporters.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.runs.measurement import Row

_ROW_KEYS = {"variant", "metric", "at", "threshold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A threshold for some rows."""

    variant: str  # a pattern: "openvino-*"
    metric: str  # a pattern
    at: str  # a pattern: "8x*" for batches of 8, or the name of a labelled set
    threshold: float

    def fits(self, row: Row) -> bool:
        """Whether it is for this row."""
        variant, metric, workload, data = row
        at = batch_shape(workload) if workload else data or ""
        found = (variant, self.variant), (metric, self.metric), (at, self.at)
        return all(fnmatchcase(name, pattern) for name, pattern in found)


def default_thresholds() -> dict[str, float]:
    """The threshold of each compared metric where a project gives none."""
    return {name: metric.threshold for name, metric in compared_metrics().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The smallest change that counts, relative to the base; of accuracy, absolute."""

    by_metric: dict[str, float] = field(default_factory=default_thresholds)
    rules: tuple[Rule, ...] = ()

    def of(self, row: Row) -> float:
        """The threshold of one row."""
        fitting = [rule for rule in self.rules if rule.fits(row)]
        return fitting[-1].threshold if fitting else self.by_metric[row[1]]


def read_thresholds(file: Path) -> Thresholds:
    """What ``[tool.deploybench.compare]`` of a pyproject.toml says, over the defaults; UserError for what it cannot mean."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; expected a pyproject.toml with [tool.deploybench.compare]") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read as TOML: {error}") from None
    table, place = content, []
    for key in ("tool", "deploybench", "compare"):
        place.append(key)
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise UserError(f"{file}: {'.'.join(place)} is {table!r}, expected a table [tool.deploybench.compare]")
    rows = table.get("rows", [])
    if not isinstance(rows, list):
        raise UserError(
            f"{file}: [tool.deploybench.compare] rows is {rows!r}, expected tables [[tool.deploybench.compare.rows]]"
        )
    given = {key: value for key, value in table.items() if key != "rows"}
    defaults = default_thresholds()
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise UserError(f"{file}: [tool.deploybench.compare] {unknown[0]!r} is no metric; known: {', '.join(defaults)}")
    by_metric = {**defaults, **{key: _threshold(file, key, value) for key, value in given.items()}}
    return Thresholds(by_metric=by_metric, rules=tuple(_rule(file, row) for row in rows))


def _rule(file: Path, row: Any) -> Rule:
    if not isinstance(row, dict) or "threshold" not in row or set(row) - _ROW_KEYS:
        raise UserError(
            f"{file}: a row of [tool.deploybench.compare.rows] is {row!r}, expected threshold, and variant, metric or at"
        )
    patterns = {key: row.get(key, "*") for key in ("variant", "metric", "at")}
    for key, pattern in patterns.items():
        if not isinstance(pattern, str):
            raise UserError(
                f"{file}: [tool.deploybench.compare.rows] {key} is {pattern!r}, expected a pattern in quotes"
            )
    if not any(fnmatchcase(metric, patterns["metric"]) for metric in compared_metrics()):
        raise UserError(
            f"{file}: [tool.deploybench.compare.rows] metric {patterns['metric']!r} fits none of: {', '.join(compared_metrics())}"
        )
    patterns["at"] = patterns["at"].replace("×", "x")  # as the tables have it
    return Rule(**patterns, threshold=_threshold(file, "threshold", row["threshold"]))


def _threshold(file: Path, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{file}: [tool.deploybench.compare] {key} is {value!r}, expected a share from 0 to below 1")
    return float(value)
