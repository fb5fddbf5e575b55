"""The head of a classifier: what a row of its outputs means, which is one class, any number of labels, or one score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .labels import Task

    Logits: TypeAlias = npt.NDArray[np.floating[Any]]
    Margins: TypeAlias = npt.NDArray[np.floating[Any]]

Answers: TypeAlias = "npt.NDArray[Any]"
"""Class indices ``(texts,)``, labels that are given ``(texts, labels)`` as 0 and 1, or scores ``(texts,)``."""

HALF = 0.5  # the usual threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the outputs of a model mean; a probability of a label is the sigmoid of its logit."""

    task: Task
    labels: tuple[str, ...]  # by output
    thresholds: tuple[float, ...] = ()  # multi-label: probabilities above which each label is given
    sigmoid: bool = False  # score: it is the sigmoid of the logit

    def answers(self, logits: Logits) -> Answers:
        """What logits ``(texts, outputs)`` say of each text."""
        import numpy as np

        if self.task == "single-label":
            return logits.argmax(axis=1)
        if self.task == "multi-label":
            return (logits > self.cuts).astype(np.int8)
        scores = logits[:, 0].astype(np.float64)
        return sigmoid(scores) if self.sigmoid else scores

    @property
    def cuts(self) -> npt.NDArray[np.float64]:
        """The logits above which each label is given, ``(labels,)``."""
        import numpy as np

        chances = np.asarray(self.thresholds or [HALF] * len(self.labels), dtype=np.float64)
        return np.log(chances) - np.log1p(-chances)

    def agreement(self, reference: Logits, candidate: Logits) -> float:
        """How far the answers are the reference's: 1.0 where they are equal.

        Of single labels the share of equal ones; of several their micro F1 with the reference's as the truth, which is the
        same for one label a text; of scores the share of the reference's variance that the candidate explains.
        """
        before, after = self.answers(reference), self.answers(candidate)
        if self.task == "score":
            return explained(before, after)
        if self.task == "multi-label":
            given = int(before.sum()) + int(after.sum())
            return 2 * int((before & after).sum()) / given if given else 1.0
        return float(same(before, after).mean())

    def changed(self, before: Logits, after: Logits) -> float:
        """Share of texts that get another answer; of scores, the share of pairs of texts in another order."""
        if self.task == "score":
            return 1 - same_order(before[:, 0], after[:, 0])
        return 1 - float(same(self.answers(before), self.answers(after)).mean())


SINGLE_LABEL = Head(task="single-label", labels=())
"""Of any number of classes, for what asks no name."""


def same(one: Answers, other: Answers) -> npt.NDArray[np.bool_]:
    """Whether each text has the same class, or exactly the same labels, ``(texts,)``."""
    import numpy as np

    differs = np.asarray(one) != np.asarray(other)
    return ~(differs if one.ndim == 1 else differs.any(axis=1))


def explained(reference: Answers, candidate: Answers) -> float:
    """Coefficient of determination of scores: 1 - mean squared difference / variance of the reference; 0 at least."""
    error, variance = float(((candidate - reference) ** 2).mean()), float(reference.var())
    if not variance:
        return float(not error)
    return max(0.0, 1 - error / variance)


def same_order(one: Answers, other: Answers) -> float:
    """Share of the pairs of texts that two lists of scores put in the same order, by Kendall's tau b: (1 + tau) / 2.

    1 where all scores of ``one`` are equal, which puts no pair in an order.
    """
    import numpy as np
    from scipy.stats import kendalltau

    if np.array_equal(one, other) or not np.ptp(one):
        return 1.0
    return (1 + float(kendalltau(one, other).statistic)) / 2 if np.ptp(other) else 0.0


def sigmoid(values: Answers) -> npt.NDArray[np.float64]:
    """1 / (1 + exp(-values)), in float64."""
    import numpy as np
    from scipy.special import expit

    found: npt.NDArray[np.float64] = expit(np.asarray(values, dtype=np.float64))
    return found


def margins(head: Head, expected: Logits, found: Logits) -> tuple[Margins, Margins]:
    """How far ``expected`` is from another answer, at least 0, and how far ``found`` is on the same side, below 0 beyond it.

    Of each text: the logit of its class less the largest other one, or the distance of the label that is nearest to its cut. Of
    scores: the difference between two texts that follow each other, which is their order.
    """
    import numpy as np

    if head.task == "multi-label":
        sides = np.where(expected > head.cuts, 1.0, -1.0)
        return (sides * (expected - head.cuts)).min(axis=1), (sides * (found - head.cuts)).min(axis=1)
    if head.task == "score":
        before, after = np.diff(expected[:, 0]), np.diff(found[:, 0])
        sides = np.where(before < 0, -1.0, 1.0)
        return sides * before, sides * after
    classes = expected.argmax(axis=1)
    return _ahead(expected, classes), _ahead(found, classes)


def _ahead(logits: Logits, classes: Answers) -> Margins:
    """The logit of each text's class less the largest of its others."""
    import numpy as np

    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, classes] = -np.inf
    ahead: Margins = logits[rows, classes] - others.max(axis=1)
    return ahead
