"""Export and check the variants of one model: each has an artifact, or the reason why it failed."""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ...exporters.artifacts.artifact import export_artifact, read_artifact
from ...exporters.artifacts.catalogue import default_variants, find_variant, left_out_variants
from ...exporters.artifacts.plugins import broken_plugins
from ...exporters.errors import DeploybenchError, UserError
from ...exporters.packages import absent, missing
from ...exporters.variant import REFERENCE
from ..console import note, progress
from ..machine.cpu import cpu_features
from ..runs.store import VariantInfo
from ..units import counted
from ..worker.client import call_in_child
from .checkpoints import own_name
from .forecast import export_part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from ...exporters.artifacts.artifact import Artifact, Origin
    from ...exporters.checkpoints.checkpoint import Checkpoint
    from .checks import Checks
    from .options import Options


class Exported(NamedTuple):
    """What became of the variants of one model."""

    artifacts: dict[str, Artifact]  # that may be measured
    variants: dict[str, VariantInfo]
    unneeded: dict[str, list[str]]  # variants that are the same as another of them, by reason


class ReferenceFailedError(UserError):
    """The reference of a model cannot be exported or run, so nothing of the model can be measured; ``reason`` has no name."""

    def __init__(self, model: str, error: DeploybenchError) -> None:
        self.reason = str(error)
        super().__init__(f"{model}: the reference cannot be run: {error}")


def export_variants(options: Options, checkpoint: Checkpoint, origin: Origin, checks: Checks) -> Exported:
    """Export and check every variant; raises ReferenceFailedError.

    A variant that cannot be exported, or that fails the parity check, raises nothing: its ``VariantInfo`` has the reason.
    """
    root = artifacts_folder(options, checkpoint)
    artifacts, variants = {}, {}
    unneeded: dict[str, list[str]] = {}
    of_model = f" of {options.model}" * bool(options.model)
    what = f"exporting and checking {counted(len(options.variants), 'variant')}{of_model}"
    with progress(what, len(options.variants), export_part(options)) as bar:
        for name in options.variants:
            try:
                artifact = _export(name, origin, root, options.threads)
                if artifact.unneeded and find_variant(name).base in options.variants:
                    unneeded.setdefault(artifact.unneeded, []).append(name)
                else:
                    variants[name] = checks.check(artifact)
                    artifacts[name] = artifact
            except UserError:
                raise
            except DeploybenchError as error:
                if name == REFERENCE:  # every other variant is compared with it
                    raise ReferenceFailedError(checkpoint.name, error) from error
                variants |= failed_variants([name], str(error))
            bar.advance()
    return Exported(artifacts, variants, unneeded)


def say_unneeded(unneeded: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """A line for each reason why variants are left out: by model, then reason. What is so in all models is said once."""
    every = dict.fromkeys((reason, *names) for found in unneeded.values() for reason, names in found.items())
    for reason, *names in every:
        models = [model for model, found in unneeded.items() if found.get(reason) == names]
        of = f" of {', '.join(models)}" * (len(models) < len(unneeded))
        note(f"left out{of}: {', '.join(names)}: {reason}")


@cache
def note_broken_plugins() -> None:
    """Print once which installed plugins are left out, and why."""
    for problem in broken_plugins():
        note(f"left out: {problem}")


def note_absent_packages(variants: Collection[str]) -> None:
    """Print which default variants are left out because packages are not installed, unless ``variants`` was chosen by name."""
    features = cpu_features()
    left_out = left_out_variants(features)
    if left_out and {*default_variants(features)} <= {*variants}:
        note(f"left out: {', '.join(left_out)}: {missing(absent(chain(*left_out.values())))}")


def failed_variants(names: Sequence[str], why: str) -> dict[str, VariantInfo]:
    """Variants that failed as a whole."""
    found = {name: find_variant(name) for name in names}
    return {
        name: VariantInfo(
            runtime=one.runtime,
            precision=one.precision,
            deprecated=one.deprecated,
            another_model=one.another_model,
            failed=why,
        )
        for name, one in found.items()
    }


def artifacts_folder(options: Options, checkpoint: Checkpoint) -> Path:
    """Folder of the artifacts of a checkpoint; the name that a run gives the model changes nothing."""
    name = own_name(options) if options.model else checkpoint.name
    name = f"{name.replace('/', '--').replace(':', '-')}-{checkpoint.sha256[:8]}"
    return options.artifacts or options.work_dir / "artifacts" / name


def _export(name: str, origin: Origin, root: Path, threads: int) -> Artifact:
    """Export in a new process: exporters leave memory, threads and settings behind."""
    label = f"exporting {name}"
    artifact: Artifact = call_in_child(export_artifact, name, origin, root, threads=threads, label=label, forked=True)
    assert read_artifact(artifact.path) is not None
    return artifact
