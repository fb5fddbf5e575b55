"""``deploybench baseline``: a saved run, its predictions and artifacts as one file, for a CI cache or a branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ..console import say
from .common import add_command, asked_runs, only_run, print_answer, refuse_no_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ..runs.store import Run

_FOLDER = "baseline"


def add(commands: Any) -> None:
    """Declare the command with its two actions."""
    command = add_command(
        commands,
        "baseline",
        "save a run with its predictions and artifacts as one file, and restore it",
        [
            "deploybench baseline save baseline.zip results",
            "deploybench baseline save baseline.zip results --artifacts artifacts",
            "deploybench baseline restore baseline.zip --to base",
        ],
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    save = add_command(
        actions, "save", "write a saved run to one file", ["deploybench baseline save baseline.zip results"]
    )
    save.add_argument("file", metavar="FILE", type=Path, help="file to write")
    save.add_argument("run", metavar="RUN", help="a saved run, or a folder (its newest run)")
    save.add_argument(
        "--artifacts",
        metavar="DIR",
        type=Path,
        help="also save the artifacts of the run's variants: one, or a folder of several",
    )
    save.set_defaults(execute=_save, command="baseline")
    restore = add_command(
        actions,
        "restore",
        "write the files again, and print the path of the run",
        ["deploybench baseline restore baseline.zip --to base"],
    )
    restore.add_argument("file", metavar="FILE", type=Path, help="what baseline save wrote")
    restore.add_argument(
        "--to", metavar="DIR", type=Path, default=Path(_FOLDER), help=f"new folder (default: {_FOLDER})"
    )
    restore.set_defaults(execute=_restore, command="baseline")


def _save(parsed: argparse.Namespace) -> int:
    from ..runs.baseline import is_baseline, save_baseline

    refuse_no_file(parsed.file, "baseline save")
    if parsed.file.is_file() and not is_baseline(parsed.file):
        raise UserError(f"baseline save: {parsed.file} is no baseline, and would be lost; name another file")
    runs = asked_runs(parsed.run, None)
    artifacts = _artifacts(only_run(runs, "--artifacts"), parsed.artifacts) if parsed.artifacts else {}
    save_baseline(parsed.file, runs[0].path, _predictions(runs), artifacts)
    say(f"saved: {parsed.file}" + (f", with the artifacts of {', '.join(artifacts)}" if artifacts else ""))
    return 0


def _predictions(runs: Sequence[Run]) -> dict[str, Path]:
    """By name; says which are missing."""
    named = {run.predictions: run.path.parent / run.predictions for run in runs if run.predictions}
    for name, file in named.items():
        if not file.is_file():
            say(f"left out: {name}, which is not beside the run; accuracy will not be compared")
    return {name: file for name, file in named.items() if file.is_file()}


def _artifacts(run: Run, folder: Path) -> dict[str, Path]:
    """Folders of the run's variants in ``folder``, which is one of them or holds several; raises UserError without any."""
    from ...exporters.artifacts.artifact import read_artifact
    from ...exporters.variant import MANIFEST
    from ..pipeline.made import is_of

    folders = [one for one in (folder, *(folder / name for name in run.plan.variants)) if is_of(one / MANIFEST, run)]
    found = {one.variant: one.path for one in map(read_artifact, folders) if one and one.variant in run.plan.variants}
    if not folder.is_dir():
        raise UserError(f"--artifacts: {folder} is no folder, expected one with artifacts; name one")
    if not found:
        variants = ", ".join(run.plan.variants)
        raise UserError(
            f"--artifacts: {folder} holds no whole artifact of this run, expected some of {variants}; export them"
        )
    return found


def _restore(parsed: argparse.Namespace) -> int:
    from ..runs.baseline import restore_baseline

    baseline = restore_baseline(parsed.file, parsed.to)
    if baseline.artifacts:
        say(f"artifacts, for --confirm: {baseline.artifacts}")
    print_answer(str(baseline.run))
    return 0
