"""Git revisions of this product as sides of a duel: each exports and loads a checkpoint with its own code."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .... import bench
from ....exporters.errors import UserError
from ...console import say
from ...machine.git import git
from ...worker.interpreter import Interpreter
from .exporting import PROGRAM, Exporter, last_line, most_tokens
from .side import Side, side_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from ...pipeline.options import Options

_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")  # hooks of the repository are meant for its users' checkouts
_HASH = 10  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Revision:
    name: str  # as it was given
    commit: str

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:_HASH]})"


def revision_sides(
    names: tuple[str, str], options: Options, variants: tuple[str, ...]
) -> list[AbstractContextManager[Side]]:
    """A context manager of the side of each revision; raises UserError for an unknown revision or checkpoint."""
    revisions = [_Revision(name=name, commit=_commit(name)) for name in names]
    max_length = most_tokens(options)
    if _git("status", "--porcelain", "--untracked-files=no").stdout.strip():
        say("uncommitted changes are in neither revision")
    return [_built(one, options, variants, max_length) for one in revisions]


def is_revision(name: str) -> bool:
    """Whether git finds a commit of that name in this folder's repository."""
    try:
        _commit(name)
    except UserError:
        return False
    return True


def _commit(name: str) -> str:
    if _git("rev-parse", "--git-dir").returncode:
        raise UserError("there is no git repository here; with --checkpoint, A and B are revisions of this product")
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if found.returncode:
        folder = "; without it, that folder can be measured" if Path(name).is_dir() else " such as HEAD~1 and HEAD"
        raise UserError(f"{name}: git knows no such revision; with --checkpoint, A and B are revisions{folder}")
    return found.stdout.strip()


@contextmanager
def _built(revision: _Revision, options: Options, variants: tuple[str, ...], max_length: int | None) -> Iterator[Side]:
    """The side of a revision: what its own ``exporters`` exported, and where these are, to load it with."""
    say(f"{revision.name}: exporting with {revision.commit[:_HASH]}")
    with tempfile.TemporaryDirectory(prefix="deploybench-duel-") as scratch:
        tree, code, artifacts = (Path(scratch, part) for part in ("tree", "code", "artifacts"))
        try:
            added = _git(*_NO_HOOKS, "worktree", "add", "--detach", str(tree), revision.commit)
            if added.returncode:
                raise UserError(f"{revision.name}: git cannot check it out: {last_line(added.stderr)}")
            if not ((tree / "bench" / "cli.py").is_file() and (tree / "exporters").is_dir()):
                raise UserError(
                    f"{revision.name}: no revision of deploybench, expected bench/cli.py and exporters/ in it"
                )
            _use_exporters_of(tree, code)
            exporter = Exporter(
                name=f"{revision.name}: this revision",
                interpreter=Interpreter(code=tree),
                program=PROGRAM if _is_one_package(tree) else "bench.cli",
            )
            whole = exporter.export(options, variants, artifacts)
            yield side_of(str(revision), whole, max_length, interpreter=Interpreter(code=code))
        finally:
            _git("worktree", "remove", "--force", "--force", str(tree))  # twice: an incomplete one is locked


def _use_exporters_of(tree: Path, code: Path) -> None:
    """Make the folder ``code`` so that a worker has the ``exporters`` of ``tree``, and all else of this process."""
    package = code / "deploybench"
    package.mkdir(parents=True)
    ours = Path(bench.__path__[0]).parent
    (package / "__init__.py").symlink_to(ours / "__init__.py")
    (package / "bench").symlink_to((ours / "bench").resolve())
    (package / "exporters").symlink_to(tree / "exporters")
    if not _is_one_package(tree):
        (code / "exporters").symlink_to(tree / "exporters")


def _is_one_package(tree: Path) -> bool:
    """Whether ``bench`` and ``exporters`` are imported from ``deploybench``; until 2026-11-29 they were packages themselves."""
    return (tree / "deploybench").is_dir()


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return git(*arguments)
    except OSError as error:
        raise UserError(f"git cannot be started ({error.strerror}); to compare revisions, install it") from error
