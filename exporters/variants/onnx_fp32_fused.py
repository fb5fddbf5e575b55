"""ONNX Runtime, fp32, each attention one node: its fused kernel does not store the scores of all pairs of tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..checkpoints.classifier import read_configuration
from ..runtimes.onnx_export import attention_as_one_node, export_onnx
from ..runtimes.onnx_first_token import keep_first_token
from ..runtimes.onnx_graph import attend_without_mask, count_operators, drop_round_trips, keep_normalisations_apart
from ..runtimes.onnx_session import MODEL_FILE
from . import onnx_fp32

if TYPE_CHECKING:
    from ..variant import ExportJob


def export(job: ExportJob) -> None:
    heads = read_configuration(job.checkpoint).num_attention_heads
    with attention_as_one_node(heads):
        export_onnx(job.checkpoint, job.tokenizer, job.out_dir)
    drop_round_trips(job.out_dir / MODEL_FILE)
    keep_first_token(job.out_dir / MODEL_FILE)
    attend_without_mask(job.out_dir / MODEL_FILE)
    keep_normalisations_apart(job.out_dir / MODEL_FILE)
    if not count_operators(job.out_dir / MODEL_FILE)["MultiHeadAttention"]:
        job.notes.append("no attention is fused: the architecture does not call PyTorch's, so this is onnx-fp32")


VARIANT = replace(onnx_fp32.VARIANT, export=export)
