"""PyTorch, torch.compile: the eager checkpoint, compiled when it is loaded, fp32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.checkpoints.classifier import copy_classifier, load_classifier
from exporters.runtimes.compiler import check_compiler
from exporters.runtimes.torch_model import (
    EXAMPLE_TEXTS,
    example_inputs,
    example_of_classifier,
    limit_threads,
    run_classifier,
)
from exporters.variant import TOKENIZER, ExportJob, Predictor, Variant

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    check_compiler()
    copy_classifier(job.checkpoint, job.out_dir)


def load(artifact: Path, threads: int) -> Predictor:
    import torch

    check_compiler()
    limit_threads(threads)
    model = load_classifier(artifact)
    predict = run_classifier(torch.compile(model, dynamic=True))
    # PyTorch compiles a size of 1 apart. Both graphs are made here: no text is of one token alone.
    for texts in (EXAMPLE_TEXTS, EXAMPLE_TEXTS[:1]):
        ids, mask = example_inputs(artifact / TOKENIZER, texts)
        predict(ids.numpy(), mask.numpy())
    return predict


VARIANT = Variant(
    runtime="torch",
    precision="fp32",
    packages=("torch", "transformers"),
    imports=(
        "torch",
        "torch._inductor.compile_fx",
        "transformers.modeling_utils",
        "transformers.models.auto.modeling_auto",
    ),
    export=export,
    load=load,
    example=example_of_classifier(model="torch.compile(model, dynamic=True)"),
    logits_atol=1e-4,
    default=False,
)
