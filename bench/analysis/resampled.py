"""Figures of multi-label answers and of scores, of all examples and of each bootstrap sample of them.

The samples are the same for every variant of a set, so that the difference of two variants is a paired bootstrap.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..measure.label_sets import Counts
from ..measure.scores import correlation, mean_of, of_queries, pearson, ranks
from ..statistics import resampled_examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ..measure.scores import Numbers
    from ..runs.predictions import Answers

Samples: TypeAlias = "dict[str, Numbers]"
"""By metric ``(1 + RESAMPLES,)``: of all examples first."""

OF_LABELS = ("macro_f1", "micro_f1")
OF_SCORES = ("spearman", "pearson", "absolute_error")
OF_QUERIES = ("ndcg", "reciprocal_rank")
_CHUNK = 100  # samples at a time


def headline(answers: Answers) -> str:
    """The metric that says how good the answers are: what a limit of loss is of."""
    if answers.head.task == "score":
        return "spearman" if answers.queries is None else "ndcg"
    return "accuracy"


def samples(answers: Answers, variant: str) -> Samples:
    """Figures of a variant on the examples that have a label; empty of single labels."""
    known = answers.known
    labels, found = answers.labels[known], answers.answers(variant)[known]
    if answers.head.task == "multi-label":
        counts = Counts.of(labels, found, resampled_examples(len(labels)))
        return {"macro_f1": counts.macro_f1, "micro_f1": counts.micro_f1}
    if answers.head.task == "score":
        queries = None if answers.queries is None else tuple(answers.queries[known].tolist())
        return _of_scores(labels.tobytes(), found.tobytes(), queries)
    return {}


@lru_cache(maxsize=64)  # asked again for changes and for decisions
def _of_scores(labels: bytes, scores: bytes, queries: tuple[str, ...] | None) -> Samples:
    """From float64 numbers."""
    wanted, found = np.frombuffer(labels), np.frombuffer(scores)
    weights = resampled_examples(len(wanted))
    made = {
        "spearman": np.concatenate(
            [
                correlation(of_labels.astype(np.float64), ranks(found, some), some)
                for of_labels, some in zip(_label_ranks(labels), _chunks(weights), strict=True)
            ]
        ),
        "pearson": pearson(wanted, found, weights),
        "absolute_error": mean_of(np.abs(found - wanted), weights),
    }
    if queries is not None:
        gains, reciprocals = of_queries(wanted, found, np.array(queries))
        of_query = resampled_examples(len(gains)) if len(gains) else weights[:0]
        made |= {"ndcg": mean_of(gains, of_query), "reciprocal_rank": mean_of(reciprocals, of_query)}
    return made


@lru_cache(maxsize=1)
def _label_ranks(labels: bytes) -> list[npt.NDArray[np.float32]]:
    """Of each chunk of weights; exact in float32 up to eight million examples."""
    wanted = np.frombuffer(labels)
    return [ranks(wanted, some).astype(np.float32) for some in _chunks(resampled_examples(len(wanted)))]


def _chunks(weights: npt.NDArray[np.int16]) -> Iterator[Numbers]:
    """Weights as floats, not all at once: of 5,000 examples they take 80 MB."""
    for start in range(0, len(weights), _CHUNK):
        yield weights[start : start + _CHUNK].astype(np.float64)
