"""The outcome of a comparison, and its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .history import History
    from .judging import Change, Verdict

Name: TypeAlias = Literal["nothing worse", "worse", "incomplete", "incomparable"]

EXIT_CODES: Mapping[Name, int] = {
    "nothing worse": 0,
    "worse": 1,
    "incomplete": 3,
    "incomparable": 4,
}  # 2 is for user mistakes
_URGENT: tuple[tuple[Name, frozenset[Verdict]], ...] = (  # the first that applies is the outcome
    ("worse", frozenset({"worse"})),
    ("incomplete", frozenset({"missing", "failed"})),
    ("incomparable", frozenset({"not comparable"})),
)
_FORGIVEN: frozenset[Verdict] = frozenset({"missing", "not comparable"})  # by ``lenient``
_COMPARED: frozenset[Verdict] = frozenset({"better", "worse", "no detectable change"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome over all rows."""

    name: Name
    detail: str  # "2 rows", "1 missing, 2 failed"

    @property
    def code(self) -> int:
        """The exit code."""
        return EXIT_CODES[self.name]

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


def outcome_of(changes: Sequence[Change], *, lenient: bool = False) -> Outcome:
    """The most urgent outcome of any row; if nothing was compared, "incomplete", so that no gate passes.

    ``lenient``: ignore rows that are missing or not comparable.
    """
    counts = count_verdicts(changes)
    weighty = {verdict: n for verdict, n in counts.items() if not (lenient and verdict in _FORGIVEN)}
    for name, verdicts in _URGENT:
        found = {verdict: n for verdict, n in weighty.items() if verdict in verdicts}
        if found:
            return Outcome(name=name, detail=_listed(found))
    compared = sum(n for verdict, n in counts.items() if verdict in _COMPARED)
    if not compared:
        return Outcome(name="incomplete", detail="nothing was compared")
    return Outcome(name="nothing worse", detail=f"{_rows(compared)} compared")


def outcome_of_history(history: History, *, lenient: bool = False) -> Outcome:
    """The outcome of the newest of many runs.

    ``lenient``: ignore rows that it lacks or that are not comparable, and files that cannot be read.
    """
    rows = history.failed if lenient else history.lacking
    worse, lacking, unread, unlike = map(len, (history.worse, rows, history.saved.unread, history.unlike))
    if worse:
        return Outcome(name="worse", detail=f"{_rows(worse)} became worse with the newest run")
    if lacking:
        return Outcome(name="incomplete", detail=f"the newest run lacks {_rows(lacking)}")
    if unread and not lenient:
        return Outcome(name="incomplete", detail=f"{unread} file{'s' * (unread != 1)} cannot be read")
    if unlike and not lenient:
        return Outcome(name="incomparable", detail=f"{_rows(unlike)} of the newest run")
    if not history.compared:
        return Outcome(name="incomplete", detail="nothing was compared")
    return Outcome(name="nothing worse", detail=f"no row of {history.compared} became worse with the newest run")


def count_verdicts(changes: Sequence[Change]) -> dict[Verdict, int]:
    """Number of rows by verdict."""
    counts: dict[Verdict, int] = {}
    for change in changes:
        counts[change.verdict] = counts.get(change.verdict, 0) + 1
    return counts


def _listed(counts: Mapping[Verdict, int]) -> str:
    if len(counts) == 1 and not {"missing", "failed"} & set(counts):
        return _rows(sum(counts.values()))
    return ", ".join(f"{_rows(n)} {verdict}" for verdict, n in counts.items())


def _rows(number: int) -> str:
    return f"{number} row" if number == 1 else f"{number} rows"
