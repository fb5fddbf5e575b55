"""What a test session prints of a run: one line for each variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.figures import average, timed_lengths
from ...analysis.speed_ups import speed_ups
from ...printable import printable
from ...units import SHARE, counted
from ..cells import FAILED, Column
from ..formats.terminal import render_text
from ..notes import failures
from ..quality import head_metric
from ..run_figures import RunFigures
from .screen import costs

if TYPE_CHECKING:
    from ...runs.store import Run


def brief_table(run: Run) -> str:
    """Accuracy on each labelled set, and what a variant costs."""
    cells, smallest = RunFigures(printable(run)), min(run.plan.batch_sizes)
    run, ratios = cells.run, speed_ups(cells.run)
    accuracies = [
        (Column(head=f"{name} {one.name}", scale=SHARE, group="accuracy"), cells.of_set(metric, one))
        for one in run.sets
        for metric, name in [head_metric(run, one)]
    ]
    notes = [
        f"latency: {average(run)} for {counted(smallest, 'text')} of {timed_lengths(run)}; speed-up: over {REFERENCE}"
    ]
    notes += [f"{FAILED}: {name}: {why}" for name, why in failures(run).items()]
    contents = [*accuracies, *costs(cells, lambda variant: ratios[variant, smallest])]
    return render_text([cells.table(run.checkpoint.name, contents, notes)], ()).rstrip()
