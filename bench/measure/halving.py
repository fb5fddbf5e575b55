"""Successive halving: each further launch leaves out the slower half of the rows that compete, so time goes to the fast ones.

Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS (2016).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .schedule import TimedArtifact

_FEWEST = 3  # rows of a group that stay: the fastest may be outside a limit of accuracy


def left_out(artifacts: Collection[TimedArtifact], seconds: Mapping[str, float], halvings: int) -> set[str]:
    """Names of the rows that the next launch leaves out, after ``halvings`` of each group; rows without seconds count as slow.

    ``seconds``: median of each row that was timed.
    """
    dropped: set[str] = set()
    for group in {one.group for one in artifacts} - {""}:
        names = [one.name for one in artifacts if one.group == group]
        kept = max(_FEWEST, math.ceil(len(names) / 2**halvings))
        dropped.update(sorted(names, key=lambda name: seconds.get(name, math.inf))[kept:])
    return dropped
