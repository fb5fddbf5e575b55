"""PyTorch, eager mode, fp32, fused attention: the reference."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from exporters.torch_model import limit_threads, load_classifier, run_classifier
from exporters.variant import ExportJob, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    for source in [job.checkpoint / "config.json", *job.checkpoint.glob("*.safetensors*")]:
        shutil.copyfile(source, job.out_dir / source.name)


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
    logits_atol=1e-5,
)
