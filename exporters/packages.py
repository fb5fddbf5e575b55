"""What this installation can do: the packages of each extra, and the system."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from .errors import MissingPackageError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

# As in pyproject.toml (tests/unit/test_packaging.py). Every other one than "serve" includes "torch": exports start from its model.
EXTRAS = {
    "torch": ("huggingface-hub", "protobuf", "safetensors", "sentencepiece", "tokenizers", "torch", "transformers"),
    "train": ("accelerate",),
    "onnx": ("onnx", "onnxruntime", "optimum", "optimum-onnx"),
    "openvino": ("nncf", "openvino"),
    "ray": ("ray",),
    "serve": ("httptools", "packaging", "prometheus-client", "starlette", "tokenizers", "uvicorn"),
}


def require(what: str, *extras: str) -> None:
    """Raise UserError where ``what``, such as a command, cannot run models: on another system, or without a package."""
    if sys.platform != "linux":
        raise UserError(
            f"{what}: exports and measures on Linux alone, and this is {sys.platform}; "
            "here, saved runs can be read, compared and reported"
        )
    packages = absent(package for extra in extras for package in EXTRAS[extra])
    if packages:
        raise MissingPackageError(f"{what}: {missing(packages)}")


def absent(packages: Iterable[str]) -> tuple[str, ...]:
    """Those of the distributions that are not installed, sorted."""
    return tuple(sorted({one for one in packages if not _is_installed(one)}))


def missing(packages: tuple[str, ...]) -> str:
    """``"needs openvino, not installed: pip install 'deploybench[openvino]'"``."""
    return f"needs {', '.join(packages)}, not installed: {install(packages)}"


def install(packages: tuple[str, ...]) -> str:
    """The command that installs the distributions: with the extra that has them or, of other packages, by their names."""
    of_torch = {*EXTRAS["torch"]}
    extras = [one for one, own in EXTRAS.items() if one != "torch" and ({*own} - of_torch) & {*packages}]
    if of_torch & {*packages} and not {*extras} - {"serve"}:  # it is part of each other one
        extras = ["torch", *extras]
    others = [one for one in packages if not any(one in own for own in EXTRAS.values())]
    wanted = [*([f"'deploybench[{','.join(extras)}]'"] if extras else []), *others]
    return f"pip install {' '.join(wanted)}"


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
