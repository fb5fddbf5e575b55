"""What the control rows of a run say of its times: the A/A ratio and the harness's overhead."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from ..measure.controls import AGAIN, NULL
from ..runs.measurement import launch_ratios
from ..statistics import paired_ratios

if TYPE_CHECKING:
    from ..runs.measurement import Measurement, Workload
    from ..runs.store import Run
    from ..statistics import LogRatio


def timed_rows(run: Run, workload: Workload | None = None) -> list[Measurement]:
    """Latencies that were measured, of one workload or of all; controls included."""
    return [
        one
        for one in run.measurements
        if one.metric == "latency" and one.status == "ok" and (workload is None or one.workload == workload)
    ]


def aa_ratios(run: Run, batch_size: int | None = None) -> dict[int, LogRatio]:
    """Ratio of the reference timed under its second name to the reference, by batch size, or for one batch size."""
    pairs: dict[int, tuple[Measurement, Measurement]] = {}
    rows = {(one.variant, one.workload): one for one in timed_rows(run)}
    for (name, workload), one in rows.items():
        again = rows.get((AGAIN, workload))
        if name == REFERENCE and again and workload and batch_size in (None, workload.batch_size):
            pairs[workload.batch_size] = (one, again)
    ratios = paired_ratios([launch_ratios(*pair) for pair in pairs.values()], [AGAIN] * len(pairs))
    return {size: ratio for size, ratio in zip(pairs, ratios, strict=True) if math.isfinite(ratio.error)}


def null_time(run: Run) -> float | None:
    """Median time in seconds of the variant that does nothing; None where it was not timed."""
    values = [value for one in timed_rows(run) if one.variant == NULL for value in one.values]
    return median(values) if values else None
