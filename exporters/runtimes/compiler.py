"""The C++ compiler that PyTorch's own compiler calls."""

from __future__ import annotations

from exporters.errors import ExportError


def check_compiler() -> None:
    """Raise ExportError, in one line, where there is no C++ compiler: PyTorch says so late, and in many lines."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise ExportError(
            "no C++ compiler was found, and PyTorch needs one to compile a model; install g++, or name one in CXX"
        ) from error
