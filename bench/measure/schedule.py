"""What is timed, and how often: schedule and rows of a latency run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..runs.measurement import Measurement, Workload, launch_ratios, process_averages
from ..runs.rows import reference_row
from ..statistics import LEVEL, interval_factors, paired_ratios
from ..worker.interpreter import OURS, Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ...exporters.variant import Batch

Row: TypeAlias = tuple[str, Workload]  # name of a timed artifact, workload

WARM_UP_S = 0.005  # caches are cold at the start of a block, and warm after about this time


def unsure_rows(measured: Sequence[Measurement], target_width: float) -> set[Row]:
    """The rows whose 95 % interval is wider than ``target_width``: of the speed-up, or of the time where no reference was timed."""
    rows = {(one.variant, one.workload): one for one in measured}
    references = {row: (reference_row(row[0]), row[1]) for row in rows}
    others = [one for row, one in rows.items() if row != references[row] and references[row] in rows]
    ratios = paired_ratios(
        [launch_ratios(one, rows[references[one.variant, one.workload]]) for one in others],
        [one.variant for one in others],
    )
    alone = [one for row, one in rows.items() if references[row] not in rows]
    known = [
        *zip(others, (one.detectable(LEVEL) for one in ratios), strict=True),
        *zip(
            alone,
            interval_factors([process_averages(one) for one in alone], [one.variant for one in alone]),
            strict=True,
        ),
    ]
    return {
        (one.variant, one.workload) for one, factor in known if factor > math.sqrt(1 + target_width) and one.workload
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a workload is timed: ``launches × blocks × rounds`` values for each artifact, and more of a quick one.

    A block is a slice of time of each artifact, on one batch. A launch of a slow workload ends after ``enough_s`` seconds per
    artifact, with at least one block for each batch.
    """

    launches: int
    blocks: int
    rounds: int
    block_s: float = 0.0  # a slice of a quick row has more rounds, as many as fit into this time
    enough_s: float = 2.0  # on average over the artifacts
    warm_up_s: float = WARM_UP_S  # of untimed calls before each slice, at least one
    target_width: float = 0.02  # launches are added while the interval of a row is wider than this share of its value
    budget_s: float = 0.0  # and while a further launch would likely end within this time
    unsure: Callable[[Sequence[Measurement], float], set[Row]] = unsure_rows  # finds those rows, by ``target_width``
    later: int | None = None  # launches that time the workloads after the first, which decides; None: all
    cold: int = 0  # launches whose processes import their runtimes themselves; the others are forked after the import
    seed: int | None = (
        None  # of the orders; None: other orders in every run, so that no order favours a side in all runs
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedArtifact:
    """An artifact that is timed, and its name in the results."""

    name: str
    artifact: Path
    variant: str = ""  # that loads the artifact; empty: ``name``
    fingerprint: str = ""  # of the artifact, for the journal
    interpreter: Interpreter = OURS  # that loads it
    feed: Mapping[Workload, Sequence[Batch]] | None = None  # its own batches; None: those of the run
    group: str = ""  # of rows that compete: the slower ones get fewer launches; empty: every launch
    control: bool = False  # shows the precision of the others; its own interval adds no launches
    neighbour: bool = False  # timed right before and after each of the others; one at most
