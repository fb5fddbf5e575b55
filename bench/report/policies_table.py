"""The table of padding policies: what each makes of texts of their own lengths."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.report.cells import Column
from bench.score.end_to_end import BATCH_SIZE, TEXTS
from bench.units import MICROSECONDS, PER_SECOND, SHARE, counted
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.report.cells import ByVariant, Content
    from bench.runs.measurement import Workload
    from bench.runs.predictions import Answers

    _OfSet: TypeAlias = Callable[[str, str], ByVariant]  # by metric and policy


def policies_contents(workloads: Sequence[Workload], of_set: _OfSet) -> list[Content]:
    """Texts per second, then time per token, then accuracy; of the last policy, how fast the tokenizer is."""
    paddings = [workload.padding for workload in workloads]
    columns = {
        "classified": partial(Column, scale=PER_SECOND, group="texts"),
        "token_time": partial(Column, scale=MICROSECONDS, group="token"),
        "policy_accuracy": partial(Column, scale=SHARE, group="accuracy"),
    }
    heads = {"classified": "texts", "token_time": "per token", "policy_accuracy": "accuracy"}
    contents = [
        (column(head=f"{heads[metric]} {padding}", short=f"{heads[metric]}\n{padding}"), of_set(metric, padding))
        for metric, column in columns.items()
        for padding in paddings
    ]
    tokenised = Column(head="tokenised", scale=PER_SECOND, group="texts")
    return [*contents[: len(paddings)], (tokenised, of_set("tokenised", paddings[-1])), *contents[len(paddings) :]]


def policies_notes(workloads: Sequence[Workload], of_set: _OfSet, answers: Answers | None) -> list[str]:
    """What the columns mean, how much of each policy is padding, and how long the texts of the set are."""
    shares = [(workload.padding, of_set("padding_share", workload.padding)(REFERENCE).value) for workload in workloads]
    padding = ", ".join(f"{policy} {100 * share:.1f} %" for policy, share in shares if share is not None)
    return [
        f"{TEXTS} texts from end to end of the set, batches of {BATCH_SIZE}, in one pass: tokenised, padded, run, classified",
        "max_length: padded to what the model takes; longest: to the longest of a batch; bucketed: likewise, like lengths together",
        f"padding, as a share of what is computed: {padding or 'not measured'}; per token: time per token that is none",
        *_lengths(workloads[0].sequence_length, answers),
    ]


def _lengths(limit: int, answers: Answers | None) -> list[str]:
    if answers is None or answers.tokens is None or not len(answers.tokens):
        return []
    tokens = answers.tokens
    low, middle, high = np.quantile(tokens, (0.1, 0.5, 0.9))
    ends = f"a tenth below {low:.0f} and a tenth above {high:.0f}"
    read, cut = np.minimum(tokens, limit).mean(), 100 * (tokens > limit).mean()
    of = f"tokens of {counted(len(tokens), 'text')}"
    return [f"{of}: mean {read:.1f} as read, median {middle:.0f}, {ends}; {cut:.1f} % cut at {limit}"]
