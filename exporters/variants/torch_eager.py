"""PyTorch, eager mode, fp32, fused attention: the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checkpoints.classifier import copy_classifier, load_classifier
from ..runtimes.torch_model import limit_threads, program_of_classifier, run_classifier
from ..variant import ExportJob, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    copy_classifier(job.checkpoint, job.out_dir)


def load(artifact: Path, threads: int) -> Predictor:
    limit_threads(threads)
    return run_classifier(load_classifier(artifact))


VARIANT = Variant(
    runtime="torch",
    precision="fp32",
    packages=("torch", "transformers"),
    imports=("torch", "transformers.modeling_utils", "transformers.models.auto.modeling_auto"),
    export=export,
    load=load,
    program=program_of_classifier(),
    logits_atol=1e-5,
)
