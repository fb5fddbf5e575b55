"""How a cascade answers a batch. Its functions are copied into programs that serve one, and need NumPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ..variant import Float32Array, Int64Array

    Inputs: TypeAlias = dict[str, Int64Array]  # (texts, tokens), by name
    # Logits of inputs; tokens that it reads, or None; probability of its class from which on it answers.
    Stage: TypeAlias = tuple[Callable[[Inputs], Float32Array], int | None, float]


def answer_in_stages(inputs: Inputs, stages: Sequence[Stage]) -> tuple[Float32Array, Int64Array]:
    """Logits ``(texts, classes)``: of each text those of the first stage that is sure of it, or of the last one; and that stage.

    Stages are numbered from 0, ``(texts,)``.

    Texts that a stage is not sure of go on as a smaller batch, without the padding that they no longer need.
    """
    left = np.arange(len(inputs["input_ids"]))
    logits = np.empty((len(left), 0), dtype=np.float32)
    answered = np.zeros(len(left), dtype=np.int64)
    for number, (predict, tokens, threshold) in enumerate(stages):
        found = predict(shortened({name: rows[left] for name, rows in inputs.items()}, tokens))
        if not logits.shape[1]:
            logits = np.empty((len(left), found.shape[1]), dtype=np.float32)
        logits[left], answered[left] = found, number
        left = left[chance_of_class(found) < threshold]
        if not len(left):
            break
    return logits, answered


def chance_of_class(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The probability of each text's class, ``(texts,)``."""
    below = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return 1 / np.exp(below).sum(axis=1)


def shortened(inputs: Inputs, tokens: int | None) -> Inputs:
    """Without columns that are padding in every text; of one of more than ``tokens`` the first ones and the last, which ends it."""
    mask = inputs["attention_mask"]
    lengths = mask.sum(axis=1)
    width = int(lengths.max())
    if tokens is not None:
        width = min(width, tokens)
    on_the_left = bool((mask[:, 0] == 0).any())
    cut = {name: (rows[:, -width:] if on_the_left else rows[:, :width]).copy() for name, rows in inputs.items()}
    for row in np.flatnonzero(lengths > width):
        for name, rows in inputs.items():
            own = rows[row][mask[row] == 1]
            cut[name][row] = np.concatenate([own[: width - 1], own[-1:]])
    return cut
