"""Make the two sides of a duel, from artifact folders, checkpoints, git revisions, or Python environments."""

from __future__ import annotations

import contextlib
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ....exporters.errors import CheckpointError, UserError
from ....exporters.serving.served import whole_artifact
from ....exporters.variant import MANIFEST
from ...console import say
from ...pipeline.prepare import prepare
from .environments import Environment, environments
from .exporting import Exporter, most_tokens
from .revisions import is_revision, revision_sides
from .side import Side, side_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...pipeline.options import Options


@contextmanager
def two_sides(
    names: tuple[str, str], options: Options, variants: tuple[str, ...], pythons: tuple[str, str] | None = None
) -> Iterator[tuple[Side, Side]]:
    """Both sides with ``variants``, exported if necessary; worktrees of git revisions are removed at the end.

    ``pythons``: interpreters of the environments that export and run the sides, instead of this process's. Raises UserError for a
    name that is no artifact, no checkpoint and, with ``--checkpoint``, no revision, and for an environment that lacks a package.
    """
    with contextlib.ExitStack() as stack:
        if pythons:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deploybench-duel-")))
            made = [_folder(name, variants) for name in names]
            runs = [
                variants if side is None else tuple(one.variant for one in side.artifacts.values()) for side in made
            ]
            found = stack.enter_context(environments(pythons, runs))
            sides = [
                _in_environment(
                    one, side or _exported(one, replace(options, checkpoint=name), variants, scratch / mark)
                )
                for mark, name, side, one in zip("ab", names, made, found, strict=True)
            ]
        elif options.checkpoint is not None:
            sides = [stack.enter_context(one) for one in revision_sides(names, options, variants)]
        else:
            sides = [_folder_or_checkpoint(name, options, variants) for name in names]
        base, contender = sides
        if set(base.artifacts) != set(contender.artifacts):
            base, contender = _same_name(base, contender)
        yield base, contender


def _same_name(base: Side, contender: Side) -> tuple[Side, Side]:
    """Give two artifacts of different variants one name, so that they are one row."""
    if len(base.artifacts) != 1 or len(contender.artifacts) != 1:
        raise UserError(
            f"{base.name} has {', '.join(base.artifacts)}, {contender.name} has {', '.join(contender.artifacts)}; "
            "expected the same variants, or one each: pass --variants"
        )
    (one,), (other,) = base.artifacts.values(), contender.artifacts.values()
    name = "A against B"
    return replace(base, artifacts={name: one}), replace(contender, artifacts={name: other})


def _exported(environment: Environment, options: Options, variants: tuple[str, ...], scratch: Path) -> Side:
    """What the environment exports of the checkpoint."""
    name, max_length = str(options.checkpoint), most_tokens(options)
    say(f"{name}: exporting with {environment.name}")
    exporter = Exporter(name=f"{name}: {environment.name}", interpreter=environment.interpreter)
    return side_of(name, exporter.export(options, variants, scratch), max_length)


def _in_environment(environment: Environment, side: Side) -> Side:
    """The side, called after the environment that runs it."""
    return replace(side, name=environment.name, interpreter=environment.interpreter, environment=environment)


def _folder_or_checkpoint(name: str, options: Options, variants: tuple[str, ...]) -> Side:
    return _folder(name, variants) or _checkpoint(name, options, variants)


def _folder(name: str, variants: tuple[str, ...]) -> Side | None:
    """The side of an artifact, or of several in a folder; None for another folder."""
    folder = Path(name)
    if (folder / MANIFEST).is_file():
        artifact = whole_artifact(folder)
        return side_of(name, {artifact.variant: artifact})
    within = [variant for variant in variants if (folder / variant / MANIFEST).is_file()]
    if within:  # what ``export --output`` writes
        missing = next((variant for variant in variants if variant not in within), None)
        if missing:
            raise UserError(f"{name}: has no artifact of {missing}, only of {', '.join(within)}; export it as well")
        return side_of(name, {variant: whole_artifact(folder / variant) for variant in within})
    return None


def _checkpoint(name: str, options: Options, variants: tuple[str, ...]) -> Side:
    try:
        prepared = prepare(replace(options, checkpoint=name))
    except CheckpointError as error:
        if not Path(name).exists() and is_revision(name):
            raise UserError(
                f"{name}: to compare git revisions, pass the checkpoint to deploy with --checkpoint"
            ) from error
        raise
    for variant in variants:
        if variant not in prepared.artifacts:
            raise UserError(f"{name}: {variant} cannot be measured: {prepared.variants[variant].failed}")
    return side_of(name, {variant: prepared.artifacts[variant] for variant in variants}, prepared.inputs.max_length)
