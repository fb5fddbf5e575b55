"""Claims as a person writes them in a TOML file: a variant, one metric with its bound, and where it is measured.

[[claim]]
variant = "onnx-int8-dynamic"     # or a pattern: "openvino-*", "*"
speed_up = ">= 1.5"               # a metric; a time, a size or a rate has a unit: "<= 100 ms", "<= 12.5 MB", ">= 30 1/s"
batch_size = 1                    # optional, as the other keys of ``Place``
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

import msgspec

from ....exporters.errors import did_you_mean
from ...runs.decoding import DecodingError, decode, read_toml
from ...runs.metrics import METRICS, YARDSTICKS, Unit

if TYPE_CHECKING:
    from pathlib import Path

Operator: TypeAlias = Literal["<=", ">="]
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
_Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]

SPEED_UP = "speed_up"  # latency of torch-eager of the same model / latency
ACCURACY_LOSS = "accuracy_loss"  # accuracy of torch-eager - accuracy
RELATIVE = (SPEED_UP, ACCURACY_LOSS)  # to torch-eager
CLAIMED = (*RELATIVE, *(name for name in METRICS if name not in YARDSTICKS))
UNITS: dict[Unit, dict[str, float]] = {  # SI units in one of each
    "s": {"s": 1.0, "ms": 1e-3},
    "B": {"MB": 1e6, "GB": 1e9},
    "1/s": {"1/s": 1.0},
    "1": {"": 1.0, "%": 1e-2},
}
_RATIO = {"": 1.0}  # "50 %" of a speed-up may mean 0.5 or 1.5
_SOME = "speed_up, accuracy_loss, accuracy, latency, latency_p95, peak_memory, artifact_size"
_BOUND = re.compile(r"(<=|>=) *(-?\d+(?:\.\d+)?) *(\S*)")


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a claim is about, beside its metric."""

    variant: _Name  # or a pattern of names; then not torch-eager for what is relative to it, nor another model
    run: _Name | None = None  # file of the saved run, from the claims file's folder; * stands for any characters
    model: _Name | None = None  # of a run of several models
    data: _Name | None = msgspec.field(default=None, name="set")  # None: each set; of accuracy_loss, all texts together
    label: _Name | None = None  # class, of metrics such as recall; None: the average
    batch_size: _Count | None = None  # None: the smallest that was measured
    sequence_length: _Count | None = None  # tokens; None: the longest that was measured


_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim of a file."""

    number: int  # in the file, from 1
    source: str  # file and number, for messages
    place: Place
    metric: str  # one of CLAIMED
    operator: Operator
    limit: float  # in the metric's SI unit
    written: str  # the number and unit of the file: "12.5 MB"

    def __str__(self) -> str:
        """As a sentence: ``openvino-int8: artifact size at most 12.5 MB``, ``every openvino-*: …``, ``every variant: …``."""
        bound = {"<=": "at most", ">=": "at least"}[self.operator]
        place = self.place
        at = {
            " at batch size {}": place.batch_size,
            " at {} tokens": place.sequence_length,
            " of class {}": place.label,
            " on {}": place.data,
        }
        where = "".join(words.format(value) for words, value in at.items() if value is not None)
        name = place.variant
        who = "every variant" if name == "*" else f"every {name}" if "*" in name else name
        model = f"{place.model}, " if place.model else ""
        metric = "speed-up" if self.metric == SPEED_UP else self.metric.replace("_", " ")
        return f"{model}{who}: {metric} {bound} {self.written}{where}"


def read_claims(file: Path) -> tuple[Claim, ...]:
    """The claims of a TOML file, in its order; raises UserError where it cannot be read or a claim is not valid."""
    return read_toml(file, partial(_claims, file), "a TOML file with [[claim]] tables")


def _claims(file: Path, content: dict[str, Any]) -> tuple[Claim, ...]:
    unknown = [key for key in content if key != "claim"]
    if unknown:
        raise DecodingError(f"unknown key {unknown[0]!r}; expected [[claim]] tables and nothing else")
    tables = decode(list[dict[str, Any]], content.get("claim", []), "claim")
    if not tables:
        raise DecodingError("holds no claim; expected one [[claim]] table or more")
    return tuple(_claim(file, number, table) for number, table in enumerate(tables, start=1))


def _claim(file: Path, number: int, table: dict[str, Any]) -> Claim:
    where = f"claim {number}"
    metrics = [key for key in table if key not in _KEYS]
    if unknown := [key for key in metrics if key not in CLAIMED]:
        hint = did_you_mean(unknown[0], (*CLAIMED, *_KEYS))
        raise DecodingError(
            f"{where}: {unknown[0]!r} is no metric and no key; {hint}keys: {', '.join(_KEYS)}; metrics: {_SOME}, …"
        )
    if len(metrics) != 1:
        found = f"metrics {', '.join(metrics)}" if metrics else "no metric"
        raise DecodingError(f"{where}: found {found}, expected one for each claim, such as {_SOME}")
    metric = metrics[0]
    place = decode(Place, {key: value for key, value in table.items() if key != metric}, where)
    operator, limit, written = _bound(decode(str, table[metric], f"{where}.{metric}"), metric, where)
    return Claim(
        number=number,
        source=f"{file}: {where}",
        place=place,
        metric=metric,
        operator=operator,
        limit=limit,
        written=written,
    )


def _bound(text: str, metric: str, where: str) -> tuple[Operator, float, str]:
    units = UNITS[METRICS[metric].unit] if metric in METRICS else _RATIO if metric == SPEED_UP else UNITS["1"]
    found = _BOUND.fullmatch(text)
    if not found or found[3] not in units:
        examples = " or ".join(repr(f"<= 10 {unit}".strip()) for unit in units)
        raise DecodingError(f"{where}.{metric} is {text!r:.40}, expected <= or >= with a number and unit: {examples}")
    operator: Operator = get_args(Operator)[found[1] == ">="]
    return operator, float(found[2]) * units[found[3]], f"{found[2]} {found[3]}".strip()
