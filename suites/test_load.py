"""Size on disk, and cold start: time from files to a predictor in a new process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from deploybench.bench.runs.measurement import Measurement
from deploybench.bench.worker.client import Worker
from deploybench.exporters.errors import WorkerError
from deploybench.suites.conftest import skip_late

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.pipeline.recorder import Recorder


def test_load(
    variant_name: str, artifact: Path, prepared: Prepared, recorder: Recorder, replay: Callable[..., None]
) -> None:
    """The row has the loads of the spawned processes that timed latency or measured memory; if none did, one new load."""
    size = prepared.artifacts[variant_name].size
    recorder.add(Measurement(variant=variant_name, metric="artifact_size", values=(size,)))
    found = _merged(variant_name, recorder.cold_starts)
    if "load_time" not in found:
        blank = Measurement(variant=variant_name, metric="load_time")
        skip_late(recorder, [blank])
        threads = prepared.options.threads
        try:
            with Worker(f"{variant_name}, load time", threads) as worker:
                *_, seconds = worker.start(variant_name, artifact, threads)
        except WorkerError as error:
            recorder.add(replace(blank, status="failed", reason=str(error)))
            pytest.fail(str(error), pytrace=False)
        found["load_time"] = replace(blank, values=(seconds,))

    assert size > 0
    measured = found.pop("load_time")
    replay(measured.values, measured, *found.values())


def _merged(variant: str, starts: Sequence[Measurement]) -> dict[str, Measurement]:
    """The cold starts of a variant by metric, all processes together."""
    found: dict[str, Measurement] = {}
    for one in starts:
        if one.variant == variant:
            values = found[one.metric].values + one.values if one.metric in found else one.values
            found[one.metric] = replace(one, values=values, launches=tuple(range(len(values))))
    return found
