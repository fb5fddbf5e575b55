"""End to end: texts to classes by every padding policy, tokenization included."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.measure.workload import PADDINGS
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import END_TO_END
from deploybench.bench.score.end_to_end import BATCH_SIZE, EndToEnd, measure_end_to_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.score.end_to_end import PolicyRun


@pytest.mark.usefixtures("thorough", "artifact")
def test_end_to_end(
    variant_name: str,
    set_name: str | None,
    prepared: Prepared,
    cell: Callable[..., Any],
    replay: Callable[..., None],
) -> None:
    """The row times all texts once per policy."""
    labelled = next((one for one in prepared.sets if one.name == set_name), None)
    if labelled is None:
        pytest.skip("no labelled set was given: pass --external FILE, or --real FILE --fake FILE")
    length, threads = prepared.full_length, prepared.options.threads
    workloads = [
        Workload(batch_size=BATCH_SIZE, sequence_length=length, padding=padding, threads=threads)
        for padding in PADDINGS
    ]
    measured = functools.partial(Measurement, variant=variant_name, data=set_name)
    blanks = [measured(metric=metric, workload=workload) for workload in workloads for metric in END_TO_END]
    key = Workload(batch_size=BATCH_SIZE, sequence_length=length, padding="longest", threads=threads)
    measure = functools.partial(measure_end_to_end, variant_name, prepared, labelled)
    found = cell(EndToEnd, key, measure, *blanks)

    assert len(found.policies) == len(PADDINGS)
    replay(
        [sum(run.seconds.values()) for run in found.policies],
        *(
            measured(metric=metric, workload=workload, values=(value,))
            for workload, run in zip(workloads, found.policies, strict=True)
            for metric, value in _values(run).items()
        ),
    )


def _values(run: PolicyRun) -> dict[str, float]:
    """Each of END_TO_END; of scores no accuracy."""
    whole = sum(run.seconds.values())
    return {
        "classified": run.texts / whole,
        "tokenised": run.texts / run.seconds["tokenise"],
        "token_time": whole / run.read_tokens,
        "padding_share": 1 - run.read_tokens / run.computed_tokens,
        **({"policy_accuracy": sum(run.right) / run.texts} if run.right else {}),
    }
