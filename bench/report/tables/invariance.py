"""Whether a text's prediction depends on the other texts of its batch or on padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...measure.invariance import BATCH_SIZE, TEXTS
from ...runs.metrics import ARRANGEMENTS, INVARIANCE
from ...units import LOGITS, SHARE
from ..cells import Column

if TYPE_CHECKING:
    from ..cells import Content, Table
    from ..run_figures import RunFigures

_FLIPS = {
    "single-label": "share of texts whose predicted class changes",
    "multi-label": "share of texts whose predicted labels change",
    "score": "share of pairs of texts whose order changes",
}
_SHORT = {"shuffled": "shuffled", "long_neighbour": "beside a\nlong text", "padded": "padded"}


def build(cells: RunFigures) -> list[Table]:
    """Empty for a run saved before this was measured."""
    if not any(one.metric in INVARIANCE for one in cells.run.measurements):
        return []
    contents: list[Content] = []
    for arrangement in ARRANGEMENTS:
        words, short = arrangement.replace("_", " "), _SHORT[arrangement]
        flips = Column(head=f"{words} flips", short=f"{short}\nflips", scale=SHARE, group=arrangement)
        change = Column(head=f"{words} logit change", short=f"{short}\nlogits", scale=LOGITS, group=arrangement)
        contents += [(flips, cells.at(f"{arrangement}_flips")), (change, cells.at(f"{arrangement}_change"))]
    notes = [
        f"{TEXTS} texts alone, then in batches of {BATCH_SIZE}: shuffled, beside a text of full length, padded to full length",
        f"flips: {_FLIPS[cells.run.checkpoint.task]}; logits: largest absolute change of a logit",
    ]
    return [cells.table("Invariance to batching and padding", contents, notes)]
