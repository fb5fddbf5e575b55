"""Answers on this machine, one chunk after the other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .engine import AnsweredChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ...texts.text_rows import TextRow
    from ..models import Models, Opened
    from ..plan import Plan


class OneMachine:
    """The processes of a plan."""

    def __init__(self, opened: Opened, plan: Plan) -> None:
        self._opened, self._plan = opened, plan

    def answer(
        self, chunks: Iterable[tuple[int, list[TextRow]]], advance: Callable[[int], None]
    ) -> Iterator[AnsweredChunk]:
        """In their order."""
        for number, rows in chunks:
            texts = [row.text for row in rows if row.cause is None]
            answered = self._opened.pipeline.answer(texts, self._plan.policy, advance) if texts else None
            advance(len(rows) - len(texts))
            yield AnsweredChunk(number, rows, answered)

    def peak(self) -> int:
        """Of this process and those that computed."""
        return self._opened.peak()

    def answered_by(self) -> list[dict[str, object]]:
        """Nothing else than this machine."""
        return []


@contextmanager
def on_this_machine(models: Models, plan: Plan) -> Iterator[OneMachine]:
    """Loads the variant."""
    with models.opened(plan.instances) as opened:
        yield OneMachine(opened, plan)
