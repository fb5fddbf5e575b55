"""Which cores the processes of one launch share.

On a shared machine each core has other load beside it: processes that are compared must run on the same cores.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def shared_cores(threads: int, launch: int, topology: Path = _TOPOLOGY) -> frozenset[int]:
    """``threads`` of the cores that this process may use, others at each launch if there are enough.

    Two hyperthreads of one core are used together only if there are too few cores.
    """
    siblings: dict[str, int] = {}
    ranked = []
    for core in sorted(os.sched_getaffinity(0)):
        place = str(core)
        with suppress(OSError):  # unknown topology: each number is a core
            place = (topology / f"cpu{core}/topology/thread_siblings_list").read_text(encoding="ascii")
        siblings[place] = rank = siblings.get(place, -1) + 1
        ranked.append((rank, core))
    cores = [core for _, core in sorted(ranked)]
    first = launch % max(1, len(cores) // threads) * threads
    return frozenset(cores[first : first + threads])
