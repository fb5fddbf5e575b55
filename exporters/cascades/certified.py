"""From which confidence on a stage may answer, so that the cascade rarely gives another class than its last stage would.

Learn-then-Test (Angelopoulos et al. 2021, arXiv 2110.01052): thresholds are tested in a fixed order, from strict to loose. Each
test is that of an exact binomial bound; the first that fails ends it, so that no level is lost to the number of tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Bools = npt.NDArray[np.bool_]

BOUND = 0.01  # of all texts, that may get another class
CONFIDENCE = 0.95
NEVER = 2.0  # a threshold, above every probability: the stage answers nothing
_STEPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """What one stage may answer."""

    threshold: float  # probability of its class, from which on it answers; above 1: none
    answered: int  # of the texts that certified it
    wrong: int  # of these, that get another class than from the last stage


def thresholds() -> Floats:
    """From strict to loose, the same for every model; close together near 1, where confident models are."""
    return 1 - np.geomspace(1e-6, 1, _STEPS)


def certify(confident: Floats, differs: Bools, *, bound: float = BOUND, confidence: float = CONFIDENCE) -> Certified:
    """The loosest threshold of which it is certain that at most ``bound`` of all texts are answered with another class.

    Of held-out texts: ``confident`` is the probability of the stage's class, ``differs`` whether the last stage gives another.
    With ``confidence``, over all such samples of texts, the true share is at most ``bound``.
    """
    from scipy.stats import binom

    best = Certified(threshold=NEVER, answered=0, wrong=0)
    for threshold in thresholds():
        answered = confident >= threshold
        wrong = int((answered & differs).sum())
        if binom.cdf(wrong, len(confident), bound) > 1 - confidence:
            break
        best = Certified(threshold=float(threshold), answered=int(answered.sum()), wrong=wrong)
    return best


def fewest_texts(bound: float, confidence: float) -> int:
    """With fewer, not even a stage that answers nothing passes a test.

    >>> fewest_texts(0.01, 0.95)
    299
    """
    return int(np.ceil(np.log(1 - confidence) / np.log(1 - bound)))
