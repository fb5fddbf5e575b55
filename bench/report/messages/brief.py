"""What a test session prints of a run: one line for each variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploybench.bench.analysis.figures import timed_lengths
from deploybench.bench.analysis.speed_ups import speed_ups
from deploybench.bench.printable import printable
from deploybench.bench.report.cells import FAILED, Column
from deploybench.bench.report.formats.terminal import render_text
from deploybench.bench.report.messages.screen import costs
from deploybench.bench.report.notes import failures
from deploybench.bench.report.run_figures import RunFigures
from deploybench.bench.units import SHARE, counted
from deploybench.exporters.variant import REFERENCE

if TYPE_CHECKING:
    from deploybench.bench.runs.store import Run


def brief_table(run: Run) -> str:
    """Accuracy on each labelled set, and what a variant costs."""
    cells, smallest = RunFigures(printable(run)), min(run.plan.batch_sizes)
    run, ratios = cells.run, speed_ups(cells.run)
    accuracies = [
        (Column(head=f"accuracy {one.name}", scale=SHARE, group="accuracy"), cells.of_set("accuracy", one))
        for one in run.sets
    ]
    notes = [f"latency: median for {counted(smallest, 'text')} of {timed_lengths(run)}; speed-up: over {REFERENCE}"]
    notes += [f"{FAILED}: {name}: {why}" for name, why in failures(run).items()]
    contents = [*accuracies, *costs(cells, lambda variant: ratios[variant, smallest])]
    return render_text([cells.table(run.checkpoint.name, contents, notes)], ()).rstrip()
