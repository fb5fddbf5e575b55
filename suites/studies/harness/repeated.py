"""Records every slice of many quick latency runs of one checkpoint, for ``estimators`` and ``verdicts``.

    python -m deploybench.suites.studies.harness.repeated --checkpoint DIR --external FILE --runs 21
    python -m deploybench.suites.studies.harness.repeated --checkpoint DIR --external FILE --runs 21 --loaded

One text at a time. Beside the variants, two copies of ``onnx-fp32`` are timed that are slowed by 5 and by 10 %. With ``--loaded``,
another process keeps one core busy. Saved as ``results/studies/repeated-NAME.parquet``: for each run, row, launch and block the
median and the least of its rounds, their CPU time, and the control beside them, all in microseconds.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ....bench.console import progress, say
from ....bench.machine.alone import alone
from ....bench.measure.controls import KERNEL, NULL, with_controls
from ....bench.measure.latency import LatencyRun
from ....bench.measure.schedule import TimedArtifact
from ....bench.pipeline.options import read_options
from ....bench.pipeline.prepare import prepare
from ....bench.runs.measurement import Measurement, Workload
from ....exporters.errors import UserError
from ....exporters.files import whole_file
from ..study import FOLDER, save_study, study_parser
from . import slowed
from .duels import busy_core

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....bench.measure.schedule import Schedule
    from ....bench.pipeline.prepare import Prepared

SLOWED = "onnx-fp32"
SHARES = (0.05, 0.1)
_WORKLOAD = Workload(batch_size=1, sequence_length=128, padding="bucketed", threads=2)  # of a recording
_FLAGS = ("--checkpoint", "--external", "--sequence-lengths", "--variants", "--threads", "--work-dir")


def slowed_name(share: float) -> str:
    """The row of the copy that is slowed by ``share``."""
    return f"{SLOWED}-slowed-{share:g}"


def slowed_copies(artifact: Path, folder: Path) -> list[TimedArtifact]:
    """Copies of an artifact, each slowed by one of SHARES."""
    found = []
    for share in SHARES:
        name = slowed_name(share)
        copy = Path(shutil.copytree(artifact, folder / name))
        (copy / slowed.SHARE_FILE).write_text(str(share), encoding="ascii")
        found.append(TimedArtifact(name=name, variant=slowed.__name__, artifact=copy))
    return found


def record(prepared: Prepared, schedule: Schedule, runs: int) -> pd.DataFrame:
    """One row of the frame for each slice of ``runs`` latency runs."""
    workload, texts = next(iter(prepared.timed_batches().items()))
    found = []
    with tempfile.TemporaryDirectory() as folder, progress("runs", runs) as bar:
        rows = [
            *with_controls(prepared.artifacts),
            *slowed_copies(prepared.artifacts[SLOWED].path, Path(folder)),
        ]
        for number in range(runs):
            timing = LatencyRun(rows, schedule, workload.threads)
            found += [_slices(number, one) for one in timing.measure({workload: texts}, lambda: None)]
            bar.advance()
    return pd.concat(found, ignore_index=True)


def _slices(run: int, one: Measurement) -> pd.DataFrame:
    """The rounds of each slice of a row; raises RuntimeError if it failed."""
    if one.status != "ok":
        raise RuntimeError(f"{one.variant}: {one.reason}")
    beside = one.beside or (0.0,) * len(one.values)
    seconds = {"us": one.values, "cpu": one.cpu_seconds, "beside": beside}  # noqa: PD011 - of a measurement
    by_slice = pd.DataFrame({"launch": one.launches, "block": one.blocks, **seconds}).groupby(["launch", "block"])
    made = by_slice.agg(us=("us", "median"), least=("us", "min"), cpu=("cpu", "mean"), beside=("beside", "first"))
    made = (made * 1e6).round(1).astype("float32").reset_index()
    return made.assign(run=run, row=one.variant).astype({"launch": "uint8", "block": "uint8", "run": "uint8"})


def read_slices(name: str) -> pd.DataFrame:
    """What ``repeated`` saved; raises UserError if there is no such file."""
    path = FOLDER / f"repeated-{name}.parquet"
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; record it with: python -m deploybench.suites.studies.harness.repeated --name {name}"
        )
    return pd.read_parquet(path)


def recorded_runs(slices: pd.DataFrame) -> list[dict[str, Measurement]]:
    """The latencies of each recorded run, by row; one value per slice."""
    found = []
    for _, of_run in slices.sort_values(["launch", "block"]).groupby("run"):
        found.append(
            {str(row): _measurement(str(row), one) for row, one in of_run.groupby("row") if row not in (NULL, KERNEL)}
        )
    return found


def _measurement(row: str, slices: pd.DataFrame) -> Measurement:
    return Measurement(
        variant=row,
        metric="latency",
        workload=_WORKLOAD,
        values=tuple(slices["us"] / 1e6),
        beside=tuple(slices["beside"] / 1e6),
        launches=tuple(int(one) for one in slices["launch"]),
        blocks=tuple(int(one) for one in slices["block"]),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, _FLAGS)
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--launches", type=int, default=8)
    parser.add_argument("--loaded", action="store_true", help="while another process loads one core")
    parser.add_argument("--name", help="of the file (default: of the checkpoint)")
    parsed = parser.parse_args(arguments)
    options = replace(read_options(parsed), batch_sizes=(1,))
    schedule = replace(options.schedule, launches=parsed.launches, budget_s=0.0, later=None)
    with alone():
        prepared = prepare(options)
        start = time.perf_counter()
        with busy_core() if parsed.loaded else contextlib.nullcontext():
            slices = record(prepared, schedule, parsed.runs)
    seconds = (time.perf_counter() - start) / parsed.runs
    name = f"repeated-{parsed.name or prepared.checkpoint.name.replace(':', '-')}{'-loaded' if parsed.loaded else ''}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with whole_file(FOLDER / f"{name}.parquet") as stream:
        slices.to_parquet(stream, compression="zstd", index=False)
    say(f"saved: {save_study(name, {'runs': parsed.runs, 'seconds_per_run': round(seconds, 1)})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
