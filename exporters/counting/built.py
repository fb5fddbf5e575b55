"""Counting on the model that transformers builds of a configuration, on the meta device: shapes without contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporters.counting.activations import watched
from exporters.counting.counts import Counts
from exporters.counting.shapes import shapes_alone

if TYPE_CHECKING:
    from collections.abc import Sequence


def build(config: Any) -> Any:
    """The classifier of a transformers configuration, without contents."""
    import torch
    from transformers import AutoModelForSequenceClassification

    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")


def count_built(model: Any, lengths: Sequence[int]) -> Counts:
    """Run a built classifier on one text of each length."""
    table = model.get_input_embeddings()
    operations, live, kept = {}, {}, {}
    for length in lengths:
        operations[length], live[length] = _inferred(model, length)
        kept[length] = _trained(model, length)
    return Counts(
        parameters=sum(one.numel() for one in model.parameters()),
        effective=_used(model),
        embedding=table.weight.numel() + _projection(model),
        unfactored=table.num_embeddings * model.config.hidden_size,
        operations=operations,
        live=live,
        kept=kept,
    )


def run_text(model: Any, length: int) -> Any:
    """Logits, without contents, of one text of ``length`` tokens."""
    import torch

    with shapes_alone():
        input_ids = torch.ones((1, length), dtype=torch.int64)
        return model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).logits


def _inferred(model: Any, length: int) -> tuple[int, int]:
    """Operations, and bytes of activations that are live at once."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter, watched(model) as activations:
        run_text(model.eval(), length)
    return int(counter.get_total_flops()), activations.live


def _trained(model: Any, length: int) -> int:
    """Bytes of activations that are kept for the backward pass."""
    with watched(model) as activations:
        run_text(model.train(), length)
    return activations.kept


def _used(model: Any) -> int:
    """Parameters of each module at each of its uses; of a table of embeddings once."""
    import torch

    used: list[int] = []
    tables: dict[Any, int] = {}

    def use(module: Any, *_: Any) -> None:
        own = sum(one.numel() for one in module.parameters(recurse=False))
        if isinstance(module, torch.nn.Embedding):
            tables[module] = own
        else:
            used.append(own)

    hooks = [module.register_forward_hook(use) for module in model.modules()]
    try:
        with torch.no_grad():
            run_text(model.eval(), 1)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(used) + sum(tables.values())


def _projection(model: Any) -> int:
    """Weights of the linear layer that a factorised embedding has, found by its name; 0 without one."""
    from torch.nn import Linear

    return sum(
        one.weight.numel() for name, one in model.named_modules() if isinstance(one, Linear) and "embedding" in name
    )
