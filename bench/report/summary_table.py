"""The first table of a run: what each variant gets right, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.analysis.figures import labelled_sets, latency_workload, memory_workload
from bench.measure.accuracy import positive
from bench.report.cells import Column, margin
from bench.report.memory_table import troubles
from bench.report.timing_tables import control_notes, stop_notes
from bench.units import MEGABYTES, MILLISECONDS, PER_SECOND, RATIO, SECONDS, SHARE, counted, format_share
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from bench.report.cells import Content, Table
    from bench.report.run_figures import RunFigures
    from bench.runs.measurement import Figure

_BINARY = 2


def summary_tables(cells: RunFigures) -> list[Table]:
    """One."""
    contents = [*_summary_accuracy(cells), *_summary_cost(cells)]
    return [cells.table("Summary", contents, _summary_notes(cells))]


def _summary_accuracy(cells: RunFigures) -> list[Content]:
    sets, labels = labelled_sets(cells.run), cells.run.checkpoint.labels
    contents = []
    for labelled in sets:
        head, short = (
            ("accuracy", "acc.") if len(sets) == 1 else (f"accuracy {labelled.name}", f"acc.\n{labelled.name}")
        )
        column = Column(head=head, short=short, scale=SHARE, group="accuracy")
        contents.append((column, cells.of_set("accuracy", labelled)))
    contents.append((Column(head="F1", scale=SHARE, group="accuracy"), cells.of_set("f1", sets[0])))
    if len(labels) == _BINARY:
        sought = labels[positive(labels)]
        column = Column(head=f"recall {sought}", scale=SHARE, group="accuracy")
        contents.append((column, cells.of_set("recall", sets[0], sought)))
    return contents


def _summary_cost(cells: RunFigures) -> list[Content]:
    run = cells.run
    latency = cells.at("latency", latency_workload(run, min(run.plan.batch_sizes)))
    reference = latency(REFERENCE) if REFERENCE in run.plan.variants else None
    throughputs = [cells.at("throughput", latency_workload(run, size)) for size in run.plan.batch_sizes]
    memory = cells.at("peak_memory", memory_workload(run, max(run.plan.sequence_lengths)))

    def speed_up(variant: str) -> Figure:
        return _speed_up(latency(variant), reference)

    def best_throughput(variant: str) -> Figure:
        return max((figure(variant) for figure in throughputs), key=lambda figure: figure.value or 0)

    return [
        (Column(head="latency", scale=MILLISECONDS, group="cost"), latency),
        (Column(head="speed-up", short="speed-\nup", scale=RATIO, group="cost"), speed_up),
        (Column(head="best throughput", short="best", scale=PER_SECOND, group="cost"), best_throughput),
        (Column(head="peak memory", short="peak", scale=MEGABYTES, group="cost"), memory),
        (Column(head="size on disk", short="size", scale=MEGABYTES, group="cost"), cells.at("artifact_size")),
        (Column(head="load time", short="load", scale=SECONDS, group="cost"), cells.at("load_time")),
    ]


def _speed_up(latency: Figure, reference: Figure | None) -> Figure:
    """How many times as fast as the reference; has no interval, that of paired blocks is for comparisons."""
    blank = replace(latency, metric="speed_up", unit="1", low=None, high=None)
    if latency.value is None:
        return blank
    if reference is None or reference.value is None or not latency.value:
        return replace(blank, value=None, n=0, status="not_measured", reason=f"needs the latency of {REFERENCE}")
    return replace(blank, value=reference.value / latency.value)


def _summary_notes(cells: RunFigures) -> list[str]:
    plan = cells.run.plan
    length, threads = max(plan.sequence_lengths), counted(plan.threads, "thread")
    one, held = counted(min(plan.batch_sizes), "text"), f"batches of {plan.memory_batch_size} × {length} tokens"
    return [
        *_summary_accuracy_notes(cells),
        f"latency: median for {one} of {length} tokens, {threads}; speed-up: over {REFERENCE}",
        f"best throughput: texts per second at the best of batch sizes {', '.join(map(str, plan.batch_sizes))}",
        f"peak memory: heap held after loading and the most that {held} take on top, by memray",
        *troubles(cells.run),
        *stop_notes(cells.run),
        *control_notes(cells.run, min(plan.batch_sizes)),
    ]


def _summary_accuracy_notes(cells: RunFigures) -> list[str]:
    sets = cells.run.sets
    if not sets:
        return []
    notes = [f"F1: average of classes, weighted by examples; F1 and recall on {sets[0].name}"]
    for labelled in sets:
        figure = cells.of_set("accuracy", labelled)
        margins = [found for found in (margin(figure(variant)) for variant in cells.run.plan.variants) if found]
        if margins:
            notes.append(
                f"accuracy on {labelled.name}: ±{format_share(max(margins))} (95 % interval of {labelled.rows} texts)"
            )
    return notes
