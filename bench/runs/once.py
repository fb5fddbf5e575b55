"""What follows from a saved run is computed once, however many tables, plots and decisions of a command are made from it."""

from __future__ import annotations

from collections import OrderedDict
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.runs.store import Run

T = TypeVar("T")
_KEPT = 8  # runs


def once_a_run(compute: Callable[[Run], T]) -> Callable[[Run], T]:
    """``compute``, whose results are kept for the runs that were asked for last; nobody may change a result.

    By identity: a run is frozen, but its dictionaries have no hash.
    """
    kept: OrderedDict[int, tuple[Run, T]] = OrderedDict()

    @wraps(compute)
    def computed(run: Run) -> T:
        known = kept.get(id(run))
        if known is None or known[0] is not run:
            known = kept[id(run)] = run, compute(run)
        kept.move_to_end(id(run))
        while len(kept) > _KEPT:
            kept.popitem(last=False)
        return known[1]

    return computed
