"""Padding policies: throughput, time per token and accuracy of texts of their own lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....exporters.variant import REFERENCE
from ...analysis.figures import policy_workloads
from ...score.end_to_end import BATCH_SIZE, TEXTS
from ...units import MICROSECONDS, PER_SECOND, SHARE, counted, format_percent
from ..cells import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.measurement import Workload
    from ...runs.predictions import Answers
    from ...runs.store import SetInfo
    from ..cells import Content, Table
    from ..run_figures import RunFigures


def build(cells: RunFigures) -> list[Table]:
    """One for each labelled set; empty where the policies were not measured."""
    workloads = policy_workloads(cells.run)
    if not workloads:
        return []
    return [
        cells.table(
            f"Padding policies on {labelled.name}",
            _contents(cells, labelled, [one.padding for one in workloads]),
            _notes(cells, labelled, workloads),
        )
        for labelled in cells.run.sets
    ]


def _contents(cells: RunFigures, labelled: SetInfo, paddings: Sequence[str]) -> list[Content]:
    def by_policy(metric: str, head: str, **shown: Any) -> list[Content]:
        return [
            (
                Column(head=f"{head} {padding}", short=f"{head}\n{padding}", **shown),
                cells.of_set(metric, labelled, padding),
            )
            for padding in paddings
        ]

    tokenised = Column(head="tokenised", scale=PER_SECOND, group="texts")
    return [
        *by_policy("classified", "texts", scale=PER_SECOND, group="texts"),
        (tokenised, cells.of_set("tokenised", labelled, paddings[-1])),
        *by_policy("token_time", "per token", scale=MICROSECONDS, group="token"),
        *by_policy("policy_accuracy", "accuracy", scale=SHARE, group="accuracy"),
    ]


def _notes(cells: RunFigures, labelled: SetInfo, workloads: Sequence[Workload]) -> list[str]:
    shares = {one.padding: cells.of_set("padding_share", labelled, one.padding)(REFERENCE).value for one in workloads}
    padding = ", ".join(f"{policy} {format_percent(share)}" for policy, share in shares.items() if share is not None)
    return [
        f"{TEXTS} texts spread over the set, batches of {BATCH_SIZE}, one pass: tokenised, padded, run, classified",
        "max_length: padded to the model's maximum; longest: to the longest text of the batch",
        "bucketed: to the longest text of the batch, with texts of similar length in one batch",
        f"padding, share of the computed tokens: {padding or 'not measured'}; per token: time per token without padding",
        *_lengths(workloads[0].sequence_length, cells.answers.get(labelled.name)),
    ]


def _lengths(limit: int, answers: Answers | None) -> list[str]:
    if answers is None or answers.tokens is None or not len(answers.tokens):
        return []
    tokens = answers.tokens
    low, middle, high = np.quantile(tokens, (0.1, 0.5, 0.9))
    of_all = f"median {middle:.0f}, 10th to 90th percentile {low:.0f} to {high:.0f}"
    as_read = f"mean {np.minimum(tokens, limit).mean():.1f} after truncation"
    truncated = f"{format_percent((tokens > limit).mean())} truncated at {limit}"
    return [f"tokens of {counted(len(tokens), 'text')}: {of_all}; {as_read}; {truncated}"]
