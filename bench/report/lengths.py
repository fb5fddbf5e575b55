"""Figures of a labelled set before they are measured, and what tables say of the lengths of its texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.runs.measurement import METRICS, Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.runs.predictions import Answers
    from bench.runs.store import Run

_EARLIER = "lengths of texts were not kept: the run was saved before they were"


def by_set_and_variant(
    run: Run, answers: Mapping[str, Answers], figures: Callable[[Figure, Answers | None], list[Figure]]
) -> list[Figure]:
    """What ``figures`` makes of a blank figure and the answers on its set, for each set and variant, in the order of the plan."""
    return [
        figure
        for labelled in run.sets
        for variant in run.plan.variants
        for figure in figures(_blank(run, labelled.name, variant, answers), answers.get(labelled.name))
    ]


def _blank(run: Run, name: str, variant: str, answers: Mapping[str, Answers]) -> Figure:
    of_set = answers.get(name)
    lacking = _EARLIER if of_set and variant in of_set.logits else "no answers were kept"
    return blank_figure(run, name, variant, "length_accuracy", lacking)


def blank_figure(run: Run, name: str, variant: str, metric: str, lacking: str) -> Figure:
    """A figure of the set ``name`` that is not measured, because of ``lacking`` unless there is a better reason."""
    info = run.variants.get(variant)
    failed = info.failed if info else ""
    return Figure(
        variant=variant,
        metric=metric,
        value=None,
        unit=METRICS[metric].unit,
        low=None,
        high=None,
        n=0,
        status="failed" if failed else "not_measured",
        reason=failed or ("random weights" if run.checkpoint.random_weights else lacking),
        workload=None,
        data=name,
    )


def cut_note(run: Run) -> str:
    """What becomes of the longest texts."""
    most, part = reading_length(run), "last" if run.checkpoint.truncation_side == "left" else "first"
    return f"of more than {most} tokens the {part} {most} are read"


def reading_length(run: Run) -> int:
    """Tokens that texts were cut at when they were scored."""
    cut = {one.workload.sequence_length for one in run.measurements if one.metric == "accuracy" and one.workload}
    return max(cut, default=run.checkpoint.max_length or 0)
