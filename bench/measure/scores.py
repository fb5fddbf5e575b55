"""How well scores follow labels that are numbers: rank correlation, correlation and error, and ranking within queries.

Each figure is computed with weights of the examples, one row of weights for a resample, so that its interval is a bootstrap.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]

CUT = 10  # documents of a query that NDCG@10 counts
_CHUNK = 100  # rows of weights at a time


def spearman(labels: Numbers, scores: Numbers, weights: npt.NDArray[np.integer]) -> Numbers:
    """Spearman's rank correlation of ``(examples,)`` for each row of ``weights``, ``(rows, examples)``; ties have their mean rank.

    NaN where all labels or all scores are equal.
    """
    return np.concatenate(
        [
            correlation(ranks(labels, some), ranks(scores, some), some)
            for start in range(0, len(weights), _CHUNK)
            for some in [weights[start : start + _CHUNK].astype(np.float64)]
        ]
    )


def pearson(labels: Numbers, scores: Numbers, weights: npt.NDArray[np.integer]) -> Numbers:
    """Pearson's correlation, as ``spearman``."""
    return np.concatenate(
        [
            correlation(np.broadcast_to(labels, some.shape), np.broadcast_to(scores, some.shape), some)
            for start in range(0, len(weights), _CHUNK)
            for some in [weights[start : start + _CHUNK].astype(np.float64)]
        ]
    )


def mean_of(values: Numbers, weights: npt.NDArray[np.integer]) -> Numbers:
    """Weighted mean of ``(examples,)`` for each row of ``weights``; NaN without examples."""
    return weights @ values / weights.sum(axis=1) if len(values) else np.full(len(weights), np.nan)


def ranks(values: Numbers, weights: Numbers) -> Numbers:
    """Mean rank of each example among ``weights`` copies of all, for each row of ``weights``, ``(rows, examples)``."""
    order = np.argsort(values, kind="stable")
    ordered, starts = np.unique(values[order], return_index=True)
    tied = np.add.reduceat(weights[:, order], starts, axis=1)  # copies that share a value
    before = np.cumsum(tied, axis=1) - tied
    place = np.searchsorted(ordered, values)
    found: Numbers = (before + (tied + 1) / 2)[:, place]
    return found


def correlation(one: Numbers, other: Numbers, weights: Numbers) -> Numbers:
    """Weighted correlation of each row of ``one`` and ``other``, ``(rows, examples)``; NaN where either has one value alone."""
    total = weights.sum(axis=1, keepdims=True)
    apart = [values - (weights * values).sum(axis=1, keepdims=True) / total for values in (one, other)]
    above = (weights * apart[0] * apart[1]).sum(axis=1)
    below = np.sqrt((weights * apart[0] ** 2).sum(axis=1) * (weights * apart[1] ** 2).sum(axis=1))
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def of_queries(labels: Numbers, scores: Numbers, queries: npt.NDArray[np.str_]) -> tuple[Numbers, Numbers]:
    """NDCG@10 and reciprocal rank of each query in the order of their names; of those with a label above 0.

    Gains are the labels, and equal scores share theirs, as in scikit-learn. The reciprocal rank is of the first document with a
    label above 0; documents with the same score come before it.
    """
    order = np.argsort(queries, kind="stable")
    _, starts = np.unique(queries[order], return_index=True)
    groups = [part for part in np.split(order, starts[1:]) if (labels[part] > 0).any()]
    gains = [ndcg(labels[part], scores[part]) for part in groups]
    return np.array(gains), np.array([_reciprocal_rank(labels[part], scores[part]) for part in groups])


def ndcg(labels: Numbers, scores: Numbers) -> float:
    """Normalised discounted cumulative gain of one query's first ten documents.

    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20 (2002); ties as in McSherry
    and Najork, "Computing information retrieval performance measures efficiently in the presence of tied scores", ECIR 2008.
    """
    discounts = 1 / np.log2(np.arange(len(labels)) + 2)
    discounts[CUT:] = 0
    _, place, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    gains = np.bincount(place, weights=labels) / counts
    ends = np.cumsum(counts)
    shared = np.diff(np.concatenate([[0.0], np.cumsum(discounts)[ends - 1]]))
    ideal = float((np.sort(labels)[::-1] * discounts).sum())
    return float((gains * shared).sum()) / ideal if ideal else 0.0


def _reciprocal_rank(labels: Numbers, scores: Numbers) -> float:
    best = scores[labels > 0].max()
    return 1 / (1 + int((scores[labels <= 0] >= best).sum()))
