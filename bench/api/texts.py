"""Texts in memory, checked before a predictor reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

import pandas as pd

from ...exporters.errors import DataError
from ...exporters.texts import Pair, Text
from .arguments import shown


def texts_of(texts: object, *, pairs: bool = False) -> list[Text]:
    """``texts``, a list or a column of a frame, as a list; raises DataError with the place of the first that is no text.

    ``pairs``: each is a tuple of two texts.
    """
    if isinstance(texts, str):
        raise DataError("texts: found one text, expected a list of texts; put it in brackets")
    if not isinstance(texts, Collection) or isinstance(texts, bytes | Mapping | AbstractSet | pd.DataFrame):
        found = "None" if texts is None else type(texts).__name__
        raise DataError(f"texts: found {found}, expected a list of texts or one column of a frame; pass one")
    return [_pair(one, place) if pairs else _text(one, place) for place, one in enumerate(texts, 1)]


def _pair(one: object, place: int) -> Pair:
    if not isinstance(one, tuple | list) or len(one) != 2:  # noqa: PLR2004 - of a pair
        raise DataError(
            f"text {place}: found {_shown(one)}, expected a tuple of two texts, as the model reads pairs; pass both"
        )
    return Pair(*(_text(text, place) for text in one))


def _text(one: object, place: int) -> str:
    if not isinstance(one, str):
        raise DataError(f"text {place}: found {_shown(one)}, expected text; remove it or fill it in")
    try:
        one.encode()
    except UnicodeEncodeError as error:
        mark = shown(one[error.start])
        raise DataError(f"text {place}: found {mark}, half a character; expected Unicode; decode it again") from None
    return one


def _shown(one: object) -> str:
    return "None" if one is None else f"{type(one).__name__} ({shown(one)})"
