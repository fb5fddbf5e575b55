"""Pairs of texts, such as premise and hypothesis, which a model reads as two texts and never joined to one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...exporters.errors import DataError
from ..console import say
from .table_file import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PAIRS = (  # lower-case letters and digits only: "sentence_A" is "sentencea"
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentencea", "sentenceb"),
    ("question1", "question2"),
    ("text1", "text2"),
    ("texta", "textb"),
    ("text", "textpair"),
    ("query", "document"),
    ("query", "passage"),
    ("question", "answer"),
    ("question", "passage"),
    ("question", "context"),
    ("question", "sentence"),
    ("claim", "evidence"),
    ("sent1", "sent2"),
    ("s1", "s2"),
)
_QUERY = "query"
_NLI = "entail"  # in the name of a class: "entailment", "not_entailment", "entails"


class PairColumns(tuple[str, ...]):  # noqa: SLOT001 - a tuple cannot have slots
    """The columns of the two texts of a pair."""


def find_pair(columns: Sequence[str]) -> PairColumns | None:
    """Two of ``columns`` whose names are those of a pair's texts."""
    named = {_normalised(column): column for column in columns}
    return next((PairColumns(named[one] for one in pair) for pair in _PAIRS if set(pair) <= named.keys()), None)


def half_pair(columns: Sequence[str]) -> str:
    """One of ``columns`` whose name is that of one text of a pair; empty where there is none."""
    known = {one for pair in _PAIRS for one in pair}
    return next((column for column in columns if _normalised(column) in known), "")


def reads_queries(columns: Sequence[str]) -> bool:
    """Whether the first text of a pair is a query, which several second ones may answer."""
    return isinstance(columns, PairColumns) and _normalised(columns[0]) == _QUERY


def _normalised(column: str) -> str:
    return re.sub(r"[\W_]+", "", column.casefold())


def refuse_joined(path: Path, columns: Sequence[str]) -> None:
    """Raise DataError if two of ``columns``, which would be joined to one text, are the texts of a pair."""
    pair = find_pair(columns)
    if pair:
        raise DataError(
            f"{path}: columns {listed(pair)} are the two texts of a pair, and joined by a space they are another input than "
            f"a model of pairs was trained on; pass --pair-columns {','.join(pair)}, or name the columns of one text with "
            "--text-columns"
        )


def caution_single(path: Path, columns: Sequence[str], names: Sequence[str]) -> None:
    """Print a caution if texts are single ones and the class names are those of a model of pairs."""
    if isinstance(columns, PairColumns) or not any(_NLI in name.casefold() for name in names):
        return
    texts = f"{' + '.join(map(repr, columns))} {'are joined by a space to' if len(columns) > 1 else 'is'} one text"
    say(
        f"caution: {path}: {texts}, and the classes {listed(names)} are those of pairs of texts: a model of pairs was trained "
        "on another input"
    )
