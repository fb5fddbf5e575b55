"""What tables say where lengths of texts are missing, or mean less than they seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.measurement import METRICS, Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.saved.predictions import Answers
    from bench.saved.store import Run

_EARLIER = "lengths of texts were not kept: the run is of an earlier day"


def blank_figure(run: Run, name: str, variant: str, answers: Mapping[str, Answers]) -> Figure:
    """A figure of the set ``name`` that is not measured, with the reason if there are no lengths to measure it by."""
    info, of_set = run.variants.get(variant), answers.get(name)
    failed = info.failed if info else ""
    no_lengths = _EARLIER if of_set and variant in of_set.logits else "no answers were kept"
    return Figure(
        variant=variant,
        metric="length_accuracy",
        value=None,
        unit=METRICS["length_accuracy"].unit,
        low=None,
        high=None,
        n=0,
        status="failed" if failed else "not_measured",
        reason=failed or ("random weights" if run.checkpoint.random_weights else no_lengths),
        workload=None,
        data=name,
    )


def cut_note(run: Run) -> str:
    """What becomes of the longest texts."""
    most = reading_length(run)
    return f"of more than {most} tokens the first {most} are read"


def reading_length(run: Run) -> int:
    """Tokens that texts were cut at when they were scored."""
    cut = {one.workload.sequence_length for one in run.measurements if one.metric == "accuracy" and one.workload}
    return max(cut, default=run.checkpoint.max_length)
