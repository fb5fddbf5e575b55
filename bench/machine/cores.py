"""Which cores the contenders of one launch share.

On a shared machine every core has neighbours of its own: two processes that are compared must have the same ones.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def shared_cores(threads: int, launch: int, topology: Path = _TOPOLOGY) -> frozenset[int]:
    """As many cores as ``threads`` of those that this process may use, other ones at each launch as far as there are.

    Two hyperthreads of one core come together only where the cores do not suffice.
    """
    siblings: dict[str, int] = {}
    ranked = []
    for core in sorted(os.sched_getaffinity(0)):
        place = str(core)
        with suppress(OSError):  # a system that does not tell: every number is a core of its own
            place = (topology / f"cpu{core}/topology/thread_siblings_list").read_text(encoding="ascii")
        siblings[place] = rank = siblings.get(place, -1) + 1
        ranked.append((rank, core))
    cores = [core for _, core in sorted(ranked)]
    first = launch % max(1, len(cores) // threads) * threads
    return frozenset(cores[first : first + threads])
