"""``export --best``: what has to be measured for it, and where the winner goes, with an example and the evidence beside it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.artifacts.artifact import holds_artifact_alone
from exporters.artifacts.serving import EXAMPLE, is_example_changed, write_example
from exporters.errors import UserError
from exporters.files import refuse_unwritable, whole_folder

if TYPE_CHECKING:
    from bench.analysis.choice import Objective

EVIDENCE = "evidence.json"
MAX_DROP = 0.01  # share of accuracy that the best variant may lose on any set, where no other is asked for
DECIDES: dict[Objective, tuple[str, ...]] = {  # the suites whose figures an objective needs
    "latency": ("test_accuracy.py", "test_latency.py"),
    "throughput": ("test_accuracy.py", "test_latency.py"),
    "memory": ("test_accuracy.py", "test_memory.py"),
    "size": ("test_accuracy.py", "test_load.py"),
}


def read_target(text: str | None, flag: str = "--output") -> Path:
    """Where the winner goes; raises UserError, before anything is measured, for what is somebody's or cannot be written."""
    if not text:
        raise UserError(f"{flag}: expected DIR, the folder for the best artifact; pass one")
    target = Path(text).resolve()
    empty = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if not empty and not holds_artifact_alone(target, EVIDENCE, EXAMPLE):
        raise UserError(f"{flag}: {text} holds more than an artifact, expected a new folder; name another")
    if not empty and is_example_changed(target):
        raise UserError(f"{flag}: {text} is replaced as a whole, and its {EXAMPLE} was changed; name another folder")
    if Path.cwd().is_relative_to(target) or target.is_mount():
        raise UserError(f"{flag}: {text} is in use itself, and is replaced as a whole; name a folder in it")
    refuse_unwritable(target.parent)
    return target


def write_best(artifact: Path, target: Path, evidence: str) -> None:
    """Copy the winner's ``artifact`` to ``target``, whole or not at all, with an example and its evidence."""
    with whole_folder(target) as out_dir:
        shutil.copytree(artifact, out_dir, dirs_exist_ok=True)
        write_example(out_dir)
        (out_dir / EVIDENCE).write_text(evidence + "\n", encoding="utf-8")


def said_of(target: Path) -> str:
    """Where it was written, and what can be done with it."""
    return f"written: {target}, with its evidence in {EVIDENCE}; try: python {shlex.quote(str(target / EXAMPLE))} TEXT"
