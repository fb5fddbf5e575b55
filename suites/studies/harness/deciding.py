"""How often accuracy is decided wrongly, and with how many texts: simulated sets whose true loss is known.

    python -m deploybench.suites.studies.harness.deciding

A text has a margin between its two classes, and a variant changes it by a random amount that is larger where the margin is small,
as int8 does. Texts are independent of each other, and every variant counts as fp32, so that "the same model" may be said of it.
A variant is decided wrongly if it loses the limit or more and is found within it, or loses less and is found out.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....bench.analysis.accuracy_loss import judge_drop, measure_drop
from ....bench.console import progress
from ....bench.runs.predictions import Answers
from ....bench.statistics import SEED
from ....exporters.variant import REFERENCE
from ..study import Answer, render_rows, run_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 0.01
TEXTS = (50, 100, 250, 350, 400, 500, 1000, 2000, 5000)
MOST_WRONG = 0.05
_REPEATS = 1000
_GROWTH = 10.0  # of a change, where the margin is 0
_NOISE = 1e-6  # of logits in fp32
_SAMPLE = 400_000  # texts that the size of the changes is fitted on
_VARIANT = "simulated"


class Kind(NamedTuple):
    """How a simulated variant changes classes."""

    name: str
    flips: float  # true share of texts whose class changes
    lost: float  # share of these that the reference classifies correctly; the others are won

    @property
    def loss(self) -> float:
        """True loss of accuracy."""
        return self.flips * (2 * self.lost - 1)


KINDS = (
    Kind("no class changes", 0.0, 1.0),
    Kind("loses nothing, changes both ways", 0.02, 0.5),
    Kind("loses half of the limit", LIMIT / 2, 1.0),
    Kind("at the limit, one way", LIMIT, 1.0),
    Kind("at the limit, both ways", 3 * LIMIT, 2 / 3),
    Kind("twice the limit, one way", 2 * LIMIT, 1.0),
    Kind("twice the limit, both ways", 4 * LIMIT, 0.75),
)


def simulate(kind: Kind, texts: int, rng: np.random.Generator, size: float) -> Answers:
    """A set of two classes; ``size`` as ``fitted_size`` gives it."""
    margins, ratios = _margins(texts, rng)
    right = rng.random(texts) < kind.lost
    changes = np.where(rng.random(texts) < 0.5, -1, 1) * size * margins / ratios + rng.normal(0, _NOISE, texts)  # noqa: PLR2004
    changes = np.where(np.abs(changes) > margins, -np.abs(changes), changes)
    before, after = (
        np.stack([one, np.zeros(texts)], axis=1).astype(np.float32) for one in (margins, margins + changes)
    )
    return Answers(
        rows=np.arange(texts).astype(np.str_),
        labels=np.where(right, 0, 1),
        tokens=None,
        logits={REFERENCE: before, _VARIANT: after},
    )


def fitted_size(kind: Kind) -> float:
    """The size of changes at which the share ``kind.flips`` of all texts changes its class."""
    return float(np.quantile(_margins(_SAMPLE, np.random.default_rng(SEED))[1], kind.flips)) if kind.flips else 0.0


def _margins(texts: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Margins, and for each the size of changes from which on its text changes its class."""
    margins = np.abs(rng.normal(0, 3, texts))
    return margins, margins / (np.abs(rng.normal(0, 1, texts)) * (1 + _GROWTH * np.exp(-margins)))


def standings(kind: Kind, texts: int, repeats: int) -> dict[str, float]:
    """Share of simulated sets in which the variant is "in", "undecided" and "out"."""
    rng, size, found = np.random.default_rng([SEED, texts]), fitted_size(kind), Counter[str]()
    for _ in range(repeats):
        drop = measure_drop(_VARIANT, simulate(kind, texts, rng, size), _VARIANT, "fp32")
        found[judge_drop(drop, LIMIT).standing] += 1
    return {standing: found[standing] / repeats for standing in ("in", "undecided", "out")}


def wrong(kind: Kind, found: dict[str, float]) -> float:
    """Share of sets in which the variant was decided wrongly; at the limit it should not be found within."""
    return found["in"] if kind.loss >= LIMIT * (1 - 1e-9) else found["out"]


def answer(texts: Sequence[int] = TEXTS, repeats: int = _REPEATS) -> Answer:
    """All kinds at all numbers of ``texts``."""
    cells: list[dict[str, Any]] = []
    with progress("simulating", len(KINDS) * len(texts)) as bar:
        for kind in KINDS:
            for count in texts:
                found = standings(kind, count, repeats)
                cells.append(
                    {"kind": kind.name, "loss": kind.loss, "texts": count, **found, "wrong": wrong(kind, found)}
                )
                bar.advance()
    failed = [
        f"{one['kind']}, {one['texts']} texts: wrong in {one['wrong']}" for one in cells if one["wrong"] > MOST_WRONG
    ]
    figures = {"limit": LIMIT, "repeats": repeats, "most_wrong": MOST_WRONG, "failed": failed, "cells": cells}
    return Answer("deciding", figures, _text(cells, texts))


def _text(cells: Sequence[dict[str, Any]], texts: Sequence[int]) -> str:
    rows = [
        [kind.name, *(f"{one['in']:.3f} {one['out']:.3f}" for one in cells if one["kind"] == kind.name)]
        for kind in KINDS
    ]
    return render_rows(["variant", *map(str, texts)], rows, [f"shares within and out, limit {LIMIT:g}; columns: texts"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=_REPEATS, help="sets of each kind and size (default: 1000)")
    parsed = parser.parse_args(arguments)
    return run_study("deciding", lambda: answer(repeats=parsed.repeats))


if __name__ == "__main__":
    sys.exit(main())
