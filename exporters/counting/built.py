"""Counting on the model that transformers builds from a configuration, on the meta device: shapes without contents."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..checkpoints.classifier import read_configuration
from .activations import watched
from .counts import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def build(config: Any) -> Any:
    """The classifier of a transformers configuration, without contents.

    Attention is written out, since a fused one hides its matrix products.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")


def count_built(model: Any, lengths: Sequence[int]) -> Counts:
    """Run a built classifier on one text of each length."""
    table = model.get_input_embeddings()
    operations, live, kept = {}, {}, {}
    for length in lengths:
        operations[length], live[length] = _inferred(model, 1, length)
        kept[length] = _trained(model, length)
    return Counts(
        parameters=sum(one.numel() for one in model.parameters()),
        effective=_used(model, (1, 1)),
        embedding=table.weight.numel() + _projection(model),
        unfactored=table.num_embeddings * model.config.hidden_size,
        operations=operations,
        live=live,
        kept=kept,
    )


def count_checkpoint(checkpoint: Path, shapes: Sequence[tuple[int, int]]) -> tuple[list[float], int]:
    """Operations of the matrix products of one batch of each shape ``(batch, sequence_length)``, and ``Counts.effective``.

    2 operations per multiply-add. Counted by the configuration alone, without weights. To be called in a child.
    """
    model = build(read_configuration(checkpoint))
    return [float(_inferred(model, *shape)[0]) for shape in shapes], _used(model, shapes[0])


def _run(model: Any, batch: int, length: int) -> Any:
    """Logits, without contents, of a batch without padding."""
    import torch

    with _on_meta_device():
        input_ids = torch.ones((batch, length), dtype=torch.int64)
        return model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).logits


@contextmanager
def _on_meta_device() -> Iterator[None]:
    """Put every tensor that the block creates on the meta device: DistilBERT creates one in its forward pass."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Padded(TorchDispatchMode):
        """Answers transformers 5, which drops the mask if no text is padded, that one is."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten._local_scalar_dense.default:  # noqa: SLF001 - it has no public name
                return False
            return func(*args, **(kwargs or {}))

    with torch.device("meta"), Padded():
        yield


def _inferred(model: Any, batch: int, length: int) -> tuple[int, int]:
    """Operations, and bytes of activations that are live at once."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter, watched(model) as activations:
        _run(model.eval(), batch, length)
    return int(counter.get_total_flops()), activations.live


def _trained(model: Any, length: int) -> int:
    """Bytes of activations kept for the backward pass."""
    with watched(model) as activations:
        _run(model.train(), 1, length)
    return activations.kept


def _used(model: Any, shape: tuple[int, int]) -> int:
    """Parameters of each module, once per use in a batch of ``shape``, which the model must take; of an embedding table once."""
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
            _run(model.eval(), *shape)
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
