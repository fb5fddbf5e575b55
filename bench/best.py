"""``export --best``: what has to be measured for it, where the winner goes, and the evidence that lies beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report.best import render_evidence
from bench.saved.whole_file import refuse_unwritable
from exporters.artifact import holds_artifact_alone
from exporters.errors import UserError
from exporters.whole_folder import whole_folder

if TYPE_CHECKING:
    from bench.choice import Choice, Objective
    from bench.saved.store import Run

EVIDENCE = "evidence.json"
DECIDES: dict[Objective, tuple[str, ...]] = {  # the suites whose figures an objective needs
    "latency": ("test_accuracy.py", "test_latency.py"),
    "throughput": ("test_accuracy.py", "test_latency.py"),
    "memory": ("test_accuracy.py", "test_memory.py"),
    "size": ("test_accuracy.py", "test_load.py"),
}


def read_drop(text: str | None) -> float:
    """The largest loss of accuracy that is allowed; raises UserError for what is no share."""
    try:
        share = 0.01 if text is None else float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise UserError(f"--max-accuracy-drop: found {text!r}, expected a share from 0 to below 1 such as 0.01")
    return share


def read_target(text: str | None) -> Path:
    """Where the winner goes; raises UserError, before anything is measured, for what is somebody's or cannot be written."""
    if not text:
        raise UserError("--best: expected --output DIR, the folder for the best artifact; pass one")
    target = Path(text).resolve()
    empty = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if not empty and not holds_artifact_alone(target, EVIDENCE):
        raise UserError(f"--output: {text} holds more than an artifact, expected a new folder; name another")
    if Path.cwd().is_relative_to(target) or target.is_mount():
        raise UserError(f"--output: {text} is in use itself, and is replaced as a whole; name a folder in it")
    refuse_unwritable(target.parent)
    return target


def write_best(run: Run, choice: Choice, artifact: Path, target: Path) -> None:
    """Copy the winner's ``artifact`` to ``target``, whole or not at all, with its evidence."""
    with whole_folder(target) as out_dir:
        shutil.copytree(artifact, out_dir, dirs_exist_ok=True)
        (out_dir / EVIDENCE).write_text(render_evidence(run, choice) + "\n", encoding="utf-8")
