"""What the two sides of a duel are: artifact folders, checkpoints, or git revisions that each build and load a checkpoint."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.prepare import prepare
from bench.progress import say
from exporters.artifact import MANIFEST, TOKENIZER, read_artifact
from exporters.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.options import Options
    from exporters.artifact import Artifact

_UNBOUNDED = 100_000  # tokenizers without a limit say 1e30


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side: artifacts that answer to the same names as the other side's."""

    name: str  # as it was given
    artifacts: Mapping[str, Artifact]  # by variant
    tokenizer: Path  # folder with tokenizer.json
    max_length: int | None  # tokens, where it is known
    code: Path | None = None  # folder whose ``exporters`` loads the artifacts; None: the ones of this process


@contextmanager
def two_sides(names: tuple[str, str], options: Options, variants: tuple[str, ...]) -> Iterator[tuple[Side, Side]]:
    """Both sides with ``variants``, built where they must be; what git revisions need is taken away at the end.

    Raises UserError for what is neither an artifact nor a checkpoint nor, with ``--checkpoint``, a revision.
    """
    with contextlib.ExitStack() as stack:
        if options.checkpoint is not None:
            revisions = [_Revision(name=name, commit=_commit(name)) for name in names]
            sides = [stack.enter_context(_built(one, options, variants)) for one in revisions]
        else:
            sides = [_folder_or_checkpoint(name, options, variants) for name in names]
        base, contender = sides
        if set(base.artifacts) != set(contender.artifacts):
            base, contender = _same_name(base, contender)
        yield base, contender


def _same_name(base: Side, contender: Side) -> tuple[Side, Side]:
    """Two artifacts of different variants are one row: which of the two ways is better is then the question."""
    if len(base.artifacts) != 1 or len(contender.artifacts) != 1:
        raise UserError(
            f"{base.name} has {', '.join(base.artifacts)}, {contender.name} has {', '.join(contender.artifacts)}; "
            "expected the same variants, or one each: pass --variants"
        )
    (one,), (other,) = base.artifacts.values(), contender.artifacts.values()
    name = "A against B"
    return replace(base, artifacts={name: one}), replace(contender, artifacts={name: other})


def _folder_or_checkpoint(name: str, options: Options, variants: tuple[str, ...]) -> Side:
    folder = Path(name)
    if (folder / MANIFEST).is_file():
        artifact = read_artifact(folder)
        if artifact is None:
            raise UserError(f"{name}: this artifact is not whole, a file is gone or cut; export it again")
        return _side(name, {artifact.variant: artifact})
    prepared = prepare(replace(options, checkpoint=name))
    for variant in variants:
        if variant not in prepared.artifacts:
            raise UserError(f"{name}: {variant} cannot be measured: {prepared.variants[variant].failed}")
    return _side(name, {variant: prepared.artifacts[variant] for variant in variants})


def _side(name: str, artifacts: Mapping[str, Artifact], code: Path | None = None) -> Side:
    tokenizer = next(iter(artifacts.values())).path / TOKENIZER
    return Side(name=name, artifacts=artifacts, tokenizer=tokenizer, max_length=_max_length(tokenizer), code=code)


def _max_length(tokenizer: Path) -> int | None:
    """The most tokens that the model takes, as its tokenizer says; None where it does not."""
    try:
        length = json.loads((tokenizer / "tokenizer_config.json").read_text(encoding="utf-8"))["model_max_length"]
    except (OSError, ValueError, KeyError):
        return None
    return int(length) if length < _UNBOUNDED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Revision:
    name: str  # as it was given
    commit: str


def _commit(name: str) -> str:
    found = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if found.returncode:
        raise UserError(
            f"{name}: git knows no such revision; with --checkpoint, A and B are revisions such as HEAD~1 and HEAD"
        )
    return found.stdout.strip()


@contextmanager
def _built(revision: _Revision, options: Options, variants: tuple[str, ...]) -> Iterator[Side]:
    """What a revision of this product makes of the checkpoint, and its own ``exporters`` to load it with."""
    say(f"{revision.name}: exporting with {revision.commit[:10]}")
    with tempfile.TemporaryDirectory(prefix="deploybench-duel-") as scratch:
        tree, code, artifacts = (Path(scratch, part) for part in ("tree", "code", "artifacts"))
        added = _git("worktree", "add", "--detach", str(tree), revision.commit)
        if added.returncode:
            raise UserError(f"{revision.name}: git cannot check it out: {added.stderr.strip().splitlines()[-1]}")
        try:
            code.mkdir()
            (code / "exporters").symlink_to(tree / "exporters")
            _export_with(tree, options, variants, artifacts)
            found = {variant: read_artifact(artifacts / variant) for variant in variants}
            lost = [variant for variant, one in found.items() if one is None]
            if lost:
                raise UserError(f"{revision.name}: that revision does not export {lost[0]}; the lines above say why")
            yield _side(revision.name, {variant: one for variant, one in found.items() if one}, code)
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _export_with(tree: Path, options: Options, variants: tuple[str, ...], artifacts: Path) -> None:
    """Let the revision's own command export, in a process that imports nothing of this one's code."""
    command = [sys.executable, "-P", "-m", "bench.cli", "export", f"--checkpoint={options.checkpoint}"]
    command += [f"--variants={','.join(variants)}", f"--output={artifacts}", f"--threads={options.threads}"]
    command += [f"--work-dir={options.work_dir}"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tree)}, stdout=subprocess.DEVNULL, check=False)


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S607 - the user's own
