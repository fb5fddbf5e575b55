"""PyTorch, torch.compile: the eager checkpoint, compiled at load time, fp32."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..checkpoints.classifier import load_classifier
from ..runtimes.compiler import check_compiler
from ..runtimes.torch_model import EXAMPLE_TEXTS, example_inputs, limit_threads, program_of_classifier, run_classifier
from ..variant import TOKENIZER, ExportJob, Predictor
from . import torch_eager

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    check_compiler()
    torch_eager.export(job)


def load(artifact: Path, threads: int) -> Predictor:
    import torch

    check_compiler()
    limit_threads(threads)
    model = load_classifier(artifact)
    predict = run_classifier(torch.compile(model, dynamic=True))
    # PyTorch compiles a separate graph for a batch of 1. Both are compiled here; no text has only one token.
    for texts in (EXAMPLE_TEXTS, EXAMPLE_TEXTS[:1]):
        predict(*(one.numpy() for one in example_inputs(artifact / TOKENIZER, texts)))
    return predict


VARIANT = replace(
    torch_eager.VARIANT,
    imports=(*torch_eager.VARIANT.imports, "torch._inductor.compile_fx"),
    export=export,
    load=load,
    program=program_of_classifier(compiled="\nmodel = torch.compile(model, dynamic=True)"),
    logits_atol=1e-4,
    default=False,
)
