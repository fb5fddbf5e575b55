"""The folder of the variant that was taken: the artifact, an example program and the evidence of the selection."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.artifacts.artifact import holds_artifact_alone
from ...exporters.errors import UserError
from ...exporters.files import refuse_unwritable, whole_folder
from ...exporters.serving.example import EXAMPLE, example_call, is_example_changed, write_example
from ...exporters.serving.layouts import write_layout
from ...exporters.serving.served import read_manifest
from ...exporters.serving.server_folder import DOCKERFILE, SERVER, is_server_changed, write_server
from ..analysis.evidence import evidence_of, read_evidence, write_evidence
from ..analysis.models.pairs import of_pair
from ..analysis.server_figures import setup_of
from ..console import say
from ..units import counted
from .made import find_artifact

if TYPE_CHECKING:
    from ...exporters.serving.layouts import Layout
    from ..analysis.selection import Selection
    from ..runs.store import Run

EVIDENCE = "evidence.json"


def read_target(text: str | None, flag: str = "--output") -> Path:
    """The folder to write; raises UserError where it holds other files or cannot be written, before anything is measured."""
    if not text:
        raise UserError(f"{flag}: expected DIR, the folder for the best artifact; pass one")
    target = Path(text).resolve()
    empty = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if not empty and not holds_artifact_alone(target, EVIDENCE, EXAMPLE, SERVER, DOCKERFILE):
        raise UserError(f"{flag}: {text} holds more than an artifact, expected a new folder; name another")
    if not empty and is_example_changed(target):
        raise UserError(f"{flag}: {text} is replaced as a whole, and its {EXAMPLE} was changed; name another folder")
    if not empty and is_server_changed(target):
        raise UserError(f"{flag}: {text} is replaced as a whole, and its server was changed; name another folder")
    if Path.cwd().is_relative_to(target) or target.is_mount():
        raise UserError(f"{flag}: {text} is in use and would be replaced as a whole; name a folder in it")
    refuse_unwritable(target.parent)
    return target


def copy_best(  # noqa: PLR0913 - by name
    runs: tuple[Run, ...],
    selection: Selection,
    work_dir: Path,
    target: Path,
    *,
    server: bool = False,
    layout: Layout | None = None,
) -> None:
    """Copy the artifact of the best candidate from below ``work_dir`` to ``target``; raises UserError where there is none.

    With ``server`` a server is beside it; with ``layout`` it is as another server loads it.
    """
    assert selection.best
    best = selection.best.variant
    run, variant = of_pair(runs, best) if len(runs) > 1 else (runs[0], best)
    artifact = find_artifact(run, variant, work_dir).path
    if layout:
        _write_layout(run, selection, artifact, target, layout)
    else:
        write_best(run, selection, artifact, target, server=server)


def write_best(run: Run, selection: Selection, artifact: Path, target: Path, *, server: bool = False) -> None:
    """Copy the ``artifact`` of the best variant to ``target``, whole or not at all, with an example and the evidence."""
    setup = setup_of(run, read_manifest(artifact)["variant"]) if server else None
    with whole_folder(target) as out_dir:
        shutil.copytree(artifact, out_dir, dirs_exist_ok=True)
        write_example(out_dir)
        if server:
            write_server(out_dir, out_dir, setup)
        _write_evidence(run, selection, out_dir)
    call = example_call(target)
    if server:
        call = f"deploybench serve {shlex.quote(str(target))}"
    _say_written(target, call)
    if setup:
        instances = f"{counted(setup['instances'], 'instance')} of {counted(setup['threads'], 'thread')}"
        batches = f"batches of up to {setup['max_batch']}" if setup["max_batch"] > 1 else "each text by itself"
        say(f"it serves as its rate was measured: {instances}, {batches}")


def _write_layout(run: Run, selection: Selection, artifact: Path, target: Path, layout: Layout) -> None:
    with whole_folder(target) as out_dir:
        remarks = write_layout(layout, artifact, out_dir, run.plan.threads)
        _write_evidence(run, selection, out_dir)
    _say_written(target, layout.start.format(folder=shlex.quote(str(target))))
    for remark in remarks:
        say(f"{layout.title}: {remark}")


def _write_evidence(run: Run, selection: Selection, out_dir: Path) -> None:
    write_evidence(out_dir / EVIDENCE, evidence_of(run, selection))
    read_evidence(out_dir / EVIDENCE)  # nothing is replaced by a folder whose evidence cannot be read


def _say_written(target: Path, call: str) -> None:
    say(f"written: {target}, with its evidence in {EVIDENCE}{f'; try: {call}' if call else ''}")
