"""Whether a run that was killed at any moment and resumed is the same as one that was not.

    python -m deploybench.suites.studies.harness.kills --kills 30

A quick run of the demonstration, with torch-eager and onnx-fp32, is killed (``kill -9``) at a random moment and resumed. It
must then reuse every finished cell, its rows must be those of an undisturbed run, and every file must be whole.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import progress
from ....bench.runs.rows import row_name
from ....bench.runs.store import read_runs
from ..study import save_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RUN = (
    "deploybench.bench.cli",
    "run",
    "--variants=onnx-fp32",
    "--target-width=9",
    "--batch-sizes=1,8",
    "--sequence-lengths=64",
)


def rows_of_run(folder: Path) -> list[str]:
    """Every row of the newest run below ``folder``, ours and pytest-benchmark's; raises if a file is damaged."""
    runs = read_runs(folder / "results")
    for file in (folder / "results").rglob("*"):
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))
        elif file.is_file() and file.suffix != ".parquet":
            raise ValueError(f"{file}: left behind")
    for run in runs:
        if run.predictions:
            import pandas as pd

            pd.read_parquet(run.path.parent / run.predictions)
    ours = (
        f"{row_name(run.checkpoint.name if len(runs) > 1 else '', one.variant)} {one.metric} {one.workload} {one.data} {one.status}"
        for run in runs
        for one in run.measurements
    )
    stock = json.loads(runs[0].path.read_text(encoding="utf-8"))["benchmarks"]
    return sorted([*ours, *(row["fullname"] for row in stock)])


def start(folder: Path, *arguments: str, command: Sequence[str] = RUN) -> subprocess.Popen[bytes]:
    """Start a run with ``folder`` as its working folder."""
    return subprocess.Popen(
        [sys.executable, "-m", *command, *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_and_resume(folder: Path, ready: Callable[[], bool], command: Sequence[str] = RUN) -> dict[str, Any] | None:
    """Kill a run as soon as ``ready()``, resume it, and return what was found; None if the run ended before."""
    killed, begin = start(folder, command=command), time.monotonic()
    while killed.poll() is None and not ready():
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    seconds = time.monotonic() - begin
    if killed.returncode != -signal.SIGKILL:
        return None
    journal = folder / ".deploybench" / "journal.jsonl"
    cells = journal.read_bytes().count(b"\n") if journal.exists() else 0
    resumed = start(folder, "--resume", command=command)
    _, said = resumed.communicate()
    found: dict[str, Any] = {"killed_after": round(seconds, 2), "cells": cells, "exit_code": resumed.returncode}
    taken = re.search(r"resuming: (\d+) finished", said.decode())
    found["taken"] = int(taken[1]) if taken else None
    try:
        found["rows"] = rows_of_run(folder)
    except Exception as error:  # noqa: BLE001 - a damaged file is the finding
        found["torn"] = repr(error)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, resume and compare, saving after each kill; the exit code, 1 if any result differs."""
    parser = study_parser(__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parsed = parser.parse_args(arguments)
    moments = random.Random(parsed.seed)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as scratch, progress("kills", parsed.kills) as bar:
        whole = Path(scratch, "whole")
        whole.mkdir()
        start(whole).communicate()  # trains the demonstration, which is not part of the question
        shutil.rmtree(whole / "results")
        shutil.rmtree(whole / ".deploybench" / "artifacts")
        begin = time.monotonic()
        start(whole).communicate()
        lasts, expected = time.monotonic() - begin, rows_of_run(whole)
        found: list[dict[str, Any]] = []
        while len(found) < parsed.kills:
            folder = Path(scratch, "killed")
            shutil.copytree(whole / ".deploybench" / "checkpoints", folder / ".deploybench" / "checkpoints")
            end = time.monotonic() + moments.uniform(0, lasts)
            one = kill_and_resume(folder, lambda end=end: time.monotonic() > end)  # type: ignore[misc]
            shutil.rmtree(folder)
            if one is not None:  # else this run ended before the moment: draw another one
                same = one.get("rows") == expected and one["taken"] == one["cells"]
                found.append({**one, "rows": len(one.get("rows", ())), "same": same})
                save_study("kills", {"run_seconds": lasts, "rows": len(expected), "kills": found})
                bar.advance()
    same, timing = sum(one["same"] for one in found), sum(one["cells"] > 0 for one in found)
    sys.stdout.write(
        f"{same} of {len(found)} resumed runs reused every finished cell ({timing} had any) "
        f"and have the {len(expected)} rows of an undisturbed run\n"
    )
    return 0 if same == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
