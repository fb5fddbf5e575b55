"""A text as a model reads it: one string, or a pair of them; and digests, which identify texts in files that hold none."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .labels import Label


class Pair(NamedTuple):
    """Two texts that a model reads together, such as a premise and a hypothesis."""

    first: str
    second: str


Text: TypeAlias = str | Pair


def shown(text: Text) -> str:
    """The text in one string, for people and for what compares words; never for a tokenizer."""
    return text if isinstance(text, str) else " | ".join(text)


def singles(texts: Iterable[Text]) -> Iterator[str]:
    """Every text, and each of the two of a pair."""
    for text in texts:
        yield from [text] if isinstance(text, str) else text


def cut(text: Text, characters: int) -> Text:
    """The beginning of the text, or of each text of a pair."""
    return text[:characters] if isinstance(text, str) else Pair(text.first[:characters], text.second[:characters])


def sha256_texts(texts: Iterable[Text], labels: Iterable[Label]) -> str:
    """Hex digest of texts and labels in their order."""
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        content = _bytes(text)
        digest.update(f"{label} {len(content)}\n".encode() + content)  # the length separates neighbouring texts
    return digest.hexdigest()


def row_hash(text: Text) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a text: identify it in a file that holds none."""
    return hashlib.sha256(_bytes(text)).hexdigest()[:16]


def _bytes(text: Text) -> bytes:
    if isinstance(text, str):
        return text.encode()
    return f"{len(text.first)} {text.first}{text.second}".encode()  # the length says where the second begins
