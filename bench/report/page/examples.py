"""Misclassified texts as a table: their labels, and what the variants predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...texts.labels import told
from ...units import format_count, format_share
from ..formats.escapes import excerpt
from .grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...analysis.misclassified.analysis import SetErrors
    from ...analysis.misclassified.examples import Example
    from .material import Material

_EXCERPT = 300  # columns of a text
_DIRECTIONS = 12  # shown of a set; a hundred classes have thousands
_HEADS = ("text", "label", "predicted", "probability", "tokens", "disagreeing", "beginning")


def example_grids(page: Material) -> tuple[Grid, ...]:
    """One per labelled set with misclassified texts."""
    return tuple(_grid(one, page.run.checkpoint.labels) for one in page.errors if one.directions)


def _grid(found: SetErrors, labels: Sequence[str]) -> Grid:
    texts = bool(found.answered.texts)
    rows = [
        (*_cells(found, example, labels), *([_beginning(found, example)] if texts else []))
        for one in found.directions[:_DIRECTIONS]
        for example in one.examples
    ]
    several = found.answered.answers.head.task == "multi-label"
    of = (
        "that a label is given which is missed or wrong"
        if several
        else f"of the class that {found.lead_variant} predicts"
    )
    notes = [
        f"probability: {of}; disagreeing: variants that predict another class",
        "a seeded sample of each direction: texts on which variants disagree, then others, each by falling probability",
    ]
    if not texts:
        notes.append(
            "a saved run holds no texts, only their hashes: deploybench report RUN --format html --external FILE"
        )
    heads = _HEADS if texts else _HEADS[:-1]
    return Grid(
        title=f"Examples of misclassified texts of {found.answered.name}",
        heads=heads,
        rows=tuple(rows),
        notes=tuple(notes),
        words=True,
    )


def _cells(found: SetErrors, example: Example, labels: Sequence[str]) -> tuple[str, ...]:
    called = example.called[found.lead_variant]
    others = [variant for variant, one in example.called.items() if one != called]
    return (
        example.row,
        told(example.truth, labels),
        told(called, labels),
        format_share(example.chance),
        "" if example.tokens is None else format_count(example.tokens),
        ", ".join(others),
    )


def _beginning(found: SetErrors, example: Example) -> str:
    return excerpt(found.answered.texts[example.index], _EXCERPT)
