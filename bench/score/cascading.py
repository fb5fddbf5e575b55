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


def run_stages(
    batches: Sequence[Batch],
    thresholds: Sequence[float],
    run: Callable[[Sequence[Batch], int], list[Float32Array]],
    pad: Pad,
    advance: Callable[[int], None],
) -> list[Float32Array]:
    """Logits of each batch; ``run`` gives those of other batches by a stage. ``advance`` gets the texts that a stage answered.

    A stage is sure from its threshold on; the last one answers whatever it is given.
    """
    lengths = [len(ids) for ids, *_ in batches]
    size, places = max(lengths), np.arange(sum(lengths))  # of the texts that are left, among all
    logits = answers = np.concatenate(run(batches, 0))
    for stage, threshold in enumerate(thresholds[:-1], start=1):
        unsure = np.flatnonzero(chance_of_class(logits) < threshold).tolist()
        advance(len(places) - len(unsure))
        texts = [text for batch in batches for text in _texts(batch)]
        unsure.sort(key=[-len(text) for text in texts].__getitem__)
        places = places[unsure]
        if not unsure:
            break
        cuts = (unsure[start : start + size] for start in range(0, len(unsure), size))
        batches = [padded_batch([texts[row] for row in cut], pad) for cut in cuts]
        logits = np.concatenate(run(batches, stage))
        answers[places] = logits
    advance(len(places))
    return np.split(answers, np.cumsum(lengths)[:-1])


def _texts(batch: Batch) -> Iterator[Ids]:
    """The token ids of each text, with their types where the batch has them, without padding."""
    ids, mask, *types = batch
    for row, real in enumerate(mask == 1):
        own = ids[row][real].tolist()
        yield TypedIds(own, types[0][row][real].tolist()) if types else own
