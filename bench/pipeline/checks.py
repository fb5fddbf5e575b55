"""What is proven of an artifact before it is measured, kept in the work folder until something that it depends on changes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ...exporters.artifacts.artifact import changed_file
from ...exporters.artifacts.catalogue import find_variant, is_worth_while
from ...exporters.artifacts.parity import compare_logits
from ...exporters.files import sha256_json, whole_file
from ...exporters.variant import REFERENCE, VNNI
from ..machine.cpu import cpu_features
from ..machine.environment import describe_environment
from ..runs.decoding import decode
from ..runs.store import VariantInfo
from ..worker.client import Worker, spares_an_import
from .execution import how_it_runs, without_vnni
from .options import PROFILES
from .resuming import code_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.artifacts.artifact import Artifact
    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.variant import Batch, Float32Array, Variant
    from .options import Options

_EXACT = 6  # batches that show whether logits are equal; labels are compared on all


class Checks:
    """Checks artifacts of one checkpoint on the same ``batches`` and one text of full length, ``watched``; the reference first."""

    def __init__(self, options: Options, checkpoint: Checkpoint, batches: Sequence[Batch], watched: Batch) -> None:
        self._threads = options.threads
        self._head = checkpoint.head
        self._folder = options.work_dir / "checks"
        self._batches, self._watched = batches, watched
        self._elsewhere = PROFILES[options.profile].thorough or not checkpoint.random_weights
        self._reference: list[Float32Array] = []
        self.seconds_per_token: dict[str, float] = {}  # by variant that passed, of batches of several shapes
        self._facts: list[Any] = [
            describe_environment(),
            code_digest(),
            self._threads,
            self._elsewhere,
            asdict(self._head),
            [[part.tolist() for part in batch] for batch in (*batches, watched)],
        ]

    def check(self, artifact: Artifact) -> VariantInfo:
        """What is proven of the artifact; raises ParityError, or WorkerError if it cannot be run."""
        file = self._folder / f"{artifact.variant}-{sha256_json([artifact.fingerprint, *self._facts])[:16]}.json"
        kept = (
            json.loads(file.read_text(encoding="utf-8")) if file.is_file() and not changed_file(artifact.path) else {}
        )
        if not kept:
            self._folder.mkdir(parents=True, exist_ok=True)
            info, logits, seconds = self._check(artifact)
            kept = {
                "info": asdict(info),
                "logits": [one.tolist() for one in logits],
                "seconds_per_token": seconds,
            }
            with whole_file(file) as stream:
                stream.write(json.dumps(kept).encode())
        if artifact.variant == REFERENCE:
            self._reference = [np.asarray(one, dtype=np.float32) for one in kept["logits"]]
            self._facts.append(artifact.fingerprint)  # the others are compared with it
        found: VariantInfo = decode(VariantInfo, kept["info"], str(file))
        self.seconds_per_token[artifact.variant] = kept["seconds_per_token"]
        return found

    def _check(self, artifact: Artifact) -> tuple[VariantInfo, list[Float32Array], float]:
        name = artifact.variant
        variant = find_variant(name)
        exact = variant.logits_atol is not None and name != REFERENCE
        batches = self._batches[:_EXACT] if exact else self._batches
        with Worker(f"checking {name}", self._threads, forked=spares_an_import(name)) as worker:
            worker.start(name, artifact.path, self._threads)
            worker.predict(batches[:1])  # the first call compiles and allocates
            answers = worker.predict(batches)
            timed = (batches[0], max(batches, key=lambda batch: batch[0].size))
            executed = how_it_runs(worker, artifact, timed, self._watched, self._threads)
        logits = [logits for logits, _ in answers]
        seconds = sum(seconds for _, seconds in answers) / sum(ids.size for ids, *_ in batches)
        reference = self._reference or logits
        parity = compare_logits(variant, reference[: len(logits)], logits, self._head)
        info = VariantInfo(
            runtime=variant.runtime,
            precision=variant.precision,
            deprecated=variant.deprecated,
            another_model=variant.another_model,
            parity=asdict(parity),
            notes=(*artifact.notes, *_no_default(variant)),
            without_vnni=self._without_vnni(artifact, reference, parity.agreement),
            **executed,
        )
        return info, logits, seconds

    def _without_vnni(self, artifact: Artifact, reference: Sequence[Float32Array], here: float) -> dict[str, float]:
        if not self._elsewhere:  # random weights: their labels mean nothing
            return {}
        variant, has_vnni = find_variant(artifact.variant), set(VNNI) & set(cpu_features())
        if variant.precision == "int8" and variant.runtime != "onnxruntime" and not has_vnni:
            return {"agreement": here}  # it ran without VNNI
        return without_vnni(artifact.variant, artifact.path, self._batches, reference, self._threads, self._head)


def _no_default(variant: Variant) -> list[str]:
    """Why a variant that was asked for is not made by default on this CPU."""
    if is_worth_while(variant, cpu_features()):
        return []
    why = f": {variant.without}" if variant.without else ""
    return [f"not made by default on this CPU, which has neither of {' and '.join(variant.needs)}{why}"]
