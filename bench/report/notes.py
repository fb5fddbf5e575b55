"""Notes under tables: why cells are empty, and what holds for the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from ..analysis.figures import ANOTHER_MODEL
from ..analysis.misclassified.lengths import reading_length
from ..analysis.precision import executed_details, main_precision, vnni_problem
from ..analysis.timing_figures import over_budget
from ..printable import printable
from ..units import CAUTION, counted, format_bytes, format_count
from .cells import DAGGER, DOUBLE_DAGGER, EMPTY, FAILED, gap

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from ..runs.measurement import Figure
    from ..runs.store import CheckpointInfo, Run
    from .cells import Column

PARAMETERS = "parameters: stored, a shared one counts once; effective: shared layers count at each use, embeddings once"
_Rows = dict[str, tuple["Figure", ...]]


def gap_notes(failed: Container[str], columns: Sequence[Column], rows: _Rows) -> Iterator[str]:
    """One line per reason that is too long for a cell, with its variants and columns; notes of the run have the ``failed``."""
    gaps: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rows = {variant: cells for variant, cells in rows.items() if variant not in failed}
    for variant, cells in rows.items():
        for column, cell in zip(columns, cells, strict=True):
            if cell.value is None and gap(cell) != cell.reason:
                mark = FAILED if cell.status == "failed" else f"{EMPTY} not measured"
                gaps.setdefault((mark, cell.reason), []).append((variant, column.head))
    for (mark, reason), places in gaps.items():
        variants = _named((variant for variant, _ in places), len(rows))
        heads = _named((head for _, head in places), len(columns))
        yield ": ".join(part for part in (mark, variants, heads, reason) if part)


def run_notes(run: Run) -> tuple[str, ...]:
    """What holds for every table of a run: failed variants, cautions, checkpoint, labelled sets, machine, profile."""
    run = printable(run)
    cpu, cores = run.environment.get("cpu", "unknown CPU"), run.environment.get("cores", "unknown number of")
    return (
        *_failure_notes(run),
        *_precisions(run),
        *_deprecations(run),
        *_remarks(run),
        checkpoint_note(run.checkpoint),
        *(f"set {labelled.name}: {labelled.summary}" for labelled in run.sets),
        f"machine: {cpu}, {counted(cores, 'core')}, {counted(run.plan.threads, 'thread')} used",
        f"profile: {run.plan.profile}",
    )


def checkpoint_note(checkpoint: CheckpointInfo) -> str:
    """Name, architecture and size, and what its accuracy is worth."""
    size = f"{format_count(checkpoint.num_parameters)} parameters, {format_bytes(checkpoint.size)}"
    return f"checkpoint {checkpoint.name}: {checkpoint.model_type}, {size}{_caution(checkpoint)}"


def failures(run: Run) -> dict[str, str]:
    """Why variants failed as a whole."""
    infos = ((name, run.variants.get(name)) for name in run.plan.variants)
    return {name: info.failed for name, info in infos if info and info.failed}


def _failure_notes(run: Run) -> list[str]:
    """A line for each failed variant; one for all of them where the reference could not be run."""
    found = failures(run)
    if REFERENCE in found:
        return [f"{FAILED}: every variant: {found[REFERENCE]}"]
    return [f"{FAILED}: {name}: {reason}" for name, reason in found.items()]


def _precisions(run: Run) -> Iterator[str]:
    """Variants with a caution, then the number format that each variant executed."""
    proven = [(name, run.variants[name]) for name in run.plan.variants if name in run.variants]
    yield from (f"{CAUTION} {name}: {info.executed_problem}" for name, info in proven if info.executed_problem)
    elsewhere = ((name, vnni_problem(info.without_vnni, info.parity)) for name, info in proven)
    yield from (f"{CAUTION} {name}: {problem}" for name, problem in elsewhere if problem)
    timed = [one for one in run.measurements if one.metric == "latency" and one.variant in dict(proven)]
    used = {name: info.cores_used for name, info in proven}
    over = {
        one.variant: problem
        for one in timed
        if (problem := over_budget(one, used[one.variant], run.environment.get("cores")))
    }
    yield from (f"{CAUTION} {name}: {problem}" for name, problem in over.items())
    ran: dict[str, list[str]] = {}
    for name, info in proven:
        if info.executed:
            details = executed_details(info)
            ran.setdefault(main_precision(info), []).append(f"{name} ({details})" if details else name)
    yield from (f"executed in {precision}: {', '.join(names)}" for precision, names in ran.items())
    yield from (
        f"executed number format unknown: {name}: {why}" for name, info in proven if (why := info.executed_unknown)
    )


def _deprecations(run: Run) -> Iterator[str]:
    for name in run.plan.variants:
        info = run.variants.get(name)
        if info and info.deprecated:
            yield f"{DAGGER} deprecated upstream: {name}: {info.deprecated}"


def marks(run: Run) -> dict[str, str]:
    """What stands after the names of deprecated variants, and of those that are another model."""
    deprecated = {name: DAGGER for name, info in run.variants.items() if info.deprecated}
    return deprecated | marks_of_other_models(run)


def marks_of_other_models(run: Run) -> dict[str, str]:
    """What stands after the names of variants that are another model."""
    return {name: DOUBLE_DAGGER for name, info in run.variants.items() if info.another_model}


def _remarks(run: Run) -> Iterator[str]:
    """Remarks on artifacts; those of another model say on which texts it was trained."""
    for name in run.plan.variants:
        info = run.variants.get(name)
        if info and info.another_model:
            yield ": ".join([f"{DOUBLE_DAGGER} {ANOTHER_MODEL}", name, *info.notes])
        elif info:
            yield from (f"{name}: {remark}" for remark in info.notes)


def _caution(checkpoint: CheckpointInfo) -> str:
    if checkpoint.random_weights:
        return "; random weights, so accuracy means nothing and is not measured"
    if checkpoint.demonstration:
        return "; demonstration, trained on a made-up corpus: its accuracy says nothing about real texts"
    return ""


def _named(names: Iterable[str], everything: int) -> str:
    distinct = list(dict.fromkeys(names))
    return "" if len(distinct) == everything else ", ".join(distinct)


def truncation_note(run: Run) -> str:
    """Which tokens of a long text are read."""
    most, part = reading_length(run), "last" if run.checkpoint.truncation_side == "left" else "first"
    return f"texts are truncated to their {part} {most} tokens"
