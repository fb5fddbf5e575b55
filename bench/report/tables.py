"""The tables that are made of a run: which columns each has, and what is said under it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.analysis.fidelity import fidelities, fidelity_figures
from bench.analysis.figures import (
    SERVED,
    figures,
    latency_workload,
    memory_workload,
    policy_workloads,
    served_workloads,
)
from bench.analysis.misclassified.lengths import error_lengths, length_accuracies
from bench.analysis.misclassified.shift import shift_figures
from bench.measure.yardsticks import yardstick_readings
from bench.printable import printable
from bench.report.accuracy_table import accuracy_tables
from bench.report.cells import Column, Table
from bench.report.errors_table import errors_contents, errors_notes
from bench.report.fidelity_table import fidelity_contents, fidelity_notes
from bench.report.groups_table import groups_contents, groups_notes
from bench.report.instances_table import instances_contents, instances_notes, instances_title
from bench.report.invariance_table import invariance_contents, invariance_notes
from bench.report.memory_table import memory_contents, memory_notes, memory_title, no_memory, troubles
from bench.report.operators_table import operators_contents, operators_notes, operators_title
from bench.report.policies_table import policies_contents, policies_notes
from bench.report.run_figures import RunFigures
from bench.report.shift_table import shift_contents, shift_notes
from bench.report.summary_table import summary_tables
from bench.report.timing_tables import (
    cold_contents,
    cold_notes,
    control_notes,
    stop_notes,
    timing_contents,
    timing_notes,
)
from bench.report.weights_table import weights_contents, weights_notes
from bench.runs.metrics import INVARIANCE
from bench.units import (
    GIGA_OPERATIONS,
    MEGABYTES,
    MILLISECONDS,
    PER_SECOND,
    SHARE,
    counted,
    format_rate,
)
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.store import Run, SetInfo

_YARDSTICKS = {
    "yardstick_fp32": ("fp32", "op/s"),
    "yardstick_bf16": ("bf16", "op/s"),
    "yardstick_int8": ("int8", "op/s"),
    "yardstick_copy": ("memory copy", "B/s"),
    "yardstick_python": ("passes of a Python loop", "/s"),
}


def build_tables(run: Run, names: Sequence[str]) -> list[Table]:
    """Build the tables called ``names``, keys of TABLES; ``accuracy`` is one table for each labelled set."""
    cells = RunFigures(printable(run))
    return [table for name in names for table in TABLES[name](cells)]


def tables_by_name(run: Run, names: Sequence[str]) -> dict[str, list[Table]]:
    """The same, each name with its tables."""
    cells = RunFigures(printable(run))
    return {name: TABLES[name](cells) for name in names}


def _batch(cells: RunFigures) -> list[Table]:
    plan = cells.run.plan
    contents: list[Content] = []
    for metric, short, scale in (
        ("latency", "latency", MILLISECONDS),
        ("throughput", "through-\nput", PER_SECOND),
    ):
        for size in plan.batch_sizes:
            column = Column(
                head=f"{metric} batch {size}",
                short=f"{short}\nbatch {size}",
                scale=scale,
                group=metric,
                interval=metric == "latency",
            )
            contents.append((column, cells.at(metric, latency_workload(cells.run, size))))
    at = f"{max(plan.sequence_lengths)} tokens, {counted(plan.threads, 'thread')}"
    notes = [
        "latency: median time of one batch; ±: to the farther end of its 95 % interval, by the medians of the processes",
        "throughput: texts per second, batch size / latency",
        *stop_notes(cells.run),
        *control_notes(cells.run),
    ]
    return [cells.table(f"Latency and throughput by batch size, {at}", contents, notes)]


def _sequence(cells: RunFigures) -> list[Table]:
    plan = cells.run.plan
    contents: list[Content] = []
    for metric, kind in (("peak_memory", "heap"), ("peak_resident", "resident")):
        for length in plan.sequence_lengths:
            head, short = f"{kind} {length} tokens", f"{kind}\n{length}"
            column = Column(head=head, short=short, scale=MEGABYTES, group=kind)
            contents.append((column, cells.at(metric, memory_workload(cells.run, length))))
    title = f"Peak memory by sequence length in tokens, batch of {plan.memory_batch_size}"
    heap = "heap: what the program asked for, by memray: held after loading and the most that batches take on top"
    resident = "resident: the most the kernel gave the process during batches, interpreter and libraries included"
    differ = "the two differ: allocators keep what was freed, and weights may be mapped from their file"
    return [cells.table(title, contents, [heap, resident, differ, *troubles(cells.run)])]


def _instances(cells: RunFigures) -> list[Table]:
    """Nothing for a run that did not measure it."""
    workloads = served_workloads(cells.run)
    if not workloads:
        return []
    contents = instances_contents(workloads, lambda workload: cells.at(SERVED, workload))
    return [cells.table(instances_title(workloads), contents, instances_notes(cells.run, workloads))]


def _roofline(cells: RunFigures) -> list[Table]:
    """Nothing for a run that was saved before operations were counted."""
    run = cells.run
    if not run.operations:
        return []
    contents: list[Content] = []
    for metric, head, scale in (("achieved", "achieved", GIGA_OPERATIONS), ("yardstick_share", "share", SHARE)):
        for size in run.plan.batch_sizes:
            column = Column(head=f"{head} batch {size}", short=f"{head}\nbatch {size}", scale=scale, group=metric)
            contents.append((column, cells.at(metric, latency_workload(run, size))))
    at = f"{max(run.plan.sequence_lengths)} tokens, {counted(run.plan.threads, 'thread')}"
    return [cells.table(f"Operations by batch size, {at}", contents, [*_roofline_notes(run), *control_notes(run)])]


def _roofline_notes(run: Run) -> list[str]:
    readings = yardstick_readings(run)
    texts = [
        f"{label} {format_rate(median(readings[metric].values), unit)}"
        for metric, (label, unit) in _YARDSTICKS.items()
        if metric in readings
    ]
    count = counted(max((len(one.values) for one in readings.values()), default=0), "reading")
    return [
        "achieved: operations of the matrix products of a batch, 2 per multiply-add, / latency",
        "share: achieved / the yardstick of the precision in which most of them run",
        f"yardsticks of the machine, median of {count}: {', '.join(texts) or 'none'}",
    ]


def _weights(cells: RunFigures) -> list[Table]:
    """Nothing for a run that was saved before the files of artifacts were inspected."""
    if not any(info.stored for info in cells.run.variants.values()):
        return []
    return [cells.table("Weights", weights_contents(cells.at), weights_notes(cells.run))]


def _operators(cells: RunFigures) -> list[Table]:
    """Nothing for a run that was saved before variants were profiled."""
    run = cells.run
    if not any(info.operators for info in run.variants.values()):
        return []
    workload = latency_workload(run, 1)
    contents = operators_contents(lambda metric, label: cells.at(metric, workload, label))
    return [cells.table(operators_title(workload), contents, operators_notes(run))]


def _fidelity(cells: RunFigures) -> list[Table]:
    """One table for each labelled set of which the answers were kept."""
    tables = []
    by_place = {(one.data, one.variant, one.metric): one for one in fidelity_figures(cells.run)}
    for name, of_set in fidelities(cells.run).items():

        def at(metric: str, name: str = name) -> ByVariant:
            return lambda variant: by_place[name, variant, metric]

        tables.append(
            cells.table(f"Answers on {printable(name)}", fidelity_contents(at), fidelity_notes(cells.run, name, of_set))
        )
    return tables


def _policies(cells: RunFigures) -> list[Table]:
    """One table for each labelled set; nothing where the policies were left out."""
    workloads = policy_workloads(cells.run)
    if not workloads:
        return []

    def table(labelled: SetInfo) -> Table:
        def of_set(metric: str, padding: str) -> ByVariant:
            return cells.of_set(metric, labelled, padding)

        notes = policies_notes(workloads, of_set, cells.answers.get(labelled.name))
        return cells.table(f"Padding policies on {labelled.name}", policies_contents(workloads, of_set), notes)

    return [table(labelled) for labelled in cells.run.sets]


def _invariance(cells: RunFigures) -> list[Table]:
    """Nothing for a run that was saved before this was measured."""
    if not any(one.metric in INVARIANCE for one in cells.run.measurements):
        return []
    return [cells.table("Texts in other company", invariance_contents(cells.at), invariance_notes())]


def _errors(cells: RunFigures) -> list[Table]:
    """One table for each labelled set."""
    run = cells.run
    cells.add(error_lengths(run, cells.answers))

    def table(labelled: SetInfo) -> Table:
        contents = errors_contents(lambda metric, label: cells.of_set(metric, labelled, label), run.checkpoint.labels)
        return cells.table(f"Errors on {labelled.name}", contents, errors_notes(run))

    return [table(labelled) for labelled in run.sets]


def _groups(cells: RunFigures) -> list[Table]:
    """One table for each labelled set."""
    run = cells.run
    cells.add(length_accuracies(run, cells.answers))

    def table(labelled: SetInfo) -> Table:
        answers = cells.answers.get(labelled.name)
        contents = groups_contents(lambda metric, label: cells.of_set(metric, labelled, label), run, answers)
        return cells.table(f"Accuracy by group of {labelled.name}", contents, groups_notes(run, labelled, answers))

    return [table(labelled) for labelled in run.sets]


def _shift(cells: RunFigures) -> list[Table]:
    """Nothing for a run of fewer than two sets."""
    run = cells.run
    if len(run.sets) < 2:  # noqa: PLR2004 - a shift is between two
        return []
    cells.add(shift_figures(run, figures(run)))
    contents = shift_contents(run.sets, cells.of_set)
    return [cells.table("Accuracy from set to set", contents, shift_notes(run, cells.answers))]


def _memory(cells: RunFigures) -> list[Table]:
    run = cells.run
    workload = memory_workload(run, max(run.plan.sequence_lengths))
    if not run.ledgers:
        return [cells.table(memory_title(workload), [no_memory(run)], [])]
    contents = memory_contents(lambda metric, label: cells.at(metric, workload, label))
    return [cells.table(memory_title(workload), contents, memory_notes(run, workload))]


def _timing(cells: RunFigures) -> list[Table]:
    """One table for each batch size."""
    run, tables = cells.run, []
    for size in run.plan.batch_sizes:
        workload = latency_workload(run, size)
        title = f"Times of a batch of {size} × {workload.sequence_length} tokens, {counted(run.plan.threads, 'thread')}"
        contents = timing_contents(cells.at, workload)
        tables.append(cells.table(title, contents, [*timing_notes(run, workload), *control_notes(run)]))
    return tables


def _cold(cells: RunFigures) -> list[Table]:
    """Nothing for a run that was saved before this was measured."""
    run = cells.run
    if not any(one.metric == "first_inference" for one in run.measurements) or REFERENCE not in run.plan.variants:
        return []
    smallest = latency_workload(run, min(run.plan.batch_sizes))
    notes = [*cold_notes(smallest), *control_notes(run, smallest.batch_size)]
    return [cells.table("Cold start", cold_contents(cells.at, smallest), notes)]


TABLES = {
    "summary": summary_tables,
    "batch": _batch,
    "timing": _timing,
    "instances": _instances,
    "roofline": _roofline,
    "operators": _operators,
    "weights": _weights,
    "cold": _cold,
    "sequence": _sequence,
    "memory": _memory,
    "accuracy": accuracy_tables,
    "fidelity": _fidelity,
    "invariance": _invariance,
    "policies": _policies,
    "errors": _errors,
    "groups": _groups,
    "shift": _shift,
}
