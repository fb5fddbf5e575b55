"""An artifact: the folder that an export writes; self-contained, complete or absent, reused when nothing has changed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..cascades.certified import BOUND
from ..checkpoints.checkpoint import read_config
from ..checkpoints.tokenization import FAST_FILE, cut_texts_at, ids_to_json, reads_pairs, reads_types
from ..files import sha256_file, sha256_json, whole_folder
from ..head import SINGLE_LABEL
from ..variant import CONFIG, MANIFEST, TOKENIZER, ExportJob
from .catalogue import find_variant, variant_module
from .source import source_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..checkpoints.tokenization import Ids
    from ..head import Head
    from ..variant import TrainingTexts, Variant

SCHEMA_VERSION = 1
FEW = 32  # calibration texts: with fewer, ranges fit these texts only, and one changed label is within the tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One variant of one checkpoint on disk."""

    path: Path
    variant: str
    fingerprint: str
    size: int  # bytes of the files that the runtime reads: neither tokenizer nor manifest
    notes: tuple[str, ...] = ()  # remarks for the user, by its export
    unneeded: str = ""  # why it is the same as another and need not be measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Sources of an artifact."""

    checkpoint: Path
    checkpoint_sha256: str
    tokenizer: Path  # folder with tokenizer.json, as it will be served
    calibration: tuple[Ids, ...]
    calibration_source: str  # "training texts"
    max_length: int | None = None  # most tokens that the model takes; None: unknown
    scoring_length: int | None = None  # tokens that texts are truncated to when accuracy is measured
    head: Head = SINGLE_LABEL  # what its outputs mean
    training: TrainingTexts | None = None  # of variants that are another model; None: there are no such texts
    held_out: tuple[Ids, ...] = ()  # texts that certify a cascade, as they are read
    bound: float = BOUND  # share of texts that a cascade may give another class than its last stage


def export_artifact(name: str, origin: Origin, root: Path) -> Artifact:
    """Export variant ``name``, and its base variant, below ``root``, unless an artifact with the same fingerprint is there.

    Raises DiskFullError; other errors of libraries pass through unchanged.
    """
    variant = find_variant(name)
    base = export_artifact(variant.base, origin, root) if variant.base else None
    stages = [export_artifact(one, origin, root) for one in variant.stages]
    facts = _facts(name, variant, origin, base, stages)
    folder = root / name
    found = read_artifact(folder)
    if found is not None and found.fingerprint == sha256_json(facts):
        return found
    with whole_folder(folder) as out_dir:
        job = ExportJob(
            checkpoint=origin.checkpoint,
            out_dir=out_dir,
            bases=_bases(variant, root),
            tokenizer=origin.tokenizer,
            calibration=origin.calibration if variant.calibrates else (),
            training=origin.training if variant.another_model else None,
            stages=tuple(one.path for one in stages),
            held_out=origin.held_out if variant.stages else (),
            bound=origin.bound,
        )
        if variant.calibrates and len(origin.calibration) < FEW:
            job.notes.append(f"calibrated with {len(origin.calibration)} texts only, expected {FEW} or more")
        variant.export(job)
        _complete(out_dir, facts, job, origin)
    written = read_artifact(folder)
    assert written is not None
    return written


def read_artifact(folder: Path) -> Artifact | None:
    """The artifact in ``folder``, or None if there is none or a file is missing or of another size."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema_version"] != SCHEMA_VERSION:
            return None
        if any((folder / name).stat().st_size != file["size"] for name, file in manifest["files"].items()):
            return None
        return Artifact(
            path=folder,
            variant=manifest["variant"],
            fingerprint=manifest["fingerprint"],
            size=sum(file["size"] for file in manifest["files"].values()),
            notes=tuple(manifest.get("notes", ())),
            unneeded="; ".join(manifest.get("unneeded", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # JSON of another shape is no manifest
        return None


def holds_artifact_alone(folder: Path, *more: str) -> bool:
    """Whether ``folder`` contains only what an export wrote and files named in ``more``, so that it may be replaced."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = {CONFIG, MANIFEST, TOKENIZER, *(name.partition("/")[0] for name in manifest["files"]), *more}
        return "fingerprint" in manifest and all(one.name in known for one in folder.iterdir())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def model_files(folder: Path) -> list[Path]:
    """The files of a complete artifact that the runtime reads: neither tokenizer nor manifest."""
    return [folder / name for name in json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]]


def changed_file(folder: Path) -> str:
    """The first file of a complete artifact whose content has changed since its export, or an empty string."""
    files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    return next((name for name, file in files.items() if sha256_file(folder / name) != file.get("sha256")), "")


def _bases(variant: Variant, root: Path) -> tuple[Path, ...]:
    """The artifacts that an artifact of ``variant`` is exported from, the nearest first."""
    return (root / variant.base, *_bases(find_variant(variant.base), root)) if variant.base else ()


def _facts(
    name: str, variant: Variant, origin: Origin, base: Artifact | None, stages: Sequence[Artifact]
) -> dict[str, Any]:
    """Everything that decides what an export writes: the content of the fingerprint."""
    return {
        "schema_version": SCHEMA_VERSION,
        "variant": name,
        "runtime": variant.runtime,
        "precision": variant.precision,
        "checkpoint_sha256": origin.checkpoint_sha256,
        "base": base.fingerprint if base else None,
        **(_certified(origin, stages) if stages else {}),
        "calibration": sha256_json([*map(ids_to_json, origin.calibration)]) if variant.calibrates else None,
        "calibration_source": origin.calibration_source if variant.calibrates else None,
        "training": _training(origin.training) if variant.another_model and origin.training else None,
        "max_length": origin.max_length,
        "scoring_length": origin.scoring_length,
        **asdict(origin.head),
        "tokenizer_sha256": sha256_file(origin.tokenizer / FAST_FILE),
        "typed": reads_types(origin.tokenizer),
        "pairs": reads_pairs(origin.tokenizer),
        "source_sha256": source_digest(__name__, variant_module(name), *filter(None, [variant.trace])),
        "versions": {package: importlib.metadata.version(package) for package in variant.packages},
    }


def _certified(origin: Origin, stages: Sequence[Artifact]) -> dict[str, Any]:
    return {
        "stages": [one.fingerprint for one in stages],
        "held_out": sha256_json([*map(ids_to_json, origin.held_out)]),
        "bound": origin.bound,
    }


def _training(texts: TrainingTexts) -> dict[str, Any]:
    labelled = texts.labels is not None
    return {"sha256": texts.sha256, "source": texts.source, "texts": len(texts.lengths), "labelled": labelled}


def _complete(out_dir: Path, facts: dict[str, Any], job: ExportJob, origin: Origin) -> None:
    """Add tokenizer, configuration and manifest to the exported files."""
    files = {
        file.relative_to(out_dir).as_posix(): {"size": file.stat().st_size, "sha256": sha256_file(file)}
        for file in sorted(out_dir.rglob("*"))
        if file.is_file()
    }
    shutil.copytree(origin.tokenizer, out_dir / TOKENIZER)
    if origin.scoring_length:
        cut_texts_at(origin.scoring_length, out_dir / TOKENIZER)
    if CONFIG not in files:  # else PyTorch's variants read their own
        config = {name: value for name, value in read_config(origin.checkpoint).items() if name != "_name_or_path"}
        (out_dir / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    said = {"notes": job.notes, "unneeded": job.unneeded}
    manifest = {**facts, "fingerprint": sha256_json(facts), **said, "files": files}
    with (out_dir / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
