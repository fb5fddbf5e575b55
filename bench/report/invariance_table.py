"""The table of what other texts in a batch, or padding, do to a text's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.invariance import BATCH_SIZE, TEXTS
from bench.report.cells import Column
from bench.runs.metrics import ARRANGEMENTS
from bench.units import LOGITS, SHARE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.report.cells import ByVariant, Content


_SHORT = {"shuffled": "shuffled", "long_neighbour": "beside a\nlong text", "padded": "padded"}


def invariance_contents(at: Callable[[str], ByVariant]) -> list[Content]:
    """Flips and the largest change of a logit, by arrangement."""
    contents = []
    for arrangement in ARRANGEMENTS:
        words, short = arrangement.replace("_", " "), _SHORT[arrangement]
        flips = Column(head=f"{words} flips", short=f"{short}\nflips", scale=SHARE, group=arrangement)
        change = Column(head=f"{words} logit change", short=f"{short}\nlogits", scale=LOGITS, group=arrangement)
        contents += [(flips, at(f"{arrangement}_flips")), (change, at(f"{arrangement}_change"))]
    return contents


def invariance_notes() -> list[str]:
    """What was compared."""
    return [
        f"{TEXTS} texts, each alone, then in batches of {BATCH_SIZE}: in another order, with one of full length, padded to that",
        "flips: share of the texts that get another class; logits: the largest change of one",
    ]
