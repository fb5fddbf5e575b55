"""Which runs of two saved files are compared with each other: those of one model, by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...exporters.errors import UserError
from ..runs.predictions import read_right

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..runs.predictions import Right
    from ..runs.store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The runs of one model; None: this side lacks it."""

    model: str = ""  # its name in the rows; empty where both sides are of one model
    base: Run | None
    contender: Run | None
    right: tuple[Right, Right] = ({}, {})  # whether each example was classified correctly, for both


def match_models(base: Sequence[Run], contender: Sequence[Run]) -> tuple[Matched, ...]:
    """Every model of either side, in the order of the base; two runs of one model are compared whatever its name.

    Raises UserError where the sides share no model.
    """
    if len(base) == len(contender) == 1:
        return (_matched("", base[0], contender[0]),)
    before, after = ({run.checkpoint.name: run for run in side} for side in (base, contender))
    if not before.keys() & after.keys():
        raise UserError(
            f"compare: BASE has {', '.join(before)}, CONTENDER has {', '.join(after)}; expected a model in both, by its "
            "name; name models when you measure them: --checkpoint NAME=DIR"
        )
    return tuple(_matched(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after]))


def refuse_same(base: Path, contender: Path) -> None:
    """Refuse to compare a run with itself: a folder's newest run is the old one if no new one was saved."""
    if base.resolve() == contender.resolve():
        raise UserError(f"compare: BASE and CONTENDER are the same file, {base}; was a new run saved?")


def _matched(model: str, base: Run | None, contender: Run | None) -> Matched:
    right = read_right(base) if base else {}, read_right(contender) if contender else {}
    return Matched(model=model, base=base, contender=contender, right=right)
