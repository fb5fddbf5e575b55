"""Accuracy by the values of a column: sources, authors, years."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...texts.table_file import short_repr
from .groups import Group, by_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.predictions import Answers

NO_VALUE = "(empty)"
_MOST = 20  # values with a row of their own; a column of titles has one for each text


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueGroup:
    """Texts with one value of a column."""

    value: str
    group: Group  # by the lead variant
    least: float  # accuracy of the variant that is worst on them
    most: float


def by_values(cells: Sequence[object], answers: Answers, lead_variant: str) -> list[ValueGroup]:
    """One group per value, most frequent first; the rarest values share the last one. ``cells``: the value of each text."""
    names = [_name(cell) for cell in cells]
    counts = Counter(names)
    shown = sorted(counts, key=lambda name: (-counts[name], name))
    others = shown[_MOST:] if len(shown) > _MOST + 1 else []  # a single further value takes the place of "1 other"
    heads = [*shown[: len(shown) - len(others)], *([f"{len(others)} others"] if others else [])]
    index = {name: min(place, len(heads) - 1) for place, name in enumerate(shown)}
    member = np.array([index[name] for name in names], dtype=np.int64)
    groups = {variant: by_group(member, answers.right(variant), len(heads)) for variant in answers.logits}
    found = []
    for place, head in enumerate(heads):
        accuracies = [of_variant[place].right / of_variant[place].texts for of_variant in groups.values()]
        group = groups[lead_variant][place]
        found.append(ValueGroup(value=head, group=group, least=min(accuracies), most=max(accuracies)))
    return found


def _name(cell: object) -> str:
    if cell is None:
        return NO_VALUE
    return cell if isinstance(cell, str) else short_repr(cell)
