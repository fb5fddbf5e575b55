"""Errors of the whole product; a message is one line: the thing, what was found, what was expected, what to do.

DeploybenchError
├── UserError                              the command line ends with exit code 2
│   ├── CheckpointError      (ValueError)
│   ├── DataError            (ValueError)
│   ├── RecipeError          (ValueError)
│   ├── RunFileError         (ValueError)
│   ├── UnknownVariantError  (LookupError)   not KeyError, whose message prints as a repr
│   ├── OutputError          (OSError)
│   └── DiskFullError        (OSError)
├── ExportError                            one variant failed; the others go on
│   └── ParityError
└── WorkerError                            a worker died, hung or answered with an error
"""

_LONGEST = 300  # characters of another's error: transformers lists every model it knows


class DeploybenchError(Exception):
    """Base of all errors that this product raises on purpose."""


class UserError(DeploybenchError):
    """Something the person at the keyboard can fix."""


class CheckpointError(UserError, ValueError):
    """A checkpoint that cannot be used."""


class DataError(UserError, ValueError):
    """A labelled file that cannot be used."""


class RecipeError(UserError, ValueError):
    """A training recipe that cannot be used."""


class RunFileError(UserError, ValueError):
    """A saved run that cannot be read."""


class UnknownVariantError(UserError, LookupError):
    """A variant name that no file stands for."""


class OutputError(UserError, OSError):
    """A folder that cannot be written."""


class DiskFullError(UserError, OSError):
    """No room is left for what was being written."""


class ExportError(DeploybenchError):
    """A variant could not be exported."""


class ParityError(ExportError):
    """A variant's logits are not those of the reference."""


class WorkerError(DeploybenchError):
    """A worker process died, hung or answered with an error; carries its last output."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says, for a message of one line, cut where it is a page; its type where it says nothing."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
