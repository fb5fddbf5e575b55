"""The C++ compiler that PyTorch's compiler needs."""

from __future__ import annotations

from ..errors import ExportError


def check_compiler() -> None:
    """Raise ExportError if there is no C++ compiler: PyTorch reports that late and in many lines."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise ExportError(
            "found no C++ compiler, which PyTorch needs to compile a model; install g++, or set CXX"
        ) from error
