"""What a model says of a text, by its task."""

from __future__ import annotations

from typing import Literal, TypeAlias

Task: TypeAlias = Literal["single-label", "multi-label", "score"]
TASKS: tuple[Task, ...] = ("single-label", "multi-label", "score")

Label: TypeAlias = int | tuple[int, ...] | float
"""Of one text: a class index, the sorted indices of its labels (none: an empty tuple), or a score."""
