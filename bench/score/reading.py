"""What a model reads of each text: the text, cut where it is too long, or all of it by windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...exporters.checkpoints.long_texts import WholeTokeniser, pooled, windows_of
from ...exporters.checkpoints.tokenization import Tokeniser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...exporters.checkpoints.long_texts import Windows
    from ...exporters.checkpoints.tokenization import Ids
    from ...exporters.texts import Text
    from ...exporters.variant import Float32Array


class Read(NamedTuple):
    """The inputs that texts become."""

    ids: list[Ids]  # of each input; those of a text follow each other
    lengths: list[int]  # tokens of each whole text
    windows: list[int]  # number of inputs of each text


def reader_of(tokenizer: Path, length: int | None, windows: Windows | None) -> Reader:
    """Reads texts by ``windows``, or cut at ``length`` tokens (None: not cut); ``tokenizer``: its folder."""
    return WindowReader(Tokeniser(tokenizer, None), windows) if windows else CutReader(Tokeniser(tokenizer, length))


class Reader(Protocol):
    """Makes inputs of texts, and answers for texts of those for inputs."""

    def __call__(self, texts: Sequence[Text]) -> Read: ...  # noqa: D102

    def of_texts(self, logits: Float32Array, windows: Sequence[int]) -> Float32Array: ...  # noqa: D102


class CutReader:
    """Reads of each text what ``tokeniser`` leaves of it."""

    def __init__(self, tokeniser: Tokeniser) -> None:
        self._tokeniser = tokeniser

    def __call__(self, texts: Sequence[Text]) -> Read:
        """One input for each text."""
        ids, lengths = self._tokeniser(texts)
        return Read(ids, lengths, [1] * len(ids))

    def of_texts(self, logits: Float32Array, _: Sequence[int]) -> Float32Array:
        """The logits themselves."""
        return logits


class WindowReader:
    """Reads all of each text by ``windows``; ``tokeniser`` truncates nothing."""

    def __init__(self, tokeniser: Tokeniser, windows: Windows) -> None:
        self._tokeniser, self._windows = WholeTokeniser(tokeniser), windows

    def __call__(self, texts: Sequence[Text]) -> Read:
        """An input for each window."""
        whole = self._tokeniser(texts)
        inputs = [windows_of(text, self._windows) for text in whole]
        ids = [one for of_text in inputs for one in of_text]
        return Read(ids, [len(text.ids) for text in whole], [*map(len, inputs)])

    def of_texts(self, logits: Float32Array, windows: Sequence[int]) -> Float32Array:
        """Logits of each text, pooled over its ``windows``."""
        return pooled(logits, windows, self._windows.pool)
