"""The matrix as a Markdown table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....exporters.artifacts.catalogue import find_variant

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKS, LABELS = "✓", "✓ labels"


def render(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each architecture, a column for each variant, and each reason or remark once below."""
    variants = [*dict.fromkeys(name for row in found.values() for name in row["variants"])]
    said: dict[str, int] = {}
    rows = [
        [name, _reads(row), *(_cell(variant, row["variants"][variant], said) for variant in variants)]
        for name, row in found.items()
    ]
    heads = ["architecture", "texts", *(f"`{variant}`" for variant in variants)]
    table = [heads, ["---"] * len(heads), *rows]
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([*lines, "", *(f"{number}. {note}" for note, number in said.items())]).rstrip() + "\n"


def _reads(row: Mapping[str, Any]) -> str:
    types = " with types" * row["typed"]
    return f"{', '.join(row['texts'])}{types}, padded {row['padding']}"


def _cell(variant: str, outcome: Mapping[str, Any], said: dict[str, int]) -> str:
    """What was proven; a number leads to the reason of a failure."""
    if "failed" in outcome:
        return f"fails {_number(outcome['failed'], said)}"
    return LABELS if find_variant(variant).logits_atol is None else WORKS


def _number(note: str, said: dict[str, int]) -> str:
    return f"[{said.setdefault(note, len(said) + 1)}]"
