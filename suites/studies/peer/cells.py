"""Latency and memory of each cell as either side knows them."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ....bench.pipeline.options import MEMORY_BATCH_SIZE
from ....bench.runs.measurement import process_averages
from ....bench.runs.store import read_run
from ....bench.statistics import interval_factors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Latency of one cell by one side."""

    value: float  # seconds: the peer's mean, our median of processes
    width: float  # of the 95 % interval, as a share of ``value``; inf where a single value leaves it open
    count: int  # processes of ours, rounds of the peer


class Cells(NamedTuple):
    """All cells of one side, by name."""

    timed: dict[str, Timed]
    memory: dict[str, float]  # bytes
    failed: dict[str, str]  # the reason


def points(variants: Sequence[str], batch_sizes: Sequence[int], lengths: Sequence[int]) -> list[dict[str, Any]]:
    """The points of the peer: each shape once, with latency and memory in one process where both are wanted."""
    shapes: dict[tuple[int, int], list[str]] = {(size, max(lengths)): ["latency"] for size in batch_sizes}
    for length in lengths:
        shapes.setdefault((MEMORY_BATCH_SIZE, length), []).append("memory")
    return [
        {"variant": variant, "batch_size": size, "sequence_length": length, "metrics": metrics}
        for variant in variants
        for (size, length), metrics in shapes.items()
    ]


def mean_width(values: Sequence[float]) -> float:
    """Width of the t interval of the mean, as a share of the mean; inf for one value."""
    from scipy.stats import t

    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        return math.inf
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return 2 * half / statistics.fmean(values)


def cell_name(variant: str, batch_size: int, sequence_length: int) -> str:
    """The name of a cell in tables and files."""
    return f"{variant} {batch_size}x{sequence_length}"


def peer_cells(answers: Sequence[Mapping[str, Any]]) -> Cells:
    """The cells of the peer, from the lines that ``cell.py`` wrote."""
    timed, memory, failed = {}, {}, {}
    for one in answers:
        name = cell_name(one["variant"], one["batch_size"], one["sequence_length"])
        if "failed" in one:
            failed[name] = one["failed"].splitlines()[-1]
            continue
        forward = one["report"]["forward"]
        if "latency" in one["metrics"]:
            values = forward["latency"]["values"]
            timed[name] = Timed(value=statistics.fmean(values), width=mean_width(values), count=len(values))
        if "memory" in one["metrics"]:
            memory[name] = forward["memory"]["max_ram"] * 1e6  # MB
    return Cells(timed, memory, failed)


def our_cells(run_folder: Path, variants: Sequence[str]) -> Cells:
    """Our cells, from the saved run."""
    run = read_run(run_folder)
    timed, memory = {}, {}
    failed = {name: run.variants[name].failed for name in variants if run.variants[name].failed}
    rows = [
        one
        for one in run.measurements
        if one.metric == "latency" and one.status == "ok" and one.workload and one.variant in variants
    ]
    medians = [process_averages(one) for one in rows]
    factors = interval_factors(medians, [one.variant for one in rows])
    for row, values, factor in zip(rows, medians, factors, strict=True):
        assert row.workload
        name = cell_name(row.variant, row.workload.batch_size, row.workload.sequence_length)
        timed[name] = Timed(value=statistics.median(values), width=factor - 1 / factor, count=len(values))
    for one in run.measurements:
        if one.variant not in variants or not one.workload or one.metric not in {"latency", "peak_resident"}:
            continue
        name = cell_name(one.variant, one.workload.batch_size, one.workload.sequence_length)
        if one.status != "ok":
            failed[f"{name} {one.metric}"] = one.reason
        elif one.metric == "peak_resident":
            memory[name] = max(one.values)
    return Cells(timed, memory, failed)


def scaled_seconds(wall: float, ours: Mapping[str, Timed], peer: Mapping[str, Timed]) -> float:
    """Wall time that the peer would need for our widths, computed: the number of rounds is proportional to 1 / width².

    Only its timed rounds are scaled, to two at least; start, export and warm-up stay as measured.
    """
    for name, theirs in peer.items():
        mine = ours.get(name)
        if mine and 0 < mine.width < math.inf and theirs.width < math.inf:
            rounds = max(2.0, theirs.count * (theirs.width / mine.width) ** 2)
            wall += (rounds - theirs.count) * theirs.value
    return wall


def side_by_side(ours: Mapping[str, Timed], peer: Mapping[str, Timed]) -> dict[str, dict[str, Any]]:
    """Each cell of either side, for the saved file; an infinite width is None."""
    return {
        name: {
            side: {**asdict(cells[name]), "width": cells[name].width if cells[name].width < math.inf else None}
            for side, cells in (("ours", ours), ("peer", peer))
            if name in cells
        }
        for name in {**ours, **peer}
    }
