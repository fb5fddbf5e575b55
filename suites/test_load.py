"""Size on disk, and time from files to a predictor in a new process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.runs.measurement import Measurement
from bench.worker.client import Worker
from exporters.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.pipeline.prepare import Prepared
    from bench.pipeline.recorder import Recorder


def test_load(
    variant_name: str, artifact: Path, prepared: Prepared, recorder: Recorder, replay: Callable[..., None]
) -> None:
    """The row has the loads of the processes that timed latency; if none did, one new load."""
    size = prepared.artifacts[variant_name].size
    others = [one for one in recorder.cold_starts if one.variant == variant_name and one.metric != "load_time"]
    measured = next(
        (one for one in recorder.cold_starts if (one.variant, one.metric) == (variant_name, "load_time")), None
    )
    if measured is None:
        threads = prepared.options.threads
        try:
            with Worker(f"{variant_name}, load time", threads) as worker:
                *_, seconds = worker.start(variant_name, artifact, threads)
        except WorkerError as error:
            recorder.add(
                Measurement(variant=variant_name, metric="load_time", status="failed", reason=str(error)),
                Measurement(variant=variant_name, metric="artifact_size", values=(size,)),
            )
            pytest.fail(str(error), pytrace=False)
        measured = Measurement(variant=variant_name, metric="load_time", values=(seconds,))

    assert size > 0
    replay(
        measured.values, measured, *others, Measurement(variant=variant_name, metric="artifact_size", values=(size,))
    )
