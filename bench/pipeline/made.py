"""Find the artifact of a variant of a saved run."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from ...exporters.artifacts.artifact import changed_file, read_artifact
from ...exporters.errors import UserError
from ...exporters.variant import MANIFEST
from ..console import say
from ..printable import printable
from ..units import format_bytes
from .checkpoints import DEMONSTRATION

if TYPE_CHECKING:
    from pathlib import Path

    from ...exporters.artifacts.artifact import Artifact
    from ..runs.store import Run


def find_artifact(run: Run, variant: str, work_dir: Path) -> Artifact:
    """The newest artifact of the run's ``variant`` below the work folder; warns if it is not the one that was measured.

    Raises UserError, with the command that exports it, if there is none.
    """
    every = sorted(work_dir.glob(f"artifacts/*/{variant}/{MANIFEST}"), key=lambda path: path.stat().st_mtime)
    found = [one for path in every if is_of(path, run) and (one := read_artifact(path.parent))]
    if not found:
        raise UserError(
            f"{work_dir}: holds no artifact of {variant} of the checkpoint {printable(run.checkpoint.name)} "
            f"({run.checkpoint.sha256[:8]}); make it with: {_export_command(run, variant, work_dir)}"
        )
    newest = found[-1]
    if changed := changed_file(newest.path):
        raise UserError(
            f"{newest.path}: {changed} is not what was exported; remove the folder and make it again with: "
            f"{_export_command(run, variant, work_dir)}"
        )
    _warn_if_changed(run, newest)
    return newest


def is_of(manifest: Path, run: Run) -> bool:
    """Whether the artifact of ``manifest`` was made of the run's checkpoint."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        return found["checkpoint_sha256"] == run.checkpoint.sha256 and bool(found["labels"])
    except (OSError, ValueError, KeyError, TypeError):  # artifacts of earlier versions have no labels
        return False


def _export_command(run: Run, variant: str, work_dir: Path) -> str:
    name = run.checkpoint.name  # of a folder, the run has only its last part
    checkpoint = [] if name == DEMONSTRATION else ["--checkpoint", printable(name)]
    place = [] if str(work_dir) == ".deploybench" else ["--work-dir", str(work_dir)]
    return shlex.join(["deploybench", "export", *checkpoint, "--variants", variant, *place])


def _warn_if_changed(run: Run, artifact: Artifact) -> None:
    sizes = [one.values[0] for one in run.measurements if _is_size(one.variant, one.metric, artifact) and one.values]
    if sizes and sizes[0] != artifact.size:
        say(
            f"{artifact.path} has {format_bytes(artifact.size)}, the measured one had {format_bytes(sizes[0])}: "
            "it was exported again since; run the measurement again to be sure"
        )


def _is_size(variant: str, metric: str, artifact: Artifact) -> bool:
    return (variant, metric) == (artifact.variant, "artifact_size")
