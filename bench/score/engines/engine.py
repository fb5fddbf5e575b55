"""What an engine is: it takes chunks of rows and gives them back with their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...texts.text_rows import TextRow
    from ..pipeline import Answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A Ray cluster that answers."""

    address: str | None = None  # None: one of this machine, which is started
    allow_mixed: bool = False  # whether its nodes may answer otherwise than this machine


class AnsweredChunk(NamedTuple):
    """A chunk with its answers."""

    number: int
    rows: Sequence[TextRow]
    answered: Answered | None  # its rows with a text; None: it has none


class Engine(Protocol):
    """Answers chunks by one plan, and therefore each in the same way wherever it runs."""

    def answer(
        self, chunks: Iterable[tuple[int, list[TextRow]]], advance: Callable[[int], None]
    ) -> Iterator[AnsweredChunk]:
        """The numbered ``chunks`` with their answers, in any order; ``advance`` gets the number of texts done at a time."""

    def peak(self) -> int:
        """Sum of the peak resident bytes of all processes so far."""

    def answered_by(self) -> list[dict[str, object]]:
        """What answered, where it is not what this machine is: see ``record.what_answers``."""
