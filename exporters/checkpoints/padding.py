"""Padding: with which a text has the same logits in a batch as alone; and whether token types change its logits."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CheckpointError, first_line
from .tokenization import Pad, TypedIds, padded_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .checkpoint import Checkpoint
    from .tokenization import Ids, Side

_ATOL, _RTOL = 1e-5, 1e-4  # of logits: rounding; padding must not change them by more


def find_pad(
    checkpoint: Checkpoint, model: Any, tokenizer: Any, sample: Sequence[Any], far: int
) -> tuple[Pad, bool, list[str]]:
    """The first padding with which a text has the same logits in a batch as alone, trying the tokenizer's own first.

    And whether token types change its logits, and notes.

    The last text of ``sample`` is a long one, which is padded to ``far`` tokens as well. If no padding does so (MobileBERT reads
    each token's neighbours), it is the tokenizer's own, as in transformers, with a caution.
    """
    typed = _given_types(model, sample)
    pads, texts = list(_pads(model, tokenizer)), [_ids(one, typed=typed) for one in sample]
    # Before any other forward pass: after a short text, BigBird keeps another attention for all later ones.
    padded_far = _attempt(model, texts[-1:], pads[0], far)
    alone = np.concatenate([_logits_alone(checkpoint, model, tokenizer, one, typed=typed) for one in sample])
    if typed:
        plain = [_attempt(model, [_ids(one, typed=False)], pads[0]) for one in sample]
        same = (
            not isinstance(one, Exception) and _alike(right, one[0]) for right, one in zip(alone, plain, strict=True)
        )
        typed = not all(same)  # DeBERTa takes types and ignores them
        texts = texts if typed else [[*one] for one in texts]
    changes: dict[Pad, float] = {}
    raised: Exception | None = None
    for pad in pads:
        together = _attempt(model, texts, pad)
        if isinstance(together, Exception):
            raised = raised or together
            continue
        changes[pad] = float(np.abs(alone - together).max())
        if _alike(alone, together):
            if pad != pads[0] or isinstance(padded_far, Exception) or _alike(alone[-1:], padded_far):
                return pad, typed, _notes(tokenizer, pad)
            changes = {pad: float(np.abs(alone[-1:] - padded_far).max())}
            break
    if raised is not None and not changes:
        raise CheckpointError(
            f"{checkpoint.path}: fails on a batch of texts ({first_line(raised)}); {_advice(model, tokenizer)}"
        )
    pad, change = next(iter(changes.items()))
    reads = f"caution: {type(model).__name__} reads padding, as in transformers itself"
    return pad, typed, [f"{reads}: in a batch a text gets other logits than alone (by up to {change:.1g})"]


def _ids(encoded: Any, *, typed: bool) -> Ids:
    """The ids of one text, with its types for a model that reads them."""
    ids = encoded["input_ids"][0].tolist()
    return TypedIds(ids, encoded["token_type_ids"][0].tolist()) if typed else ids


def _given_types(model: Any, sample: Sequence[Any]) -> bool:
    """Whether the tokenizer gives the model token types that differ within a text, such as those of a pair."""
    taken = "token_type_ids" in inspect.signature(model.forward).parameters
    return taken and any(one["token_type_ids"].any() for one in sample if "token_type_ids" in one)


def _logits_alone(checkpoint: Checkpoint, model: Any, tokenizer: Any, encoded: Any, *, typed: bool) -> Any:
    """Logits of one text with all inputs of transformers; CheckpointError if those of a variant give others."""
    name = type(model).__name__
    taken = inspect.signature(model.forward).parameters
    try:
        right = _logits(model, **{key: value for key, value in encoded.items() if key in taken})
        found = _padded_logits(model, [_ids(encoded, typed=typed)], Pad(0))
    except Exception as error:
        raise CheckpointError(
            f"{checkpoint.path}: {name} fails on token ids, their mask and types alone ({first_line(error)}); expected an "
            "architecture, and settings in config.json, that need no other inputs"
        ) from error
    if right.shape != (1, len(checkpoint.labels)):
        raise CheckpointError(
            f"{checkpoint.path}: {name} gives {right.shape[-1]} logits, its configuration names {len(checkpoint.labels)} "
            "labels; save the fine-tuned model again"
        )
    if not np.isfinite(right).all():
        raise CheckpointError(
            f"{checkpoint.path}: {name} gives logits that are not finite, its weights are spoilt; fetch or save the model again"
        )
    if not _alike(right, found):
        others = ", ".join(sorted(set(encoded) & set(taken) - {"input_ids", "attention_mask", "token_type_ids"}))
        why = (
            f"{type(tokenizer).__name__} gives {name} {others}, which change its logits"
            if others
            else f"{name} is not deterministic"
        )
        raise CheckpointError(
            f"{checkpoint.path}: {why}, but deployed variants receive only token ids, their mask and types; expected an "
            "architecture that needs no more"
        )
    return right


def _logits(model: Any, **inputs: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(**inputs).logits.float().numpy()


def _padded_logits(model: Any, texts: Sequence[Ids], pad: Pad, length: int = 0) -> Any:
    """Logits by the arrays of a batch alone, as variants receive them."""
    import torch

    batch = map(torch.from_numpy, padded_batch(texts, pad, length))
    return _logits(model, **dict(zip(("input_ids", "attention_mask", "token_type_ids"), batch, strict=False)))


def _alike(expected: Any, found: Any) -> bool:
    return bool(np.abs(expected - found).max() <= _ATOL + _RTOL * np.abs(expected).max())


def _attempt(model: Any, texts: Sequence[Any], pad: Pad, length: int = 0) -> Any:
    """Logits of a batch, padded to its longest text or to ``length`` tokens; or the exception."""
    try:
        return _padded_logits(model, texts, pad, length)
    except Exception as error:  # noqa: BLE001 - most often "no padding token is defined"
        return error


def _pads(model: Any, tokenizer: Any) -> Iterator[Pad]:
    sides: tuple[Side, ...] = ("left", "right") if tokenizer.padding_side == "left" else ("right", "left")
    ids = (tokenizer.pad_token_id, model.config.pad_token_id, 0)
    for side in sides:
        yield from (Pad(one, side, tokenizer.pad_token_type_id) for one in dict.fromkeys(ids) if one is not None)


def _notes(tokenizer: Any, pad: Pad) -> list[str]:
    if pad.side == tokenizer.padding_side:
        return []
    own = f"its tokenizer pads on the {tokenizer.padding_side}, where a text gets other logits in a batch than alone"
    return [f"{own}; batches are padded on the {pad.side}, where it gets the same"]


def _advice(model: Any, tokenizer: Any) -> str:
    if model.config.pad_token_id is None:
        token = "a padding token" if tokenizer.pad_token_id is None else f"{tokenizer.pad_token_id}, the tokenizer's"
        return f"config.json has no pad_token_id: add {token}"
    return "expected an architecture that takes several texts at once"
