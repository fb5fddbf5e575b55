"""Compare files of pytest-benchmark of any project, without a block of ours; they have one process per side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import RunFileError
from ..machine.cpu import UNKNOWN
from ..runs.measurement import Measurement, Row
from ..runs.store import BLOCK, load_saved, read_runs
from .changes import Comparison
from .comparability import commit_name, differences, obstacle
from .judging import Terms, judge_rows
from .matching import refuse_same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .thresholds import Thresholds

_NO_VALUES = "no raw values were saved (run pytest-benchmark with --benchmark-save-data)"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockRun:
    """What a file of pytest-benchmark holds."""

    path: Path
    rows: Mapping[Row, Measurement]  # latency in s, by the benchmark's full name with parameters
    summarised: frozenset[Row]  # rows with a median but no raw values
    facts: Mapping[str, Any]  # by names of FACTS


def is_stock(path: Path | str) -> bool:
    """Whether this is a file of pytest-benchmark without a block of ours."""
    path = Path(path)
    saved = None if path.is_dir() else load_saved(path)
    return isinstance(saved, dict) and isinstance(saved.get("benchmarks"), list) and BLOCK not in saved


def compare_stock_files(base: Path | str, contender: Path | str, thresholds: Thresholds) -> Comparison:
    """Compare two stock files, or the stock parts of saved runs; raises RunFileError, and UserError for one file twice."""
    runs = read_stock(base), read_stock(contender)
    refuse_same(*(one.path for one in runs))
    return compare_stock(*runs, thresholds)


def read_stock(path: Path | str) -> StockRun:
    """Read pytest-benchmark's part of a file, or of the newest saved run below a folder; raises RunFileError."""
    path = Path(path)
    path = read_runs(path)[0].path if path.is_dir() else path
    saved = load_saved(path)
    try:
        timed = [
            one for one in saved["benchmarks"] if one["extra_info"].get("unit", "s") == "s"
        ]  # ours has sizes as well
        found = [(_name(one["fullname"]), _values(one["stats"])) for one in timed]
        facts = _facts(saved)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{type(error).__name__} {error}"
        raise RunFileError(f"{path}: not a valid file of pytest-benchmark: {reason:.60}") from None
    rows: dict[Row, Measurement] = {}
    for name, (values, _) in found:
        row = (name, "latency", None, None)
        if row in rows:  # either may be the right one
            raise RunFileError(
                f"{path}: benchmark {name!r} appears twice, expected each name once; save each run in its own file"
            )
        rows[row] = Measurement(variant=name, metric="latency", values=values)
    summarised = frozenset((name, "latency", None, None) for name, (_, raw) in found if not raw)
    return StockRun(path=path, rows=rows, summarised=summarised, facts=facts)


def compare_stock(base: StockRun, contender: StockRun, thresholds: Thresholds) -> Comparison:
    """Pair the rows of two stock files by their names."""
    found = differences(base.facts, contender.facts)
    summarised = base.summarised | contender.summarised

    def terms(row: Row) -> Terms:
        return Terms(unlike=obstacle(found, row[1]) or (_NO_VALUES if row in summarised else ""))

    return Comparison(
        base=base.path.name,
        contender=contender.path.name,
        differences=found,
        changes=judge_rows((base.rows, contender.rows), thresholds, terms),
    )


def _name(fullname: Any) -> str:
    if not isinstance(fullname, str):
        raise TypeError(f"fullname {fullname!r:.20} is no text")
    return fullname


def _values(stats: Mapping[str, Any]) -> tuple[tuple[float, ...], bool]:
    """The raw values in s, or only the median; and whether they are raw."""
    values = tuple(float(value) for value in stats.get("data") or [stats["median"]])
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a time is not a finite number")
    return values, bool(stats.get("data"))


def _facts(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that pytest-benchmark and its py-cpuinfo recorded."""
    machine, commit = saved.get("machine_info") or {}, saved.get("commit_info") or {}
    cpu = machine.get("cpu") or {}
    name = cpu.get("brand_raw") or cpu.get("brand")  # before py-cpuinfo 5
    unknown = (
        bool(cpu) and not name and "family" not in cpu
    )  # on ARM: a model number without a family identifies nothing
    model = "/".join(str(cpu[key]) for key in ("family", "model", "stepping") if key in cpu)
    facts = {
        "CPU": UNKNOWN if unknown else name,
        "CPU model": "" if unknown else model,
        "cores": cpu.get("count"),
        "system": f"{machine['system']} {machine.get('release', '')}".strip() if "system" in machine else None,
        "Python": machine.get("python_version"),
        "commit": commit.get("id") and commit_name(commit["id"], dirty=bool(commit.get("dirty"))),
    }
    return {name: value for name, value in facts.items() if value}
