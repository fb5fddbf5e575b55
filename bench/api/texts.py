"""Texts in memory, checked before a predictor reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

import pandas as pd

from deploybench.bench.api.arguments import shown
from deploybench.exporters.errors import DataError


def texts_of(texts: object) -> list[str]:
    """``texts``, a list or a column of a frame, as a list; raises DataError with the place of the first that is no text."""
    if isinstance(texts, str):
        raise DataError("texts: found one text, expected a list of texts; put it in brackets")
    if not isinstance(texts, Collection) or isinstance(texts, bytes | Mapping | AbstractSet | pd.DataFrame):
        found = "None" if texts is None else type(texts).__name__
        raise DataError(f"texts: found {found}, expected a list of texts or one column of a frame; pass one")
    listed = [*texts]
    for place, one in enumerate(listed, 1):
        if not isinstance(one, str):
            found = "None" if one is None else f"{type(one).__name__} ({shown(one)})"
            raise DataError(f"text {place}: found {found}, expected text; remove it or fill it in")
        try:
            one.encode()
        except UnicodeEncodeError as error:
            mark = shown(one[error.start])
            raise DataError(
                f"text {place}: found {mark}, half a character; expected Unicode; decode it again"
            ) from None
    return listed
