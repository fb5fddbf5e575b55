"""Runs the grid by our command and by the peer, each in a process of its own; a stopped study goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import progress, say
from ....exporters.errors import DeploybenchError, UserError
from . import cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....bench.pipeline.options import Options

PEER = "optimum-benchmark==0.6.0"
_PACKAGES = (
    *(PEER, "torch", "transformers", "optimum", "optimum-onnx", "optimum-intel"),
    *("onnx", "onnxruntime", "openvino", "nncf"),
)
_CONSTRAINTS = Path(__file__).with_name("constraints.txt")
_ROOT = Path(__file__).parents[3]
_STAMP = "deploybench-peer.sha256"


def install(folder: Path) -> Path:
    """The interpreter of the peer's environment, which is created if it is missing or incomplete."""
    wanted = hashlib.sha256(_CONSTRAINTS.read_bytes()).hexdigest()
    python, stamp = folder.absolute() / "bin" / "python", folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return python
    if folder.exists() and not stamp.is_file() and any(folder.iterdir()):
        raise UserError(f"--peer-env: {folder} is not empty and not such an environment; name a new folder")
    say(f"installing {PEER} into {folder}")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    stamp.write_text("", encoding="ascii")  # ours, but incomplete
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(_CONSTRAINTS)]
    subprocess.run([*pip, *_PACKAGES, "setuptools"], check=True)
    stamp.write_text(wanted, encoding="ascii")
    return python


def run_ours(
    folder: Path, checkpoint: Path, options: Options, batch_sizes: Sequence[int], lengths: Sequence[int]
) -> float:
    """Wall seconds of a complete run with ``folder`` as its working folder; reused if it ended before."""
    done = folder / "ours.json"
    if done.is_file():
        return float(json.loads(done.read_text(encoding="ascii")))
    for part in (".deploybench", "results"):  # of a stopped run: its exports would be missing from our time
        shutil.rmtree(folder / part, ignore_errors=True)
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    command = [
        *(
            sys.executable,
            "-m",
            "deploybench.bench.cli",
            "run",
            f"--checkpoint={checkpoint}",
            f"--profile={options.profile}",
        ),
        f"--variants={','.join(options.variants)}",
        f"--batch-sizes={','.join(map(str, batch_sizes))}",
        f"--sequence-lengths={','.join(map(str, lengths))}",
        *(f"--threads={options.threads}", f"--target-width={options.target_width}"),
        f"--time-budget={options.time_budget}",
    ]
    start = time.perf_counter()
    code = subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, check=False).returncode
    wall = time.perf_counter() - start
    if code not in {0, 1}:  # 1: a variant failed; the saved run has the reason
        raise DeploybenchError(f"our run ended with exit code {code}")
    done.write_text(json.dumps(wall), encoding="ascii")
    return wall


def run_peer(python: Path, folder: Path, plan: dict[str, Any], enough_s: float = math.inf) -> list[dict[str, Any]]:
    """The answers of all points, finished ones reused; what the peer prints goes to a log file.

    No further point starts after ``enough_s`` seconds of its time.
    """
    plan_file, reports, log = folder / "plan.json", folder / "reports.jsonl", folder / "peer.log"
    answers = read_answers(reports)
    left = [point for point in plan["points"] if not any(point.items() <= one.items() for one in answers)]
    rest = max(0.0, enough_s - seconds_of(answers))
    plan_file.write_text(json.dumps({**plan, "points": left, "enough_s": rest}), encoding="utf-8")
    command = [str(python), "-I", cell.__file__, str(plan_file), str(reports)]
    with (
        log.open("a", encoding="utf-8") as output,
        progress("peer", len(left)) as bar,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            output.write(line)
            if line.startswith(cell.MARK):
                say(line.strip())
                bar.advance()
    if process.returncode or not reports.is_file():
        raise DeploybenchError(f"the peer ended with exit code {process.returncode}; see {log}")
    return read_answers(reports)


def read_answers(reports: Path) -> list[dict[str, Any]]:
    """The complete lines; an incomplete last one, which a kill leaves, is cut off, so that the next one is complete."""
    content = reports.read_bytes() if reports.is_file() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(reports, whole)
    return [json.loads(line) for line in content[:whole].splitlines()]


def seconds_of(answers: Sequence[Mapping[str, Any]]) -> float:
    """Wall seconds of the peer: between two points it does nothing."""
    return float(sum(one["seconds"] for one in answers))
