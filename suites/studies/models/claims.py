"""The published claims, and how what was found stands with them."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

HOLDS, UNDECIDED, FAILS = 1, 0, -1  # as deploybench.bench.units.VERDICT has words for
TOLERANCE = 0.1  # relative, of what is near a published figure


class Found(NamedTuple):
    """A figure of this project, with its 95 % interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""  # why there is none

    @classmethod
    def exact(cls, value: float) -> Found:
        """A figure that was not sampled: its interval is the value."""
        return cls(value, value, value)


NOT_MEASURED = Found(None, reason="not measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One published claim."""

    said: str  # its source, in words
    published: float | None = None  # None: without a figure
    holds: str = ""  # what is found is "near" the figure, or "higher"; empty: nothing was claimed

    def row(self, name: str, found: Found, remark: str = "", *, least: float = 1.0) -> dict[str, Any]:
        """The line of the claim, JSON-able; "higher" is above ``least``."""
        verdict = self._verdict(found, least) if self.holds else None
        line = {"claim": name, "published": self.published, "holds": self.holds, **found._asdict(), "verdict": verdict}
        return {**line, "said": self.said, "remark": remark}

    def _verdict(self, found: Found, least: float) -> int:
        """By the whole interval: inside the limits, outside, or neither."""
        if found.low is None or found.high is None:
            return UNDECIDED
        most = math.inf
        if self.holds == "near":
            figure = self.published or 0.0
            least, most = figure * (1 - TOLERANCE), figure * (1 + TOLERANCE)
        if found.low > least and found.high < most:
            return HOLDS
        return FAILS if found.high <= least or found.low >= most else UNDECIDED


def read_claims() -> Mapping[str, Claim]:
    """Those of ``published.toml`` by key."""
    content = tomllib.loads(Path(__file__).with_name("published.toml").read_text(encoding="utf-8"))
    return {key: Claim(**values) for key, values in content.items()}
