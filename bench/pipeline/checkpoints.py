"""Find a checkpoint: a folder, a Hub id, an architecture with random weights, or the demonstration, which is trained first."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.artifacts.source import source_digest
from ...exporters.checkpoints.architectures import PREFIX, build_architecture, check_architecture
from ...exporters.checkpoints.checkpoint import PICKLED_FILE, Checkpoint, is_pickled, read_checkpoint
from ...exporters.checkpoints.hub import fetch_checkpoint
from ...exporters.checkpoints.inputs import read_inputs, write_inputs
from ...exporters.checkpoints.pickled import convert_pickled
from ...exporters.checkpoints.tokenization import INPUTS_FILE
from ...exporters.errors import CheckpointError
from ...exporters.files import sha256_file, whole_folder
from ...exporters.packages import require
from ...exporters.training.recipe import read_recipe
from ...exporters.training.train import train
from ..console import note, stage
from ..texts.demonstration import corpus
from ..worker.client import call_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...exporters.checkpoints.inputs import Inputs
    from ...exporters.texts import Text
    from .options import Options

DEMONSTRATION = "demonstration"


def find_checkpoint(options: Options) -> Checkpoint:
    """The checkpoint that ``options.checkpoint`` names; raises CheckpointError if it is missing or cannot be used."""
    found = _find(options)
    return replace(found, name=options.model) if options.model else found


def own_name(options: Options) -> str:
    """The name of the checkpoint where the run gives it none: the folder's, else what was asked for."""
    asked = options.checkpoint or DEMONSTRATION
    return Path(asked).resolve().name if Path(asked).exists() else asked


def _find(options: Options) -> Checkpoint:
    asked = options.checkpoint or ""
    if asked.startswith(PREFIX):
        return _architecture(asked.removeprefix(PREFIX), options)
    folder = Path(asked)
    name = None
    if not folder.exists():
        if asked.startswith((".", "/", "~")) or asked.count("/") > 1:
            raise CheckpointError(f"{asked}: does not exist, expected the folder of a fine-tuned sequence classifier")
        folder, name = fetch_checkpoint(asked, allow_pickle=options.allow_pickle), asked
    if is_pickled(folder) and options.allow_pickle:
        folder, name = unpickled(folder, options), name or folder.resolve().name
    return read_checkpoint(folder, name)


def find_inputs(options: Options, checkpoint: Checkpoint, texts: Sequence[Text]) -> Inputs:
    """How the checkpoint tokenizes, truncates and pads; found once, checked on ``texts``, its notes printed each time."""
    code = source_digest("deploybench.exporters.checkpoints.inputs")[:8]
    versions = "-".join(version(name) for name in ("transformers", "tokenizers"))
    kind = "single" if not texts or isinstance(texts[0], str) else "pairs"
    folder = options.work_dir / "inputs" / f"{checkpoint.sha256[:16]}-{kind}-{code}-{versions}"
    if not (folder / INPUTS_FILE).is_file():
        with whole_folder(folder) as out_dir:
            call_in_child(
                write_inputs,
                checkpoint,
                texts,
                out_dir,
                threads=options.threads,
                label="loading the checkpoint",
                forked=True,
            )
    found = read_inputs(folder)
    for remark in found.notes:
        note(f"{checkpoint.name}: {remark}")
    return found


def demonstration(options: Options) -> Checkpoint:
    """The default: a small ALBERT, trained once on the bundled corpus by the bundled recipe."""
    recipe = read_recipe(DEMONSTRATION)
    texts, labels = corpus.corpus("train")
    digest = hashlib.sha256(json.dumps([repr(recipe), texts, labels]).encode()).hexdigest()[:8]
    folder = options.work_dir / "checkpoints" / f"{DEMONSTRATION}-{digest}"
    if not folder.is_dir():
        require(DEMONSTRATION, "train")
        with stage("no checkpoint was given: training a small demonstration ALBERT"):
            call_in_child(
                train,
                recipe,
                threads=options.threads,
                visible=sys.stderr.isatty(),
                keywords={
                    "texts": texts,
                    "labels": labels,
                    "label_names": corpus.LABELS,
                    "out_dir": folder,
                    "evaluation": {"in_domain": corpus.corpus("test"), "external": corpus.corpus("external")},
                    "tokenizer_dir": None,
                    "progress": True,
                },
            )
    return read_checkpoint(folder, DEMONSTRATION)


def _architecture(name: str, options: Options) -> Checkpoint:
    check_architecture(name)
    folder = options.work_dir / "checkpoints" / f"arch-{name}"
    if not folder.is_dir():
        texts = corpus.corpus("train")[0]
        with whole_folder(folder) as out_dir:
            call_in_child(build_architecture, name, texts, out_dir, threads=options.threads, forked=True)
    return read_checkpoint(folder, PREFIX + name)


def unpickled(folder: Path, options: Options, convert: Callable[[Path, Path], None] = convert_pickled) -> Path:
    """The checkpoint with its pickled weights converted to safetensors by ``convert``, once per content."""
    digest = sha256_file(folder / PICKLED_FILE)[:8]
    converted = options.work_dir / "checkpoints" / f"{folder.resolve().name}-{digest}"
    if not converted.is_dir():
        with whole_folder(converted) as out_dir:
            call_in_child(convert, folder, out_dir, threads=options.threads, forked=True)
    return converted
