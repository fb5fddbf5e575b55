"""Machine, versions and commit of a run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from .cpu import available_cores, cpu_family, cpu_features, cpu_name, cpu_quota, read_cpuinfo
from .git import git

# Packages that export and run models: their versions may change figures.
RUNTIMES = (
    "torch",
    "transformers",
    "tokenizers",
    "optimum",
    "optimum-onnx",
    "onnx",
    "onnxruntime",
    "openvino",
    "nncf",
    "numpy",
)
PACKAGES = ("deploybench", *RUNTIMES, "memray", "pytest-benchmark")
_MALLOC = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")  # settings that change memory figures
# Settings of libraries that select kernels, and therefore change speed.
_KERNELS = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "FBGEMM_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "ORT_DISABLE_FLASH_ATTENTION",
    "OV_CPU_MAX_ISA",
)


def describe_environment() -> dict[str, Any]:
    """CPU, cores, memory (bytes), system, settings of malloc and of kernels, and versions, for JSON."""
    cpuinfo = read_cpuinfo()
    return {
        "cpu": cpu_name(cpuinfo),
        "cpu_family": cpu_family(cpuinfo),
        "isa": list(cpu_features(cpuinfo)),
        "cores": available_cores(),
        "quota": cpu_quota(),
        "malloc": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_MALLOC)},
        "kernels": {name: os.environ[name] for name in _KERNELS if name in os.environ},
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def describe_commit() -> dict[str, Any]:
    """Commit of the working folder, and whether it has uncommitted changes; empty without a repository."""
    try:
        head, status = git("rev-parse", "HEAD"), git("status", "--porcelain")
    except OSError:
        return {}
    return {"commit": head.stdout.strip(), "dirty": bool(status.stdout.strip())} if head.returncode == 0 else {}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
