"""Errors of the whole product; a message is one line: the thing, what was found, what was expected, what to do.

DeploybenchError
├── UserError                              the command line ends with exit code 2
│   ├── CheckpointError      (ValueError)
│   ├── DataError            (ValueError)
│   ├── RecipeError          (ValueError)
│   ├── RunFileError         (ValueError)
│   ├── PluginError          (ImportError)
│   ├── MissingPackageError  (ImportError)
│   ├── UnknownVariantError  (LookupError)   not KeyError, whose message prints as a repr
│   ├── OutputError          (OSError)
│   └── DiskFullError        (OSError)
├── ExportError                            one variant failed; the others go on
│   └── ParityError
└── WorkerError                            a worker died, hung or answered with an error
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 300  # characters of a library's error: transformers lists every model it knows


class DeploybenchError(Exception):
    """Base class of all errors that this product raises deliberately."""


class UserError(DeploybenchError):
    """A mistake that the user can fix."""


class CheckpointError(UserError, ValueError):
    """A checkpoint that cannot be used."""


class DataError(UserError, ValueError):
    """A labelled file that cannot be used."""


class RecipeError(UserError, ValueError):
    """A training recipe that cannot be used."""


class RunFileError(UserError, ValueError):
    """A saved run that cannot be read."""


class PluginError(UserError, ImportError):
    """A variant of another package that cannot be used."""


class MissingPackageError(UserError, ImportError):
    """A package that is not installed."""


class UnknownVariantError(UserError, LookupError):
    """A variant name without a file in exporters/variants and without a plugin."""


class OutputError(UserError, OSError):
    """A folder that cannot be written."""


class DiskFullError(UserError, OSError):
    """No space is left on the disk."""


class ExportError(DeploybenchError):
    """A variant could not be exported."""


class ParityError(ExportError):
    """A variant's logits differ from those of the reference."""


class WorkerError(DeploybenchError):
    """A worker process died, hung or answered with an error; carries its last output."""


def did_you_mean(name: str, known: Iterable[str], shown: str = "{!r}") -> str:
    """``"did you mean 'onnx-fp32'? "`` with the nearest of ``known``, formatted as ``shown``; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {shown.format(near[0])}? " if near else ""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, shortened if very long; the error's type if there is no message."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
