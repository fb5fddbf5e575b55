"""The processor: name, instruction sets, and the number of cores that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

UNKNOWN = "unknown"
# Instruction sets that decide the speed of matrix products, by their field in /proc/cpuinfo.
_FEATURES = {
    "flags": (  # x86, where "sme" is memory encryption
        *("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "amx_tile"),
    ),
    "Features": (  # ARM
        *("asimd", "fphp", "asimdhp", "asimdfhm", "asimddp", "i8mm", "bf16"),
        *("sve", "sve2", "svei8mm", "svebf16", "sme", "sme2"),
    ),
}
_NAMES = ("model name", "Model Name", "cpu model", "cpu", "uarch")  # x86, LoongArch, MIPS, POWER, RISC-V
_FAMILY = ("cpu family", "model", "stepping")
_ARM = ("CPU implementer", "CPU part", "CPU variant", "CPU revision")


def available_cores() -> int:
    """Number of cores that this process may use: its affinity, limited by the cgroup's quota (rounded down, at least 1).

    On another system than Linux, which reads saved runs alone: all.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def cpu_quota() -> float | None:
    """CPU quota of the cgroup in cores, the smallest of its own and its parents'; None without a limit."""
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
    """The quota of cgroups version 1, where a container sees its own group at the root; empty without a limit."""
    try:
        quota, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii")) for name in ("quota", "period")
        )
    except (OSError, ValueError):
        return []
    return [quota / period] if quota > 0 else []


def read_cpuinfo(path: Path = Path("/proc/cpuinfo")) -> str:
    """Content of /proc/cpuinfo; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def cpu_features(cpuinfo: str | None = None) -> tuple[str, ...]:
    """Instruction sets that decide the speed of matrix products and that all cores have."""
    blocks = _blocks(read_cpuinfo() if cpuinfo is None else cpuinfo)
    for field, names in _FEATURES.items():
        found = [set(block[field].split()) for block in blocks if field in block]
        if found:
            common = set.intersection(*found)
            return tuple(name for name in names if name in common)
    return ()


def cpu_name(cpuinfo: str) -> str:
    """Name of the processor; for ARM, which has no name in /proc/cpuinfo, implementer and part."""
    blocks = _blocks(cpuinfo)
    parts = dict.fromkeys(f"ARM implementer {implementer} part {part}" for implementer, part, *_ in _arm(blocks))
    names = (block[name] for name in _NAMES for block in blocks if block.get(name))
    return ", ".join(parts) or next(names, UNKNOWN)


def cpu_family(cpuinfo: str) -> str:
    """Family, model and stepping; for ARM, implementer, part, variant and revision of each kind of core."""
    blocks = _blocks(cpuinfo)
    kinds = ["/".join(kind) for kind in _arm(blocks)]
    if kinds:
        return ", ".join(kinds)
    fields = next((block for block in blocks if block.keys() & {*_FAMILY}), {})
    return "/".join(fields.get(name, "?") for name in _FAMILY) if fields else UNKNOWN


def _arm(blocks: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Each kind of ARM core: implementer, part, variant, revision."""
    known = [block for block in blocks if block.get(_ARM[0]) and block.get(_ARM[1])]
    return sorted({tuple(block.get(name, "?") for name in _ARM) for block in known})


def _blocks(cpuinfo: str) -> list[dict[str, str]]:
    """The fields of each processor."""
    return [
        {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}
        for block in cpuinfo.split("\n\n")
    ]
