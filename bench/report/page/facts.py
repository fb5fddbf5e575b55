"""Provenance of a run: checkpoint, labelled sets, plan, machine and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...units import format_bytes, format_count
from .grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...runs.store import Run


def facts(run: Run) -> tuple[Grid, ...]:
    """Three tables of names and values."""
    return (
        _grid("Checkpoint and labelled sets", _subject(run)),
        _grid("How it was measured", _plan(run)),
        machine_facts(run.environment),
    )


def machine_facts(environment: dict[str, Any]) -> Grid:
    """All that was recorded of an environment."""
    return _grid("Machine and software", _flat("", environment))


def _grid(title: str, rows: Iterator[tuple[str, str]]) -> Grid:
    return Grid(title=title, heads=("what", "value"), rows=tuple(rows), words=True)


def _subject(run: Run) -> Iterator[tuple[str, str]]:
    checkpoint = run.checkpoint
    yield "checkpoint", checkpoint.name
    yield "architecture", checkpoint.model_type
    yield "labels", ", ".join(checkpoint.labels)
    yield "parameters", format_count(checkpoint.num_parameters)
    yield "weights", format_bytes(checkpoint.size)
    yield "longest text", f"{format_count(checkpoint.max_length)} tokens" if checkpoint.max_length else "no limit"
    yield "SHA-256 of the checkpoint", checkpoint.sha256
    for labelled in run.sets:
        yield f"set {labelled.name}", labelled.summary
        yield f"SHA-256 of {labelled.name}", labelled.sha256


def _plan(run: Run) -> Iterator[tuple[str, str]]:
    plan = run.plan
    yield "saved run", run.path.name
    yield "schema", str(run.schema_version)
    yield "predictions", run.predictions or "none were kept"
    yield "profile", plan.profile
    yield "batch sizes", ", ".join(map(str, plan.batch_sizes))
    yield "lengths in tokens", ", ".join(map(str, plan.sequence_lengths))
    yield "threads", str(plan.threads)


def _flat(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """One row per recorded value, with its path as the name: ``versions torch``."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{place} {key}".strip().replace("_", " "), part)
    elif isinstance(value, list):
        yield place, ", ".join(map(str, value))
    elif place == "memory":
        yield place, format_bytes(value)
    elif value is not None:
        yield place, str(value)
