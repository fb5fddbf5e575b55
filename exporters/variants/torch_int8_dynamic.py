"""PyTorch, int8 weights of all linear layers, activations quantised at run time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..checkpoints.classifier import load_classifier, read_configuration
from ..runtimes.torch_model import limit_threads, program_of_tensors, run_classifier, write_through_memory
from . import torch_eager

if TYPE_CHECKING:
    from pathlib import Path

    from ..variant import ExportJob, Predictor


def export(job: ExportJob) -> None:
    import torch

    model = _quantise(load_classifier(job.checkpoint))
    model.config.save_pretrained(job.out_dir)
    write_through_memory(lambda buffer: torch.save(model.state_dict(), buffer), job.out_dir / "model.pt")


def load(artifact: Path, threads: int) -> Predictor:
    import torch
    from transformers import AutoModelForSequenceClassification

    limit_threads(threads)
    skeleton = _quantise(AutoModelForSequenceClassification.from_config(read_configuration(artifact)).eval())
    skeleton.load_state_dict(torch.load(artifact / "model.pt", weights_only=True))
    return run_classifier(skeleton)


def _quantise(model: Any) -> Any:
    import torch

    return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)


PROGRAM = program_of_tensors(
    ("from transformers import AutoConfig, AutoModelForSequenceClassification",),
    """\
model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder)).eval()
model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))""",
    "model(**tensors).logits",
)
VARIANT = replace(
    torch_eager.VARIANT,
    precision="int8",
    export=export,
    load=load,
    program=PROGRAM,
    logits_atol=None,
    min_agreement=0.95,
    deprecated="torch.ao eager quantisation is deprecated in favour of torchao",
)
