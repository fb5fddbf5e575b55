"""The highest rate of requests whose 99th percentile stays within a limit, at the server that is handed over."""

from __future__ import annotations

import functools
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.measure.server.client import bodies_of
from deploybench.bench.measure.server.highest_rate import HighestRate, measure_highest_rate
from deploybench.bench.runs.decoding import decode
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import OF_A_TRIAL
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploybench.bench.pipeline.recorder import Recorder

_SEED = 28


def test_server(variant_name: str, artifact: Path, recorder: Recorder, replay: Callable[..., None]) -> None:
    """The row has the mean gap between requests at the highest rate of each launch; it is not part of the time budget."""
    prepared = recorder.prepared
    options = prepared.options
    if options.p99_limit is None:
        pytest.skip("was not asked for: pass --rate-at-p99-ms MS")
    sent = prepared.sets[0]
    facts = (prepared.artifacts[variant_name].fingerprint, sent.sha256, options.threads, options.p99_limit)
    key = ("highest rate", options.model, variant_name, *facts)
    blank = Measurement(variant=variant_name, metric="rate_at_p99", data=sent.name)
    if find_variant(variant_name).program is None:
        reason = "its module has no program that serves it"
        recorder.add(replace(blank, status="not_measured", reason=reason))
        pytest.skip(reason)
    measure = functools.partial(
        measure_highest_rate, artifact, bodies_of(sent.texts), options.threads, options.p99_limit, _SEED
    )
    try:
        saved = recorder.journal.cell(key, lambda: asdict(measure()))
    except WorkerError as error:
        recorder.add(replace(blank, status="failed", reason=str(error)))
        pytest.fail(str(error), pytrace=False)
    found: HighestRate = decode(HighestRate, saved, "journal")

    assert all(rate >= 0 for rate in found.rates)
    workload = Workload(
        batch_size=found.max_batch,
        sequence_length=prepared.full_length,
        padding="bucketed",
        threads=found.threads,
        instances=found.instances,
    )
    measured: Any = functools.partial(replace, blank, workload=workload)
    replay(
        [1 / rate for rate in found.rates if rate] or [options.p99_limit],
        measured(values=found.rates, launches=tuple(range(len(found.rates)))),
        *(
            measured(metric=metric, values=tuple(getattr(one, field) for one in found.trials), launches=found.launches)
            for metric, field in OF_A_TRIAL.items()
        ),
    )
