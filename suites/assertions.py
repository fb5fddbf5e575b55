"""The variants of a run as a test sees them; an assertion that fails is one line at the line of the test."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from ..exporters.errors import DeploybenchError, did_you_mean
from .expectations import keeps_accuracy, not_slower, size_below
from .plugin import UndecidedWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..bench.api.run import Run
    from ..bench.runs import store
    from .expectations import Judged

    _Baselines = Callable[[Any, store.Run], tuple[store.Run, str]]


class Rows:
    """The variants of a run by name; of several models, by ``model/variant``."""

    def __init__(self, run: Run, baselines: _Baselines) -> None:
        """``baselines``: gives the saved run of a path, without one that of the session, and its name; raises UserError."""
        self.run = run
        self._rows = dict(
            zip(run.variants, [(one, name) for one in run.models for name in one.plan.variants], strict=True)
        )
        self._baselines = baselines

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __getitem__(self, name: str) -> Row:
        __tracebackhide__ = True
        if name not in self._rows:
            pytest.fail(f"{name!r} is not in the run; {did_you_mean(name, self._rows)}its variants: {', '.join(self)}")
        return Row(*self._rows[name], self._baselines)


class Row:
    """A variant of a run, and what a test may expect of it."""

    def __init__(self, run: store.Run, variant: str, baselines: _Baselines) -> None:
        self._run = run
        self._variant = variant
        self._baselines = baselines

    def assert_not_slower(self, baseline: Path | str | Run | Rows | None = None, *, by: float) -> None:
        """Fail if a latency is above that of ``baseline`` by more than ``by`` (0.05: 5 %) with its whole 95 % interval.

        ``baseline``: a saved run, a folder (its newest run), a file of `deploybench baseline save`, a run or rows; None: that of
        ``--deploybench-baseline``. Fails as well if none can be compared. What is undecided is an UndecidedWarning: the noise of
        the machine decides that, in every run anew.
        """
        __tracebackhide__ = True
        judged = one_line(lambda: not_slower(self._run, self._variant, by, *self._baselines(baseline, self._run)))
        if judged.verdict == "undecided":
            warnings.warn(UndecidedWarning(judged.line), stacklevel=2)
        elif judged.verdict != "holds":
            raise AssertionError(judged.line)

    def assert_keeps_accuracy(self, share: float, *, on: str | None = None) -> None:
        """Fail unless ``share`` (0.99: 99 %) of torch-eager's accuracy is kept, with the whole 95 % interval.

        On all labelled texts together, or on the set ``on``. Of too few texts, the line says how many more would decide: every
        run of the same texts is undecided.
        """
        __tracebackhide__ = True
        _expect(lambda: keeps_accuracy(self._run, self._variant, share, on))

    def assert_size_below(self, size: str) -> None:
        """Fail unless the files that the runtime reads take at most ``size``: "13MB" (13,000,000 bytes), "1.2 GB"."""
        __tracebackhide__ = True
        _expect(lambda: size_below(self._run, self._variant, size))


def one_line(make: Callable[[], Any]) -> Any:
    """What ``make`` returns; its DeploybenchError fails the test with one line."""
    __tracebackhide__ = True
    mistake = ""
    try:
        return make()
    except DeploybenchError as error:
        mistake = str(error)
    raise pytest.fail.Exception(mistake)  # not within the except block: pytest would show where the error came from


def _expect(judge: Callable[[], Judged]) -> None:
    __tracebackhide__ = True
    judged = one_line(judge)
    if judged.verdict != "holds":
        raise AssertionError(judged.line)
