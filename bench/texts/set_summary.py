"""What a labelled set holds, in one line, by its task."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

from ..units import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .data import LabelledSet

_MAX_SHOWN = 10  # classes listed in one line
_NUMBERED = re.compile(r"\d")  # "428 LABEL_0" and "428 1 star" do not read well


def summary(labelled: LabelledSet) -> str:
    """``268 articles (171 real, 97 fake); left out: 2 duplicate rows``."""
    line = {"single-label": _classes, "multi-label": _labels, "score": _scores}[labelled.task](labelled)
    beyond = (f"{counted(labelled.unscored, 'row')} beyond the time budget",) * bool(labelled.unscored)
    return without(line, (*labelled.dropped, *beyond))


def without(line: str, dropped: Sequence[str]) -> str:
    """The line, and what is left out."""
    return f"{line}; left out: {', '.join(dropped)}" if dropped else line


def _classes(labelled: LabelledSet) -> str:
    line = counted(len(labelled.texts), "pair" if labelled.pairs else "article")
    if len(labelled.label_names) > _MAX_SHOWN:
        return f"{line} in {len(labelled.label_names)} classes"
    names = (f"of class {name}" if _NUMBERED.search(name) else name for name in labelled.label_names)
    return f"{line} ({_by_name(labelled.counts, names)})"


def _labels(labelled: LabelledSet) -> str:
    """``5427 texts (28 labels, 1.2 per text)``."""
    line, names = counted(len(labelled.texts), "pair" if labelled.pairs else "text"), labelled.label_names
    each = f"{sum(labelled.counts) / len(labelled.texts):.1f}"
    if len(names) > _MAX_SHOWN:
        return f"{line} ({counted(len(names), 'label')}, {each} per text)"
    names = tuple(f"with label {name}" if _NUMBERED.search(name) else name for name in names)
    return f"{line} ({_by_name(labelled.counts, names)}; {each} labels per text)"


def _scores(labelled: LabelledSet) -> str:
    """``4927 pairs (scores 1 to 5, mean 3.53)``."""
    line, scores = (
        counted(len(labelled.texts), "pair" if labelled.pairs else "text"),
        cast("list[float]", labelled.labels),
    )
    queries = f"{len(set(labelled.queries))} queries, " if labelled.queries else ""
    mean = math.fsum(scores) / len(scores)
    return f"{line} ({queries}scores {min(scores):.6g} to {max(scores):.6g}, mean {mean:.3g})"


def _by_name(counts: Sequence[int], names: object) -> str:
    return ", ".join(f"{count} {name}" for count, name in zip(counts, cast("Sequence[str]", names), strict=True))
