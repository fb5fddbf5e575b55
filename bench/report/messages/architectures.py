"""Parameters, operations and activations of architectures, as a table in every format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...printable import printable
from ...runs.measurement import Figure
from ...units import CAUTION, LARGE_COUNT, MEGA_OPERATIONS, MEGABYTES, counted
from ..cells import Column, Table
from ..notes import PARAMETERS
from ..render import render_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ....exporters.counting.counts import Counted, Counts

_Format: TypeAlias = Literal["text", "md", "csv", "latex", "json"]
_UNITS = {"operations_per_token": "op", "live": "B", "kept": "B"}  # of the others: 1
_NOTES = (
    PARAMETERS,
    "embedding: weights of the token embedding, V × E, and of its projection to the hidden size H; saved: V × H minus that",
    "operations: of matrix products (2 per multiply-add), per token of a text of that length",
    "activations: of 1 text, fp32, PyTorch's CPU operators, attention not fused",
    "live: peak of the activations alive at once in a forward pass, each until its last use",
    "kept: activations that training keeps for the backward pass, with dropout as configured",
)


def render_architectures(found: Mapping[str, Counted], lengths: Sequence[int], fmt: _Format) -> str:
    """One row per architecture; ``json`` has one object per number."""
    found = {printable(name): one for name, one in found.items()}
    if fmt == "json":
        lines = ",\n".join(
            json.dumps(one) for name, of_name in found.items() for one in _objects(name, of_name, lengths)
        )
        return f"[\n{lines}\n]\n"
    return render_tables([_table(found, lengths)], _verdict(found), fmt)


def _table(found: Mapping[str, Counted], lengths: Sequence[int]) -> Table:
    columns = _columns(lengths)
    rows = {
        name: tuple(_figure(name, one, metric, length) for metric, length in columns) for name, one in found.items()
    }
    title = f"Architectures, counted for a text of {' and of '.join(counted(one, 'token') for one in lengths)}"
    return Table(
        title=title,
        columns=tuple(columns.values()),
        rows=rows,
        notes=_NOTES,
        kind="architecture",
    )


def _columns(lengths: Sequence[int]) -> dict[tuple[str, int | None], Column]:
    short = {"operations_per_token": "operations\nper token", "live": "live", "kept": "kept"}
    scales = {"operations_per_token": MEGA_OPERATIONS, "live": MEGABYTES, "kept": MEGABYTES}
    return {
        **{
            (metric, None): Column(head=metric, scale=LARGE_COUNT, group="parameters")
            for metric in ("parameters", "effective", "embedding", "saved")
        },
        **{
            (metric, length): Column(
                head=f"{head.replace(chr(10), ' ')} {counted(length, 'token')}",
                short=f"{head}\n{counted(length, 'token')}",
                scale=scales[metric],
                group="operations" if metric == "operations_per_token" else "activations",
            )
            for metric, head in short.items()
            for length in lengths
        },
    }


def _figure(name: str, found: Counted, metric: str, length: int | None) -> Figure:
    value = _value(found.built, metric, length)
    return Figure(
        variant=name,
        metric=metric,
        value=value,
        unit=_UNITS.get(metric, "1"),
        low=None,
        high=None,
        n=int(value is not None),
        status="not_measured" if value is None else "ok",
        reason="" if value is not None else f"at most {found.max_length}",
        workload=None,
        caution="; ".join(found.differences),
    )


def _value(counts: Counts, metric: str, length: int | None) -> float | None:
    """None where the text is too long for the model."""
    if metric == "saved":
        return float(counts.unfactored - counts.embedding)
    if length is None:
        return float(getattr(counts, metric))
    per_token = metric == "operations_per_token"
    by_length: dict[int, int] = counts.operations if per_token else getattr(counts, metric)
    return None if length not in by_length else by_length[length] / (length if per_token else 1)


def _objects(name: str, found: Counted, lengths: Sequence[int]) -> Iterator[dict[str, Any]]:
    for metric, length in _columns(lengths):
        figure = _figure(name, found, metric, length)
        yield {
            "architecture": name,
            "metric": metric,
            "sequence_length": length,
            "value": figure.value,
            "unit": figure.unit,
            "by_formula": _value(found.formula, metric, length) if found.formula else None,
            "status": figure.status,
            "reason": figure.reason,
        }


def _verdict(found: Mapping[str, Counted]) -> list[str]:
    by_formula = [one for one in found.values() if one.formula]
    alike = f"{sum(not one.differences for one in by_formula)} of {len(by_formula)}"
    return [
        *(f"{CAUTION} {name}: {difference}" for name, one in found.items() for difference in one.differences),
        f"counted on the model that transformers builds, without weights; equal to the formula from the configuration: {alike}",
        *(f"{name}: {printable(one.no_formula)}" for name, one in found.items() if one.no_formula),
    ]
