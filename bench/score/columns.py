"""Columns of a file of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .answers import answer_kinds, answer_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from ...exporters.head import Head
    from ..texts.text_rows import TextRow
    from .pipeline import Answered
    from .source import Source


class Columns:
    """Of the rows of ``source``: the file within a folder, row number, answer, logits, tokens, and the number of windows.

    All but file and number are empty for a row without text.
    """

    def __init__(self, source: Source, head: Head, *, by_windows: bool) -> None:
        import pyarrow as pa

        self._source, self._head, self._by_windows = source, head, by_windows
        logits = dict.fromkeys((f"logit_{index}" for index in range(len(head.labels))), pa.float32())
        self._answers: dict[str, Any] = {**answer_kinds(head), **logits, "tokens": pa.int32()}
        if by_windows:
            self._answers["windows"] = pa.int32()
        places: dict[str, Any] = {"file": pa.string()} if source.is_folder else {}
        self.schema = pa.schema({**places, "row": pa.int64(), **self._answers})
        """Of the file."""

    def table(self, chunk: Sequence[TextRow], answered: Answered | None) -> pa.Table:
        """A row for each of ``chunk``; ``answered``: its rows with a text, None where there is none."""
        import pyarrow as pa

        columns = [pa.array([self._source.name(row.path) for row in chunk])] if self._source.is_folder else []
        columns.append(pa.array([row.number for row in chunk], type=pa.int64()))
        if answered is None:
            columns += [pa.nulls(len(chunk), kind) for kind in self._answers.values()]
        else:
            windows = [answered.windows] if self._by_windows else []
            values = (*answer_values(self._head, answered), *answered.logits.T, answered.tokens, *windows)
            empty = np.asarray([row.cause is not None for row in chunk])
            place = np.where(empty, 0, np.cumsum(~empty) - 1)
            kinds = zip(self._answers.values(), values, strict=True)
            columns += [pa.array(found[place], type=kind, mask=empty) for kind, found in kinds]
        return pa.table(columns, schema=self.schema)
