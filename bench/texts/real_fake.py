"""Which classes of a checkpoint are real and fake: by their names, or by --real-label."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...exporters.errors import DataError
from .label_numbers import meant
from .labels import REAL_FAKE, spelling
from .table_file import listed, short_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILLERS = {
    "news",
    "article",
    "articles",
    "text",
    "texts",
    "label",
    "class",
}  # "Real News" and "label_fake" say real and fake


def real_fake_indices(names: Sequence[str], real_label: str | None = None) -> tuple[int, int]:
    """Class indices of real and of fake; raises DataError if neither the names nor ``real_label`` decide."""
    if real_label is not None:
        return _as_told(names, real_label)
    said = [_said(name) for name in names]
    if said.count("real") == said.count("fake") == 1:
        return said.index("real"), said.index("fake")
    if len(names) != len(REAL_FAKE):
        raise DataError(
            f"two files, real and fake, need a checkpoint of two labels, this one has {len(names)} ({listed(names)}); "
            "give one file with 'label'"
        )
    raise DataError(
        f"two files, real and fake: the checkpoint's labels are {listed(names)}, expected names that say which is real; "
        "pass --real-label NAME"
    )


def _as_told(names: Sequence[str], real_label: str) -> tuple[int, int]:
    if len(names) != len(REAL_FAKE):
        raise DataError(
            f"--real-label: the checkpoint has {len(names)} labels ({listed(names)}), expected two; leave it out, and write "
            "the names as labels"
        )
    real = meant(real_label, names)
    if real is None:
        raise DataError(
            f"--real-label: found {short_repr(real_label)}, expected one of {listed(names)}; name one of them"
        )
    said = [_said(name) for name in names]
    if said[real] == "fake" or said[1 - real] == "real":
        raise DataError(
            f"--real-label: found {short_repr(real_label)}, but the checkpoint's labels {listed(names)} say otherwise; "
            "leave it out"
        )
    return real, 1 - real


def _said(name: str) -> str | None:
    words = [word for word in _words(name) if word not in _FILLERS]
    return words[0] if len(words) == 1 and words[0] in REAL_FAKE else None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", spelling(name)) if word]
