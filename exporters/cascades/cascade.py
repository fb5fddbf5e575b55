"""The variant that a cascade is: exported from the artifacts of its stages, and certified on held-out texts."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoints.checkpoint import head_of
from ..checkpoints.tokenization import Pad, ids_to_json, padded_batch
from ..errors import ExportError
from ..files import sha256_json
from ..runtimes.feed import INPUTS
from ..variant import TOKENIZER, Variant
from .answering import answer_in_stages, chance_of_class, shortened
from .certified import CONFIDENCE, NEVER, certify, fewest_texts
from .program import CASCADE_FILE, program_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..checkpoints.tokenization import Ids
    from ..variant import ExportJob, Float32Array, Int64Array, Predictor
    from . import answering
    from .names import Stage

RUNTIME = "cascade"


def cascade(stages: Sequence[Stage], find: Callable[[str], Variant]) -> Variant:
    """The variant with these ``stages``, of which ``find`` gives each variant."""
    variants = [find(one.variant) for one in stages]
    last = variants[-1]
    programs = [one.program for one in variants]
    return Variant(
        runtime=RUNTIME,
        precision=last.precision,
        packages=tuple(dict.fromkeys(package for one in variants for package in one.packages)),
        imports=tuple(dict.fromkeys(module for one in variants for module in one.imports)),
        export=partial(_export, stages, variants),
        load=partial(_load, variants),
        program=program_of([one for one in programs if one]) if all(programs) else None,
        min_agreement=0.9,
        base=stages[-1].variant,
        stages=tuple(one.variant for one in stages[:-1]),
        default=False,
    )


def _export(stages: Sequence[Stage], variants: Sequence[Variant], job: ExportJob) -> None:
    folders = [*job.stages, job.base]
    task = head_of(job.checkpoint).task
    if task != "single-label":
        raise ExportError(
            f"is a {task} model, expected one class for each text: only of a class a stage is sure or not"
        )
    share, level = job.bound / (len(stages) - 1), 1 - (1 - CONFIDENCE) / (len(stages) - 1)
    fewest = fewest_texts(share, level)
    if len(job.held_out) < fewest:
        raise ExportError(
            f"found {len(job.held_out)} held-out texts, expected {fewest} or more to bound other classes by {job.bound:.1%}: "
            "validation texts that deploybench train leaves, or --unlabelled FILE"
        )
    for folder in dict.fromkeys(folders):
        shutil.copytree(folder, job.out_dir / folder.name, ignore=shutil.ignore_patterns(TOKENIZER))
    threads = len(os.sched_getaffinity(0))
    loaded = {folder: variant.load(folder, threads) for folder, variant in zip(folders, variants, strict=True)}
    answers = [_answers(loaded[folder], stage, job.held_out) for folder, stage in zip(folders, stages, strict=True)]
    classes = answers[-1].argmax(axis=1)
    certified = [
        certify(chance_of_class(one), one.argmax(axis=1) != classes, bound=share, confidence=level)
        for one in answers[:-1]
    ]
    facts = {
        "stages": [
            {"name": stage.name, "folder": folder.name, "tokens": stage.tokens, **(asdict(found) if found else {})}
            for stage, folder, found in zip(stages, folders, [*certified, None], strict=True)
        ],
        "bound": job.bound,
        "confidence": CONFIDENCE,
        "texts": len(job.held_out),
        "texts_sha256": sha256_json([*map(ids_to_json, job.held_out)]),
    }
    (job.out_dir / CASCADE_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    if not any(one.answered for one in certified):
        job.unneeded.append(f"no stage is sure enough of a text to answer it; {stages[-1].name} answers all")
    job.notes.extend(_notes(stages, answers, [one.threshold for one in certified], job))


def _notes(
    stages: Sequence[Stage], answers: Sequence[Float32Array], thresholds: Sequence[float], job: ExportJob
) -> list[str]:
    """What it promises, and which stage answers how many of the held-out texts."""
    left = np.ones(len(job.held_out), dtype=bool)
    shares = []
    for stage, found, threshold in zip(stages, answers, [*thresholds, 0.0], strict=True):
        sure = left & (chance_of_class(found) >= threshold)
        shares.append(f"{stage.name} {sure.mean():.0%}")
        left &= ~sure
    promised = f"at most {job.bound:.1%} of texts like {len(job.held_out)} held-out ones get another class"
    return [
        f"{promised} than from {stages[-1].name} ({CONFIDENCE:.0%} sure); of these are answered by {', '.join(shares)}"
    ]


def _answers(predict: Predictor, stage: Stage, texts: Sequence[Ids]) -> Float32Array:
    """Logits of a stage, ``(texts, classes)``, each text alone."""
    return np.concatenate(
        [predict(*shortened(_inputs(padded_batch([ids], Pad(0))), stage.tokens).values()) for ids in texts]
    )


def _inputs(batch: Sequence[Int64Array]) -> dict[str, Int64Array]:
    """The arrays of a batch by name."""
    return dict(zip(INPUTS, batch, strict=False))


def _load(variants: Sequence[Variant], artifact: Path, threads: int) -> Predictor:
    described = read_cascade(artifact)["stages"]
    loaded = {}
    for stage, variant in zip(described, variants, strict=True):
        if stage["folder"] not in loaded:
            loaded[stage["folder"]] = variant.load(artifact / stage["folder"], threads)
    stages = [(partial(_by_name, loaded[one["folder"]]), one["tokens"], one.get("threshold", 0.0)) for one in described]
    return Cascade(stages)


class Cascade:
    """A predictor by stages, which counts the texts that each of them answers."""

    def __init__(self, stages: Sequence[answering.Stage]) -> None:
        self._stages = stages
        self.answered = np.zeros(len(stages), dtype=np.int64)  # texts by stage, since it was loaded

    def stage(self, number: int, batch: Sequence[Int64Array]) -> Float32Array:
        """Logits of one stage, ``(texts, classes)``, from 0."""
        predict, tokens, _ = self._stages[number]
        return predict(shortened(_inputs(batch), tokens))

    def __call__(self, *batch: Int64Array) -> Float32Array:
        """Logits ``(texts, classes)``."""
        logits, stage = answer_in_stages(_inputs(batch), self._stages)
        self.answered += np.bincount(stage, minlength=len(self._stages))
        return logits


def read_cascade(artifact: Path) -> dict[str, Any]:
    """The stages of an artifact and what certified them."""
    found: dict[str, Any] = json.loads((artifact / CASCADE_FILE).read_text(encoding="utf-8"))
    return found


@contextmanager
def every_stage(artifact: Path) -> Iterator[Path]:
    """A folder with the worst case of a cascade: the same stages, of which none but the last is ever sure."""
    described = read_cascade(artifact)
    for stage in described["stages"][:-1]:
        stage["threshold"] = NEVER
    with TemporaryDirectory() as folder:
        for name in {stage["folder"] for stage in described["stages"]}:
            Path(folder, name).symlink_to(artifact.resolve() / name)
        Path(folder, CASCADE_FILE).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        yield Path(folder)


def thresholds_of(artifact: Path) -> tuple[float, ...]:
    """The probability of its class from which on each stage answers, 0 of the last one; empty where the artifact is no cascade."""
    if not (artifact / CASCADE_FILE).is_file():
        return ()
    return tuple(stage.get("threshold", 0.0) for stage in read_cascade(artifact)["stages"])


def _by_name(predict: Predictor, inputs: dict[str, Int64Array]) -> Float32Array:
    return predict(*inputs.values())
