"""What two runs compare of a timed row: its ratio to what was timed beside it, so that how fast the machine was cancels.

A latency is compared as the ratio to the slices of the model's torch-eager in the same blocks, and that of torch-eager as the
ratio to the control ``kernel``. Rows of older runs, of other metrics, and of two machines are compared as times. What this gains
is measured by ``deploybench.suites.studies.harness.verdicts``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from ..runs.measurement import launch_ratios, process_averages, slice_noise
from ..runs.rows import reference_row
from ..statistics import LogRatio, ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..runs.measurement import Measurement, Row


def ratio_note(*, several: bool) -> str:
    """How latencies are compared; ``several``: of more than one model."""
    reference = f"{REFERENCE} of the same model" if several else REFERENCE
    return (
        f"changes of latency are those of the ratio to {reference}, timed beside each variant in both runs; that of {REFERENCE} "
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
        (_launches(row, before), _launches(row, after))
        if beside
        else (process_averages(before[row]), process_averages(after[row]))
        for row, beside in zip(rows, relative, strict=True)
    ]
    found = ratios(sides, [row[0] for row in rows])
    return [
        ratio.between_runs(*(slice_noise(_beside(row, side), side[row]) for side in (before, after)))
        if beside
        else ratio
        for row, ratio, beside in zip(rows, found, relative, strict=True)
    ]


def _launches(row: Row, side: Mapping[Row, Measurement]) -> list[float]:
    """The ratio of each launch to what was timed beside it."""
    return [math.exp(log) for log in launch_ratios(_beside(row, side), side[row])]


def _beside(row: Row, side: Mapping[Row, Measurement]) -> Measurement:
    """The reference; of the reference itself, the control."""
    own = side[row]
    return replace(own, values=own.beside) if row == _reference(row) else side[_reference(row)]


def _reference(row: Row) -> Row:
    return reference_row(row[0]), *row[1:]
