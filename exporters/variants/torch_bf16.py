"""PyTorch, eager mode, weights and activations bf16."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..checkpoints.classifier import load_classifier
from ..runtimes.torch_model import limit_threads, program_of_classifier, run_classifier
from ..variant import BF16, ExportJob, Predictor
from . import torch_eager

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    import torch

    load_classifier(job.checkpoint).to(torch.bfloat16).save_pretrained(job.out_dir, safe_serialization=True)


def load(artifact: Path, threads: int) -> Predictor:
    limit_threads(threads)
    return run_classifier(load_classifier(artifact, dtype="bfloat16"))


VARIANT = replace(
    torch_eager.VARIANT,
    precision="bf16",
    export=export,
    load=load,
    program=program_of_classifier(dtype="bfloat16"),
    logits_atol=None,
    min_agreement=0.95,
    default=False,
    needs=BF16,
)
