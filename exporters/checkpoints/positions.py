"""The most tokens that an architecture has positions for, by its configuration and its position embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# transformers maps most configurations' names to the first; an encoder-decoder may have two limits.
_LIMITS = (
    *("max_position_embeddings", "max_positions", "max_seq_len"),
    *("max_encoder_position_embeddings", "max_decoder_position_embeddings"),
)


def most_positions(model: Any) -> int | None:
    """The most tokens that a transformers ``model`` (also on the meta device) has positions for; None: no limit.

    The first rows of a table are unused if positions start after the padding id (RoBERTa) or after an offset (BART).
    """
    config = model.config.get_text_config()
    declared = [getattr(config, name, None) for name in _LIMITS]
    tables = [_rows(one) for one in _tables(model)]
    return min([*(one for one in declared if isinstance(one, int) and one > 0), *tables], default=None)


def has_table(model: Any) -> bool:
    """Whether the model looks positions up in a table, so that a text can be too long."""
    return any(True for _ in _tables(model))


def _tables(model: Any) -> Iterator[Any]:
    return (module for name, module in model.named_modules() if "position" in name and _is_table(module))


def _is_table(module: Any) -> bool:
    """Whether a module is an nn.Embedding, or a similar class that is no subclass."""
    return hasattr(module, "padding_idx") and getattr(getattr(module, "weight", None), "ndim", 0) == 2  # noqa: PLR2004


def _rows(table: Any) -> int:
    first = 0 if table.padding_idx is None else table.padding_idx + 1
    return int(table.weight.shape[0]) - first - getattr(table, "offset", 0)


def takes(model: Any, input_ids: Any) -> bool:
    """Whether a loaded model has positions for ``input_ids`` (1, tokens); runs it up to its first layer.

    Some architectures start positions at an offset that neither configuration nor table tells (ERNIE-M).
    """
    import torch

    def stop(*_: Any) -> None:
        raise _ReachedError

    layers = [one[0] for one in model.modules() if isinstance(one, torch.nn.ModuleList) and len(one)]
    hooks = [layer.register_forward_pre_hook(stop) for layer in layers]
    try:
        with torch.inference_mode():
            model(input_ids=input_ids, attention_mask=torch.ones_like(input_ids))
    except _ReachedError:
        return True
    except Exception:  # noqa: BLE001 - an index out of range raises an IndexError, a RuntimeError or a ValueError
        return False
    finally:
        for hook in hooks:
            hook.remove()
    return True


class _ReachedError(Exception):
    """The first layer was reached."""
