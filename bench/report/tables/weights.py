"""Size of an artifact's weights on disk and in memory against what the parameters need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...units import MEGABYTES, RATIO, Scale, counted, format_bytes
from ..cells import Column

if TYPE_CHECKING:
    from ...runs.store import Run
    from ..cells import Table
    from ..run_figures import RunFigures

_NAMED = 3  # duplicated tensors of a variant that are named; the others are counted


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run saved before the files of artifacts were inspected."""
    if not any(info.stored for info in cells.run.variants.values()):
        return []
    contents = [
        (_column("parameters", "para-\nmeters"), cells.at("needed_size")),
        (_column("on disk"), cells.at("artifact_size")),
        (_column("inflation", "infla-\ntion", RATIO), cells.at("inflation")),
        (_column("stored twice", "stored\ntwice"), cells.at("doubled_size")),
        (_column("loaded"), cells.at("held_after_load")),
        (_column("read"), cells.at("weights_read")),
    ]
    return [cells.table("Weights", contents, _notes(cells.run))]


def _column(head: str, short: str = "", scale: Scale = MEGABYTES) -> Column:
    return Column(head=head, short=short, scale=scale, group="weights")


def _notes(run: Run) -> list[str]:
    return [
        f"parameters: {run.checkpoint.num_parameters:,} numbers in the variant's number format; a shared one counts once",
        "inflation: on disk / parameters; includes what an int8 variant leaves in fp32",
        "stored twice: tensors of 1 KiB and more that are bit-identical to another tensor of the files",
        "loaded: growth of resident memory while loading, imports excluded",
        "read: weights that one pass of one text reads, in the executed number format; a shared one at each use",
        *(_duplicates(run, variant) for variant in run.plan.variants if _stored_twice(run, variant)),
    ]


def _stored_twice(run: Run, variant: str) -> dict[str, int]:
    info = run.variants.get(variant)
    return info.stored.doubles if info and info.stored else {}


def _duplicates(run: Run, variant: str) -> str:
    doubles = _stored_twice(run, variant)
    stored = run.variants[variant].stored
    assert stored is not None
    named = ", ".join(f"{name} {times} times" for name, times in list(doubles.items())[:_NAMED])
    more = f" and {counted(len(doubles) - _NAMED, 'other')}" if len(doubles) > _NAMED else ""
    return f"{variant} stores {format_bytes(stored.doubled)} again: {named}{more}"
