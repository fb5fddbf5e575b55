"""The smallest change that counts: the default of each metric, or what a project's pyproject.toml says.

[tool.deploybench.compare]
latency = 0.05                    # relative; accuracy: absolute

[[tool.deploybench.compare.rows]] # the last row that fits decides
variant = "openvino-*"            # of every model; "minilm/openvino-*": of one of several
metric = "latency"
at = "8x*"                        # batch size x length, or the name of a labelled set
threshold = 0.1
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from ..runs.decoding import DecodingError, decode, read_toml
from ..runs.measurement import batch_shape
from ..runs.metrics import compared_metrics
from ..runs.rows import variant_of

if TYPE_CHECKING:
    from ..runs.measurement import Row

_TABLE = "tool.deploybench.compare"
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A threshold for the rows that fit three patterns."""

    threshold: Share
    variant: str = "*"
    metric: str = "*"
    at: str = "*"  # "8x*" for batches of 8, or the name of a labelled set

    def fits(self, row: Row) -> bool:
        """Whether it is for this row."""
        name, metric, workload, data = row
        at = batch_shape(workload) if workload else data or ""
        of_variant = any(fnmatchcase(one, self.variant) for one in (name, variant_of(name)))
        return of_variant and fnmatchcase(metric, self.metric) and fnmatchcase(at, self.at.replace("×", "x"))


def _defaults() -> dict[str, float]:
    return {name: compared.threshold for name, compared in compared_metrics().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The smallest change that counts: relative to the base; of accuracy, absolute."""

    by_metric: dict[str, float] = field(default_factory=_defaults)
    rules: tuple[Rule, ...] = ()

    def of(self, row: Row) -> float:
        """The threshold of one row: that of the last rule that fits, or else of its metric."""
        fitting = [rule for rule in self.rules if rule.fits(row)]
        return fitting[-1].threshold if fitting else self.by_metric[row[1]]


def read_thresholds(file: Path) -> Thresholds:
    """``[tool.deploybench.compare]`` of a pyproject.toml, over the defaults; raises UserError where it is not valid."""
    return read_toml(file, _thresholds, f"a pyproject.toml with [{_TABLE}]")


def project_thresholds(config: str | None = None) -> Thresholds:
    """Those of the file ``config``, or without it of ./pyproject.toml, if there is one; raises UserError as ``read_thresholds``."""
    own = Path("pyproject.toml")
    file = Path(config) if config is not None else own if own.is_file() else None
    return read_thresholds(file) if file else Thresholds()


def _thresholds(content: dict[str, Any]) -> Thresholds:
    table, place = content, ""
    for key in _TABLE.split("."):
        place = f"{place}.{key}".removeprefix(".")
        table = decode(dict[str, Any], table.get(key, {}), place)
    rules = decode(tuple[Rule, ...], table.pop("rows", []), f"{_TABLE}.rows")
    known = compared_metrics()
    unknown = [key for key in table if key not in known]
    unknown += [rule.metric for rule in rules if not any(fnmatchcase(name, rule.metric) for name in known)]
    if unknown:
        raise DecodingError(f"[{_TABLE}] names {unknown[0]!r}, which is no metric; known: {', '.join(known)}")
    given = {key: decode(Share, value, f"{_TABLE}.{key}") for key, value in table.items()}
    return Thresholds(by_metric={**_defaults(), **given}, rules=rules)
