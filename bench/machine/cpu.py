"""The processor: how many of its cores this process may use, and what they can do."""

from __future__ import annotations

import os
from pathlib import Path

# The instruction sets that decide how fast a matrix product is, in bf16 and int8 above all.
_FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "amx_tile")


def available_cores() -> int:
    """Cores that this process may use: its affinity, cut to the cgroup's quota (rounded down, at least one)."""
    cores, quota = len(os.sched_getaffinity(0)), cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def cpu_quota() -> float | None:
    """Cores' worth of time that the cgroup allows, the least of its own and its parents'; None where nothing limits it."""
    try:
        group = Path("/proc/self/cgroup").read_text(encoding="ascii").strip().rpartition("::")[2]
    except OSError:
        return None
    here = Path("/sys/fs/cgroup", group.lstrip("/"))
    quotas = []
    for folder in (here, *here.parents):
        try:
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            quotas += [int(quota) / int(period)] if quota != "max" else []
        except (OSError, ValueError):
            continue
    return min([*quotas, *first_version_quota()], default=None)


def first_version_quota(folder: Path = Path("/sys/fs/cgroup/cpu")) -> list[float]:
    """The same of version 1 of cgroups, whose containers see their own group at the root; -1: no limit."""
    try:
        quota, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii")) for name in ("quota", "period")
        )
    except (OSError, ValueError):
        return []
    return [quota / period] if quota > 0 else []


def cpu_features() -> tuple[str, ...]:
    """Those of the instruction sets that decide how fast a matrix product is."""
    flags = set(cpu_fields().get("flags", "").split())
    return tuple(name for name in _FEATURES if name in flags)


def cpu_fields() -> dict[str, str]:
    """The first processor's block of /proc/cpuinfo."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
