"""Training texts for static int8: which of them calibrate, and which judge what calibration came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ..checkpoints.tokenization import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..checkpoints.tokenization import Ids

Texts: TypeAlias = "Sequence[Ids]"
_CALIBRATING = 128  # texts
_TOKENS = 128  # of a text that judges: a longer one costs more and tells no more


def calibrating(texts: Texts) -> Texts:
    """The texts that calibrate: every other one, 128 at most."""
    return texts[::2][:_CALIBRATING]


def judging(texts: Texts) -> Texts:
    """The other texts, cut to 128 tokens; the last token, which ends a text, is kept."""
    others = [*texts[1::2], *texts[::2][_CALIBRATING:]]
    return [join(ids[: _TOKENS - 1], ids[-1:]) if len(ids) > _TOKENS else ids for ids in others]
