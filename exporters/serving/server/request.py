"""The body of a request to ``/predict``, as Text Embeddings Inference reads it.

Its ``inputs`` are a text, a pair ``[text, text]``, or a batch ``[[text], [text, text], …]``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .refused import Refused

_EXPECTED = 'expected "inputs": a text, a pair [text, text], or a batch [[text], ...]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The texts of a request, and how they are to be answered."""

    texts: list[tuple[str, ...]]  # of one text or two
    batch: bool  # whether the answer is a list for each text
    truncate: bool
    raw_scores: bool  # logits instead of probabilities


def read_request(body: bytes, *, pairs: bool, most: int, truncate: bool, direction: str = "right") -> Asked:
    """What the ``body`` asks; ``truncate`` is of a request that does not say, ``direction`` the side on which texts are cut.

    Raises Refused: 400 for what is no JSON, 413 for more texts than ``most``, 422 for everything else.
    """
    try:
        content = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, 'the body is no JSON, expected such as {"inputs": "a text"}') from None
    if not isinstance(content, dict) or "inputs" not in content:
        raise Refused(422, f"no inputs, {_EXPECTED}")
    texts, batch = _texts(content["inputs"])
    if len(texts) > most:
        raise Refused(413, f"batch size {len(texts)} > maximum allowed batch size {most}")
    for text in texts:
        _check(text, pairs=pairs)
    asked = content.get("truncation_direction")
    if asked is not None and str(asked).lower() != direction:
        raise Refused(
            422, f"truncation_direction: texts are cut on the {direction}, as the model was measured; leave it out"
        )
    return Asked(
        texts=texts,
        batch=batch,
        truncate=_flag(content, "truncate", default=truncate),
        raw_scores=_flag(content, "raw_scores", default=False),
    )


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(name)


def _texts(inputs: Any) -> tuple[list[tuple[str, ...]], bool]:
    """The texts or pairs, and whether they are a batch."""
    if isinstance(inputs, str):
        return [(inputs,)], False
    if not isinstance(inputs, list) or not inputs:
        raise Refused(422, f"found inputs of another kind, {_EXPECTED}")
    if isinstance(inputs[0], str):
        return [_text(inputs)], False
    return [_text(one) for one in inputs], True


def _text(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) not in {1, 2} or not all(isinstance(part, str) for part in found):
        raise Refused(422, f"found inputs of another kind, {_EXPECTED}")
    return tuple(found)


def _check(text: tuple[str, ...], *, pairs: bool) -> None:
    """Raise Refused for another number of texts than the model reads, and for what is no text."""
    if len(text) != 1 + pairs:
        found, expected = ("a pair", "one text") if len(text) > 1 else ("one text", "a pair [text, text]")
        raise Refused(422, f"inputs: found {found}, and this model reads {expected}; a batch is [[text], [text]]")
    for part in text:
        if not part.strip():
            raise Refused(422, "inputs: found an empty text")
        try:
            part.encode()
        except UnicodeEncodeError:
            raise Refused(422, "inputs: found half of a surrogate pair, expected Unicode text") from None


def _flag(content: dict[str, Any], name: str, *, default: bool) -> bool:
    found = content.get(name)
    if found is None:
        return default
    if not isinstance(found, bool):
        raise Refused(422, f"{name}: expected true or false")
    return found
