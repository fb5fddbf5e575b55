"""What two runs compare of a timed row: its ratio to what was timed beside it, so that how fast the machine was cancels.

A latency is compared as the ratio to torch-eager's slices of the same blocks, and that of torch-eager as the ratio to the control
``kernel``. Between runs of one commit these ratios vary by 4 and 5 %, the times themselves by 8 %. Rows of older runs, of other
metrics, and of two machines are compared as times.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.runs.measurement import launch_ratios, launch_seconds, process_medians
from bench.statistics import RUN_SPREAD, LogRatio, ratios
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.runs.measurement import Measurement, Row

_REFERENCE_SPREAD = 0.035  # as RUN_SPREAD, of the reference over the control: they have less in common
NOTE = (
    f"changes of latency are those of the ratio to {REFERENCE}, timed beside each variant in both runs; that of {REFERENCE} "
    "is of its ratio to a fixed matrix product"
)


def has_control(row: Row, *sides: Mapping[Row, Measurement]) -> bool:
    """Whether the row was timed beside the reference and the control in all runs."""
    reference = _reference(row)
    return all(row in side and side[row].beside and reference in side and side[reference].values for side in sides)


def run_ratios(
    rows: Sequence[Row], before: Mapping[Row, Measurement], after: Mapping[Row, Measurement], relative: Sequence[bool]
) -> list[LogRatio]:
    """Contender / base of each row, ``relative`` to what was timed beside it or as the time that it is."""
    sides = [
        tuple(_launches(row, side, how) for side in (before, after)) for row, how in zip(rows, relative, strict=True)
    ]
    found = ratios([(base, contender) for base, contender in sides], [row[0] for row in rows])
    return [
        ratio.widened(math.sqrt(2) * (_REFERENCE_SPREAD if row == _reference(row) else RUN_SPREAD)) if how else ratio
        for row, ratio, how in zip(rows, found, relative, strict=True)
    ]


def _launches(row: Row, side: Mapping[Row, Measurement], how: bool) -> list[float]:
    """One positive value for each launch."""
    reference = _reference(row)
    if not how:
        return process_medians(side[row])
    if row == reference:
        return launch_seconds(side[row], relative=True)
    return [math.exp(log) for log in launch_ratios(side[reference], side[row])]


def _reference(row: Row) -> Row:
    return REFERENCE, *row[1:]
