"""Texts that a model is both trained on and scored on: of those, any accuracy is too high."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def leaked_texts(trained: Sequence[str], scored: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """For each set the number of its texts that are, letter by letter, among those ``trained`` on."""
    known = set(trained)
    return {name: sum(text in known for text in texts) for name, texts in scored.items()}
