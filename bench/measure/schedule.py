"""What is timed, and how often."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bench.runs.measurement import Measurement, Workload, process_medians
from bench.statistics import interval_factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bench.measure.workload import Batch

Row: TypeAlias = tuple[str, Workload]  # a contender's name, a workload

WARM_UP_S = 0.005  # caches are cold when a worker's turn comes; they are warm after about this long


def unsure_rows(measured: Sequence[Measurement], target_width: float) -> set[Row]:
    """The rows whose 95 % interval is wider than ``target_width``."""
    factors = interval_factors([process_medians(one) for one in measured], [one.variant for one in measured])
    wide = (one for one, factor in zip(measured, factors, strict=True) if factor > math.sqrt(1 + target_width))
    return {(one.variant, one.workload) for one in wide if one.workload}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a workload is timed: ``launches × blocks × rounds`` values for each contender, and more of a quick one.

    A block of seconds evens out by itself what several blocks are for: of a slow workload a launch has as many blocks as
    it takes until its contenders were timed for ``enough_s`` seconds each, one at least.
    """

    launches: int
    blocks: int
    rounds: int
    block_s: float = 0.0  # of a quick row, a block has as many rounds more as fit into so many seconds
    enough_s: float = 2.0  # on average over the contenders
    warm_up_s: float = WARM_UP_S  # of untimed calls before each block, at least one
    target_width: float = 0.02  # launches are added while a row is known less well than this share of its value
    budget_s: float = 0.0  # and while a further launch is likely to end within so many seconds of timing
    unsure: Callable[[Sequence[Measurement], float], set[Row]] = unsure_rows  # those rows, by ``target_width``
    seed: int | None = None  # of the orders; None: new ones in every run, so that none favours a side in all runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What is timed under one name."""

    name: str
    artifact: Path
    variant: str = ""  # that loads the artifact; without it, the one called ``name``
    fingerprint: str = ""  # of the artifact, for the journal
    code: Path | None = None  # folder whose ``exporters`` loads it; None: the ones of this process
    feed: Mapping[Workload, Batch] | None = None  # what it is fed instead of the batches of the others
    control: bool = False  # says what the others' figures can tell: how well it is known keeps no run going
