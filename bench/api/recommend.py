"""Which variant of a run to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...exporters.errors import UserError, did_you_mean
from ..analysis.models.selection import select_of
from ..analysis.objectives import OBJECTIVES, Aim, limits, max_drop, service_level_of
from ..pipeline.arguments import positive_number, share
from ..pipeline.best import copy_best, read_target
from ..report.formats.fragment import fragment
from ..report.messages.models_selection import render_selection_of
from ..report.messages.selection import answer_lines, selection_table
from .arguments import path_of, text_of
from .run import Run, run_of

if TYPE_CHECKING:
    from pathlib import Path

    from ..analysis.selection import Selection
    from .run import File


class Recommendation:
    """What to take, and how every candidate stands with the limits; ``str`` gives what the command prints."""

    def __init__(self, run: Run, selection: Selection) -> None:
        self._run, self._selection = run, selection

    @property
    def variant(self) -> str | None:
        """What to take, of several models ``model/variant``; None where none is certain to be within every limit."""
        best = self._selection.best
        return best.variant if best else None

    @property
    def reasons(self) -> dict[str, str]:
        """Why each candidate that is not within every limit is not, best first."""
        return {one.variant: one.why for one in self._selection.candidates if one.why}

    @property
    def exit_code(self) -> int:
        """Of the command: 1 where there is nothing to take."""
        return 0 if self.variant else 1

    def to_frame(self) -> pd.DataFrame:
        """The candidates, best first, with the figure of the objective in SI units, the accuracy lost, and why not."""
        return pd.DataFrame(
            {
                "variant": one.variant,
                "standing": one.standing,
                self._selection.objective: one.figure and one.figure.value,
                "accuracy_lost": one.drop and one.drop.share,
                "accuracy_lost_low": one.drop and one.drop.least,
                "accuracy_lost_high": one.drop and one.drop.most,
                "pareto_front": one.pareto_front,
                "why": one.why,
            }
            for one in self._selection.candidates
        )

    def copy_to(self, folder: File, work_dir: File = ".deploybench") -> Path:
        """Copy its artifact from the work folder of the run to ``folder``, for ``load``, with an example and the evidence.

        Raises UserError where there is nothing to take, no such artifact, or more than an artifact in ``folder``.
        """
        if self.variant is None:
            raise UserError(
                "copy_to: no variant is certain to be within every limit; ask for less, or measure for longer"
            )
        target = read_target(str(path_of("copy_to", folder)), "copy_to")
        copy_best(self._run.models, self._selection, path_of("work_dir", work_dir), target)
        return target

    def __str__(self) -> str:
        return render_selection_of(self._run.models, self._selection)

    def __repr__(self) -> str:
        return f"<Recommendation: {self.variant or 'none'}>"

    def _repr_html_(self) -> str:
        heads, rows = selection_table(self._selection)
        why = [f"{name}: {reason}" for name, reason in self.reasons.items()]
        return fragment([], heads, rows, [*why, *answer_lines(self._selection)])


def recommend(  # noqa: PLR0913 - limits, by name
    run: Run | File,
    *,
    objective: str = "latency",
    max_accuracy_drop: float | None = None,
    max_score_drop: float | None = None,
    on_each_set: bool = False,
    max_p95_ms: float | None = None,
    max_memory_mb: float | None = None,
    max_size_mb: float | None = None,
    at_rate: float | None = None,
    max_p99_ms: float | None = None,
    allow_other_model: bool = False,
    model: str | None = None,
) -> Recommendation:
    """The variant to take within limits, as `deploybench recommend` says it; raises UserError for a limit that is none.

    ``objective``: latency, throughput, memory or size. ``max_accuracy_drop``: the share of accuracy that it may lose on all texts
    together, or with ``on_each_set`` on each labelled set; of scores ``max_score_drop``, of their rank correlation with the labels
    or NDCG@10. ``at_rate``, ``max_p99_ms``: requests a second that its server has to answer, and within which time 99 % of them.
    ``model``: of a run of several models, this one alone.
    """
    if text_of("objective", objective, f"one of {', '.join(OBJECTIVES)}") not in OBJECTIVES:
        hint = did_you_mean(objective, OBJECTIVES)
        raise UserError(f"objective: found {objective!r}; {hint}expected one of {', '.join(OBJECTIVES)}")
    asked = {"max_p95_ms": max_p95_ms, "max_memory_mb": max_memory_mb, "max_size_mb": max_size_mb}
    most = {name: positive_number(name)(str(number)) for name, number in asked.items() if number is not None}
    bears = {"at_rate": at_rate, "max_p99_ms": max_p99_ms}
    rate, p99 = (None if one is None else positive_number(name)(str(one)) for name, one in bears.items())
    drops = [
        None if given is None else share(name)(str(given))
        for name, given in {"max_accuracy_drop": max_accuracy_drop, "max_score_drop": max_score_drop}.items()
    ]
    of = run_of("run", run, model)
    aim = Aim(
        objective=objective,
        max_drop=max_drop(of.models[0].checkpoint.task, *drops),
        on_each_set=on_each_set,
        limits=limits(most),
        service_level=service_level_of(rate, p99),
        allow_other_model=allow_other_model,
    )
    return Recommendation(of, select_of(of.models, aim))
