"""How a pipeline answers with a cascade: texts that a stage is not sure of go on together, in new batches of like length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...exporters.cascades.answering import chance_of_class
from ...exporters.checkpoints.tokenization import TypedIds, padded_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...exporters.checkpoints.tokenization import Ids, Pad
    from ...exporters.variant import Batch, Float32Array


def answer_in_stages(
    batches: Sequence[Batch],
    thresholds: Sequence[float],
    run: Callable[[Sequence[Batch], int], list[Float32Array]],
    pad: Pad,
    advance: Callable[[int], None],
) -> list[Float32Array]:
    """Logits of each batch; ``run`` gives those of other batches by a stage. ``advance`` gets the texts that a stage answered.

    A stage is sure from its threshold on; that of the last one is 0.
    """
    size = max(len(ids) for ids, *_ in batches)
    lengths = [len(ids) for ids, *_ in batches]
    places = np.arange(sum(lengths))  # of the texts of ``batches``, in all of them
    found: list[Float32Array] = []
    for stage, threshold in enumerate(thresholds):
        logits = np.concatenate(run(batches, stage))
        if not stage:
            found = [np.empty_like(logits)]
        found[0][places] = logits
        unsure = np.flatnonzero(chance_of_class(logits) < threshold).tolist()
        advance(len(places) - len(unsure))
        if not unsure:
            break
        texts = [text for batch in batches for text in _texts(batch)]
        unsure = sorted(unsure, key=lambda row: -len(texts[row]))
        places = places[unsure]
        batches = [
            padded_batch([texts[row] for row in unsure[start : start + size]], pad)
            for start in range(0, len(unsure), size)
        ]
    return np.split(found[0], np.cumsum(lengths)[:-1])


def _texts(batch: Batch) -> Iterator[Ids]:
    """The token ids of each text, with their types where the batch has them, without padding."""
    ids, mask, *types = batch
    for row, real in enumerate(mask == 1):
        own = ids[row][real].tolist()
        yield TypedIds(own, types[0][row][real].tolist()) if types else own
