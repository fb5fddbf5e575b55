"""What serves an artifact: whether it is whole, its tokenizer, and what its outputs mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..artifacts.artifact import changed_file, read_artifact
from ..artifacts.catalogue import check_variant_name
from ..checkpoints.tokenization import Pad, Tokeniser, read_fast, reads_pairs
from ..errors import UserError
from ..head import Head
from ..variant import MANIFEST, TOKENIZER

if TYPE_CHECKING:
    from pathlib import Path

    from ..artifacts.artifact import Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A whole artifact, and how texts become its inputs and its logits labels."""

    artifact: Artifact
    head: Head  # what its outputs mean
    tokeniser: Tokeniser
    pad: Pad | None  # None: its tokenizer.json does not say, so that texts are run alone
    pairs: bool  # whether it reads pairs of texts


def read_served(folder: Path) -> Served:
    """What serves the artifact in ``folder``; loads no model runtime. Raises UserError where there is no whole artifact."""
    artifact = whole_artifact(folder)
    fast = read_fast(folder / TOKENIZER)
    limit, padding = (fast.truncation or {}).get("max_length"), fast.padding
    return Served(
        artifact=artifact,
        head=head_of(read_manifest(folder)),
        tokeniser=Tokeniser(folder / TOKENIZER, limit),
        pairs=reads_pairs(folder / TOKENIZER),
        pad=Pad(padding["pad_id"], padding["direction"], padding["pad_type_id"]) if padding else None,
    )


def whole_artifact(folder: Path) -> Artifact:
    """The artifact in ``folder``, whose files are those that were exported; raises UserError otherwise."""
    if not (folder / MANIFEST).is_file():
        raise UserError(
            f"{folder}: no artifact, there is no {MANIFEST} in it; expected a folder of: deploybench recommend RUN --copy-to DIR"
        )
    artifact = read_artifact(folder)
    if artifact is None:
        raise UserError(
            f"{folder}: this artifact is not whole: a file is missing or truncated, or another version wrote it; export it again"
        )
    changed = changed_file(folder)
    if changed:
        raise UserError(f"{folder}: {changed} is not what was exported: its content was changed; export it again")
    check_variant_name(artifact.variant)
    return artifact


def head_of(manifest: dict[str, Any]) -> Head:
    """What the outputs of an artifact mean; one that was exported before there were other tasks has single labels."""
    return Head(
        task=manifest.get("task", "single-label"),
        labels=tuple(manifest.get("labels", ())),
        thresholds=tuple(manifest.get("thresholds", ())),
        sigmoid=manifest.get("sigmoid", False),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of the manifest in ``folder``."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found
