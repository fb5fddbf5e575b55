"""The tables that are made of a run: which columns each has, and what is said under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from bench.accuracy import positive
from bench.measurement import INVARIANCE, Figure, Workload
from bench.report.cells import Column, Table, margin, printable
from bench.report.errors_table import error_lengths, errors_contents, errors_notes
from bench.report.fidelity_table import fidelities, fidelity_contents, fidelity_figures, fidelity_notes
from bench.report.figures import (
    SERVED,
    figures,
    labelled_sets,
    latency_workload,
    memory_workload,
    policy_workloads,
    served_workloads,
)
from bench.report.groups_table import groups_contents, groups_notes, length_figures
from bench.report.instances_table import instances_contents, instances_notes, instances_title
from bench.report.invariance_table import invariance_contents, invariance_notes
from bench.report.memory_table import memory_contents, memory_notes, memory_title, no_memory, troubles
from bench.report.notes import counted, gap_notes
from bench.report.operators_table import operators_contents, operators_notes, operators_title
from bench.report.policies_table import policies_contents, policies_notes
from bench.report.shift_table import shift_contents, shift_figures, shift_notes
from bench.report.timing_tables import (
    cold_contents,
    cold_notes,
    control_notes,
    stop_notes,
    timing_contents,
    timing_notes,
)
from bench.report.weights_table import weights_contents, weights_notes
from bench.saved.predictions import read_answers
from bench.timing.yardsticks import yardstick_readings
from bench.units import (
    COUNT,
    GIGA_OPERATIONS,
    MEGABYTES,
    MILLISECONDS,
    PER_SECOND,
    RATIO,
    SECONDS,
    SHARE,
    format_rate,
    format_share,
)
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.saved.predictions import Answers
    from bench.saved.store import Run, SetInfo

_Content: TypeAlias = tuple[Column, Callable[[str], Figure]]  # a column, and its figure for a variant

_BINARY = 2
_MAX_CONFUSION_LABELS = 4  # of more, the counts are in the tidy JSON only: their columns are the labels squared
_YARDSTICKS = {
    "yardstick_fp32": ("fp32", "op/s"),
    "yardstick_bf16": ("bf16", "op/s"),
    "yardstick_int8": ("int8", "op/s"),
    "yardstick_copy": ("memory copy", "B/s"),
    "yardstick_python": ("passes of a Python loop", "/s"),
}


class _Cells:
    """All figures of a run, by place."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._found: dict[tuple[str, str, Workload | None, str | None, str | None], Figure] = {}
        self.add(figures(run))

    @cached_property
    def answers(self) -> dict[str, Answers]:
        """What was kept of every example, by labelled set."""
        return {printable(name): of_set for name, of_set in read_answers(self.run).items()}

    def add(self, found: Iterable[Figure]) -> None:
        """Take in figures that only some tables show."""
        for figure in found:
            workload = None if figure.data else figure.workload  # a set is scored at one workload only
            self._found[figure.variant, figure.metric, workload, figure.data, figure.label] = figure

    def at(self, metric: str, workload: Workload | None = None, label: str | None = None) -> Callable[[str], Figure]:
        """Look up a figure that is about no labelled set, by variant."""
        return lambda variant: self._found[variant, metric, workload, None, label]

    def of_set(self, metric: str, labelled: SetInfo, label: str | None = None) -> Callable[[str], Figure]:
        """Look up a figure of a labelled set, by variant."""
        return lambda variant: self._found[variant, metric, None, labelled.name or None, label]

    def table(self, title: str, contents: Sequence[_Content], notes: Sequence[str]) -> Table:
        """Fill a table; its notes are followed by the reasons for its empty cells."""
        columns = tuple(column for column, _ in contents)
        rows = {variant: tuple(figure(variant) for _, figure in contents) for variant in self.run.plan.variants}
        return Table(
            title=title,
            columns=columns,
            rows=rows,
            deprecated=frozenset(name for name, info in self.run.variants.items() if info.deprecated),
            notes=(*notes, *gap_notes(self.run, columns, rows)),
        )


def build_tables(run: Run, names: Sequence[str]) -> list[Table]:
    """Build the tables called ``names``, keys of TABLES; ``accuracy`` is one table for each labelled set."""
    cells = _Cells(printable(run))
    return [table for name in names for table in TABLES[name](cells)]


def tables_by_name(run: Run, names: Sequence[str]) -> dict[str, list[Table]]:
    """The same, each name with its tables."""
    cells = _Cells(printable(run))
    return {name: TABLES[name](cells) for name in names}


def _summary(cells: _Cells) -> list[Table]:
    contents = [*_summary_accuracy(cells), *_summary_cost(cells)]
    return [cells.table("Summary", contents, _summary_notes(cells))]


def _summary_accuracy(cells: _Cells) -> list[_Content]:
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


def _summary_cost(cells: _Cells) -> list[_Content]:
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


def _summary_notes(cells: _Cells) -> list[str]:
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


def _summary_accuracy_notes(cells: _Cells) -> list[str]:
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


def _batch(cells: _Cells) -> list[Table]:
    plan = cells.run.plan
    contents: list[_Content] = []
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


def _sequence(cells: _Cells) -> list[Table]:
    plan = cells.run.plan
    contents: list[_Content] = []
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


def _instances(cells: _Cells) -> list[Table]:
    """Nothing for a run that did not measure it."""
    workloads = served_workloads(cells.run)
    if not workloads:
        return []
    contents = instances_contents(workloads, lambda workload: cells.at(SERVED, workload))
    return [cells.table(instances_title(workloads), contents, instances_notes(cells.run, workloads))]


def _roofline(cells: _Cells) -> list[Table]:
    """Nothing for a run whose operations were not counted: it is of an earlier day."""
    run = cells.run
    if not run.operations:
        return []
    contents: list[_Content] = []
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


def _weights(cells: _Cells) -> list[Table]:
    """Nothing for a run whose files were not looked into: it is of an earlier day."""
    if not any(info.stored for info in cells.run.variants.values()):
        return []
    return [cells.table("Weights", weights_contents(cells.at), weights_notes(cells.run))]


def _operators(cells: _Cells) -> list[Table]:
    """Nothing for a run of which nothing was profiled: it is of an earlier day."""
    run = cells.run
    if not any(info.operators for info in run.variants.values()):
        return []
    workload = latency_workload(run, 1)
    contents = operators_contents(lambda metric, label: cells.at(metric, workload, label))
    return [cells.table(operators_title(workload), contents, operators_notes(run))]


def _accuracy(cells: _Cells) -> list[Table]:
    return [_accuracy_on(cells, labelled) for labelled in cells.run.sets]


def _accuracy_on(cells: _Cells, labelled: SetInfo) -> Table:
    labels = cells.run.checkpoint.labels
    overall = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "F1": "f1"}
    seconds = Column(head="scoring time", short="scoring", scale=SECONDS, group="errors")
    per_text = Column(head="time per text", short="per text", scale=MILLISECONDS, group="errors")
    contents = [
        *((_share(head, "overall"), cells.of_set(metric, labelled)) for head, metric in overall.items()),
        *_error_rates(cells, labelled),
        (seconds, cells.of_set("scoring_time", labelled)),
        (per_text, cells.of_set("scoring_time_per_sample", labelled)),
    ]
    if len(labels) <= _MAX_CONFUSION_LABELS:
        contents += _confusion(cells, labelled)
    return cells.table(f"Accuracy on {labelled.name}", contents, _accuracy_notes(labels))


def _fidelity(cells: _Cells) -> list[Table]:
    """One table for each labelled set of which the answers were kept."""
    found, tables = fidelities(cells.run), []
    by_place = {(one.data, one.variant, one.metric): one for one in fidelity_figures(cells.run, found)}
    for name, of_set in found.items():

        def at(metric: str, name: str = name) -> Callable[[str], Figure]:
            return lambda variant: by_place[name, variant, metric]

        tables.append(cells.table(f"Answers on {printable(name)}", fidelity_contents(at), fidelity_notes(of_set)))
    return tables


def _policies(cells: _Cells) -> list[Table]:
    """One table for each labelled set; nothing where the policies were left out."""
    workloads = policy_workloads(cells.run)
    if not workloads:
        return []

    def table(labelled: SetInfo) -> Table:
        def of_set(metric: str, padding: str) -> Callable[[str], Figure]:
            return cells.of_set(metric, labelled, padding)

        notes = policies_notes(workloads, of_set, cells.answers.get(labelled.name))
        return cells.table(f"Padding policies on {labelled.name}", policies_contents(workloads, of_set), notes)

    return [table(labelled) for labelled in cells.run.sets]


def _invariance(cells: _Cells) -> list[Table]:
    """Nothing for a run of an earlier day."""
    if not any(one.metric in INVARIANCE for one in cells.run.measurements):
        return []
    return [cells.table("Texts in other company", invariance_contents(cells.at), invariance_notes())]


def _errors(cells: _Cells) -> list[Table]:
    """One table for each labelled set."""
    run = cells.run
    cells.add(error_lengths(run, cells.answers))

    def table(labelled: SetInfo) -> Table:
        contents = errors_contents(lambda metric, label: cells.of_set(metric, labelled, label), run.checkpoint.labels)
        return cells.table(f"Errors on {labelled.name}", contents, errors_notes(run))

    return [table(labelled) for labelled in run.sets]


def _groups(cells: _Cells) -> list[Table]:
    """One table for each labelled set."""
    run = cells.run
    cells.add(length_figures(run, cells.answers))

    def table(labelled: SetInfo) -> Table:
        answers = cells.answers.get(labelled.name)
        contents = groups_contents(lambda metric, label: cells.of_set(metric, labelled, label), run, answers)
        return cells.table(f"Accuracy by group of {labelled.name}", contents, groups_notes(run, labelled, answers))

    return [table(labelled) for labelled in run.sets]


def _shift(cells: _Cells) -> list[Table]:
    """Nothing for a run of fewer than two sets."""
    run = cells.run
    if len(run.sets) < 2:  # noqa: PLR2004 - a shift is between two
        return []
    cells.add(shift_figures(run, figures(run)))
    contents = shift_contents(run.sets, cells.of_set)
    return [cells.table("Accuracy from set to set", contents, shift_notes(run, cells.answers))]


def _error_rates(cells: _Cells, labelled: SetInfo) -> list[_Content]:
    """Show the two error rates of a binary classifier; of more classes, the recall of each."""
    labels = cells.run.checkpoint.labels
    if len(labels) == _BINARY:
        rates = {"FPR": "false_positive_rate", "FNR": "false_negative_rate"}
        return [(_share(head, "errors"), cells.of_set(metric, labelled)) for head, metric in rates.items()]
    return [(_share(f"recall {label}", "errors"), cells.of_set("recall", labelled, label)) for label in labels]


def _confusion(cells: _Cells, labelled: SetInfo) -> list[_Content]:
    labels = cells.run.checkpoint.labels
    return [
        (
            Column(head=f"{actual} as {predicted}", short=f"{actual} as\n{predicted}", scale=COUNT, group="confusion"),
            cells.of_set("confusion", labelled, f"{actual} as {predicted}"),
        )
        for actual in labels
        for predicted in labels
    ]


def _share(head: str, group: str) -> Column:
    return Column(head=head, scale=SHARE, group=group, interval=True)


def _accuracy_notes(labels: Sequence[str]) -> list[str]:
    averages = "precision, recall, F1: averages of classes, weighted by examples"
    notes = [f"{averages}; ±: to the farther end of the 95 % interval"]
    if len(labels) == _BINARY:
        sought, other = labels[positive(labels)], labels[1 - positive(labels)]
        notes.append(f"FPR: share of {other} called {sought}; FNR: share of {sought} called {other}")
    if len(labels) > _MAX_CONFUSION_LABELS:
        notes.append("confusion counts: in the json format")
    return notes


def _memory(cells: _Cells) -> list[Table]:
    run = cells.run
    workload = memory_workload(run, max(run.plan.sequence_lengths))
    if not run.ledgers:
        return [cells.table(memory_title(workload), [no_memory(run)], [])]
    contents = memory_contents(lambda metric, label: cells.at(metric, workload, label))
    return [cells.table(memory_title(workload), contents, memory_notes(run, workload))]


def _timing(cells: _Cells) -> list[Table]:
    """One table for each batch size."""
    run, tables = cells.run, []
    for size in run.plan.batch_sizes:
        workload = latency_workload(run, size)
        title = f"Times of a batch of {size} × {workload.sequence_length} tokens, {counted(run.plan.threads, 'thread')}"
        contents = timing_contents(cells.at, workload)
        tables.append(cells.table(title, contents, [*timing_notes(run, workload), *control_notes(run)]))
    return tables


def _cold(cells: _Cells) -> list[Table]:
    """Nothing for a run of an earlier day."""
    run = cells.run
    if not any(one.metric == "first_inference" for one in run.measurements) or REFERENCE not in run.plan.variants:
        return []
    smallest = latency_workload(run, min(run.plan.batch_sizes))
    notes = [*cold_notes(smallest), *control_notes(run, smallest.batch_size)]
    return [cells.table("Cold start", cold_contents(cells.at, smallest), notes)]


TABLES = {
    "summary": _summary,
    "batch": _batch,
    "timing": _timing,
    "instances": _instances,
    "roofline": _roofline,
    "operators": _operators,
    "weights": _weights,
    "cold": _cold,
    "sequence": _sequence,
    "memory": _memory,
    "accuracy": _accuracy,
    "fidelity": _fidelity,
    "invariance": _invariance,
    "policies": _policies,
    "errors": _errors,
    "groups": _groups,
    "shift": _shift,
}
