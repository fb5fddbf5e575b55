"""Other load on the machine during a run: steal time of the hypervisor, and CPU time of other processes."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")  # /proc/stat, man 5 proc


class Watch:
    """Reads the counters at the start and in ``shares``; nothing runs in between."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._ticks = _ticks()
        self._own = _own_seconds()

    def shares(self) -> dict[str, float]:
        """``steal_share`` of all CPU time, and ``other_load``: cores used by processes other than this and its children.

        Empty if /proc/stat cannot be read.
        """
        ticks = {name: now - self._ticks[name] for name, now in _ticks().items()}
        seconds, total = time.monotonic() - self._start, sum(ticks.values())
        if not total or seconds <= 0:
            return {}
        idle = ticks["idle"] + ticks["iowait"] + ticks["steal"]
        busy = (total - idle) / os.sysconf("SC_CLK_TCK")
        others = max(0.0, busy - (_own_seconds() - self._own))
        return {"steal_share": round(ticks["steal"] / total, 4), "other_load": round(others / seconds, 3)}


def _ticks() -> dict[str, int]:
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return {}
    return dict(zip(_FIELDS, map(int, first[1:]), strict=False))


def _own_seconds() -> float:
    """CPU seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
