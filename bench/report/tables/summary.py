"""Accuracy and cost of every variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...analysis.figures import average, labelled_sets, timed_lengths
from ...analysis.speed_ups import speed_ups
from ...units import MEGABYTES, MILLISECONDS, PER_SECOND, RATIO, SECONDS, SHARE, counted, format_share
from ..cells import Column, margin
from ..quality import NAMES, head_metric, quality_metrics
from ..timing_notes import control_notes, stop_notes
from .memory import memory_problems

if TYPE_CHECKING:
    from ...runs.measurement import Figure
    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """One, for every run."""
    return [cells.table("Summary", [*_accuracy(cells), *_cost(cells)], _notes(cells))]


def _accuracy(cells: RunFigures) -> list[Content]:
    sets = labelled_sets(cells.run)
    contents = []
    for labelled in sets:
        metric, name = head_metric(cells.run, labelled)
        short = "acc." if name == "accuracy" else name
        of_several = len(sets) > 1
        head, short = (f"{name} {labelled.name}", f"{short}\n{labelled.name}") if of_several else (name, short)
        column = Column(head=head, short=short, scale=SHARE, group="accuracy")
        contents.append((column, cells.of_set(metric, labelled)))
    if cells.run.checkpoint.task != "single-label":
        return [*contents, *_further(cells, sets[0])]
    contents.append((Column(head="F1", scale=SHARE, group="accuracy"), cells.of_set("f1", sets[0])))
    if cells.positive_and_negative:
        positive, _ = cells.positive_and_negative
        column = Column(head=f"recall {positive}", scale=SHARE, group="accuracy")
        contents.append((column, cells.of_set("recall", sets[0], positive)))
    return contents


def _further(cells: RunFigures, labelled: SetInfo) -> list[Content]:
    """The other metrics of the first set, two at most."""
    first, _ = head_metric(cells.run, labelled)
    others = [metric for metric in quality_metrics(cells.run, labelled) if metric != first][:2]
    return [
        (Column(head=NAMES[metric], scale=SHARE, group="accuracy"), cells.of_set(metric, labelled)) for metric in others
    ]


def _cost(cells: RunFigures) -> list[Content]:
    plan = cells.run.plan
    smallest, ratios = min(plan.batch_sizes), speed_ups(cells.run)
    latency = cells.at_batch("latency", smallest)
    throughputs = [cells.at_batch("throughput", size) for size in plan.batch_sizes]

    def best_throughput(variant: str) -> Figure:
        return max((figure(variant) for figure in throughputs), key=lambda figure: figure.value or 0)

    return [
        (Column(head="latency", scale=MILLISECONDS, group="cost"), latency),
        (
            Column(head="speed-up", short="speed-\nup", scale=RATIO, group="cost"),
            lambda variant: ratios[variant, smallest],
        ),
        (Column(head="best throughput", short="best", scale=PER_SECOND, group="cost"), best_throughput),
        (
            Column(head="peak memory", short="peak", scale=MEGABYTES, group="cost"),
            cells.at_length("peak_memory", max(plan.sequence_lengths)),
        ),
        (Column(head="size on disk", short="size", scale=MEGABYTES, group="cost"), cells.at("artifact_size")),
        (Column(head="load time", short="load", scale=SECONDS, group="cost"), cells.at("load_time")),
    ]


def _notes(cells: RunFigures) -> list[str]:
    plan = cells.run.plan
    length, threads = max(plan.sequence_lengths), counted(plan.threads, "thread")
    one, batches = counted(min(plan.batch_sizes), "text"), f"batches of {plan.memory_batch_size} × {length} tokens"
    return [
        *_accuracy_notes(cells),
        f"latency: {average(cells.run)} for {one} of {timed_lengths(cells.run)}, {threads}; speed-up: over {REFERENCE}",
        f"best throughput: texts per second at the best of batch sizes {', '.join(map(str, plan.batch_sizes))}",
        f"peak memory: heap after loading plus what {batches} add at most, by memray",
        *memory_problems(cells.run),
        *stop_notes(cells.run),
        *control_notes(cells.run, min(plan.batch_sizes)),
    ]


def _accuracy_notes(cells: RunFigures) -> list[str]:
    sets = cells.run.sets
    if not sets:
        return []
    single = cells.run.checkpoint.task == "single-label"
    notes = [f"F1: weighted average over classes; F1 and recall on {sets[0].name}"] if single else []
    for labelled in sets:
        metric, name = head_metric(cells.run, labelled)
        figure = cells.of_set(metric, labelled)
        margins = [found for found in (margin(figure(variant)) for variant in cells.run.plan.variants) if found]
        if margins:
            notes.append(
                f"{name} on {labelled.name}: ±{format_share(max(margins))} (95 % interval of {labelled.rows} texts)"
            )
    return notes
