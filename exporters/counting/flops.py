"""How many operations does one forward pass take? Counted on the architecture, without weights and without computing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporters.counting.shapes import shapes_alone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def count_operations(checkpoint: Path, shapes: Sequence[tuple[int, int]]) -> list[float]:
    """Operations of the matrix products of one batch of each shape ``(batch, sequence_length)``; 2 per multiply-add.

    On the meta device, where tensors have shapes and no contents; attention is written out there, since a fused one hides
    its products. To be called in a child.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.from_pretrained(checkpoint, local_files_only=True)
    with torch.device("meta"):
        model: Any = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    counts = []
    for shape in shapes:
        with torch.no_grad(), FlopCounterMode(display=False) as counter, shapes_alone():
            input_ids = torch.zeros(shape, dtype=torch.int64)
            model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids))
        counts.append(float(counter.get_total_flops()))
    return counts
