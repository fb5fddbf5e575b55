"""What `deploybench run` prints: what was measured on what, one table, the variant to take, and the next commands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.figures import average, latency_workload, timed_lengths
from ...analysis.selection import default_selection
from ...analysis.speed_ups import speed_ups
from ...printable import printable
from ...units import counted
from ..cascades import cascade_lines
from ..long_texts import longer_line, windows_lines
from ..notes import checkpoint_note, marks_of_other_models
from ..quality import head_metric
from ..run_figures import RunFigures
from .screen import LINES, NAME, Rows, costs, listed, machine, pasted, recommend_command, scored_texts, screen, short

if TYPE_CHECKING:
    from pathlib import Path

    from ...analysis.selection import Selection
    from ...runs.store import Run

_COMPARED = {
    "single-label": "classes are compared",
    "multi-label": "labels are compared",
    "score": "the order of scores is compared",
}


def first_screen(run: Run, room: int = LINES, work_dir: Path | None = None) -> str:
    """At most ``room`` lines of 80 characters, from 22 on: of the table the best rows, and of the decision the first lines.

    ``work_dir``: the folder of the artifacts, if it is not the usual one.
    """
    measured, rows = what_to_show(run)
    return screen(measured, rows, _commands(run, rows.selection, work_dir), room)


def what_to_show(run: Run) -> tuple[list[str], Rows]:
    """What was measured, and the rows of the table."""
    cells, selection = RunFigures(printable(run)), printable(default_selection(run))
    ratios, smallest = speed_ups(cells.run), min(run.plan.batch_sizes)
    rows = Rows(
        selection=selection,
        costs=costs(cells, lambda variant: ratios[variant, smallest]),
        failed={name: info.failed for name, info in cells.run.variants.items() if info.failed},
        kept=(REFERENCE,),
        marks=marks_of_other_models(cells.run),
    )
    return _measured(cells), rows


def _measured(cells: RunFigures) -> list[str]:
    """The checkpoint, the labelled sets with the reference's accuracy, the workloads, and the machine."""
    run = cells.run
    longest = max(run.plan.sequence_lengths)
    one = latency_workload(run, min(run.plan.batch_sizes))
    return [
        checkpoint_note(replace(run.checkpoint, name=short(run.checkpoint.name, 2 * NAME))),
        *_reference_accuracy(cells),
        *longer_line(cells, short),
        *windows_lines(cells, short),
        f"latency: {average(run)} for {counted(one.batch_size, 'text')} of {timed_lengths(run)}; speed-up: over {REFERENCE}",
        f"memory: heap after loading and in batches of {run.plan.memory_batch_size} × {longest} tokens; size: on disk",
        *cascade_lines(cells),
        machine(run),
    ]


def _reference_accuracy(cells: RunFigures) -> list[str]:
    run = cells.run
    if run.checkpoint.random_weights:
        return []  # the line of the checkpoint says that accuracy means nothing
    if not run.sets:
        return [
            f"accuracy: no labelled set was given; {_COMPARED[run.checkpoint.task]} with {REFERENCE}'s on texts of the parity test"
        ]
    found = [(one, cells.of_set(head_metric(run, one)[0], one)(REFERENCE).value) for one in run.sets]
    told = (f"{short(one.name)} ({scored_texts(one)}) {value:.3f}" for one, value in found if value is not None)
    return [f"{head_metric(run, run.sets[0])[1]} of {REFERENCE}: {listed(told)}{_decided_by(run)}"]


def _decided_by(run: Run) -> str:
    """Of several labels the table has another metric than this line."""
    return "; changes are of subset accuracy" * (run.checkpoint.task == "multi-label")


def _commands(run: Run, selection: Selection, work_dir: Path | None) -> list[str]:
    file = pasted(run.path)
    return [
        f"all tables: deploybench report {file}",
        f"page: deploybench report {file} --format html -o report.html",
        recommend_command(file, selection, work_dir),
    ]
