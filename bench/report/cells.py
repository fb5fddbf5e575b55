"""A table before it has a format: columns of figures, each in one unit, and notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ..runs.measurement import Figure
from ..units import CAUTION, Scale, column_decimals, format_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

ByVariant: TypeAlias = Callable[[str], Figure]

FAILED = "failed"
EMPTY = "\N{EN DASH}"  # not measured; a note under the table says why
_SHORT = len("no labelled set")  # characters of a reason that is shown in the cell itself
_MAX_HEAD = 24  # characters of a line; the rest of a longer label or set is cut off
DAGGER = "\N{DAGGER}"  # deprecated upstream
DOUBLE_DAGGER = "\N{DOUBLE DAGGER}"  # another model


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Name of a column in each format, and how its numbers are shown."""

    head: str  # "peak memory"
    scale: Scale
    short: str = ""  # "peak", for a terminal, with line breaks; "": the head, one word per line
    group: str = ""  # columns of a group stay together where a table is wider than the terminal
    interval: bool = False  # show the interval as well

    @property
    def heading(self) -> str:
        """Head and unit in one line: ``peak memory (MB)``."""
        return f"{self.head} ({self.scale.unit})" if self.scale.unit else self.head

    @property
    def key(self) -> str:
        """Name for programs, with the SI unit: ``peak_memory_B``."""
        words = re.split(r"[ -]", self.head)
        return "_".join([*words, self.scale.si] if self.scale.si else words)

    @property
    def lines(self) -> list[str]:
        """Lines of the short head, the unit last."""
        short = self.short.split("\n") if self.short else self.head.split()
        short = [line if len(line) <= _MAX_HEAD else f"{line[: _MAX_HEAD - 1]}…" for line in short]
        return [*short, self.scale.unit] if self.scale.unit else short


Content: TypeAlias = tuple[Column, ByVariant]  # a column, and its figure for a variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of figures, one per variant, or per whatever ``kind`` says."""

    title: str
    columns: tuple[Column, ...]
    rows: dict[str, tuple[Figure, ...]]  # by variant; as long as ``columns``
    notes: tuple[str, ...]
    kind: str = "variant"  # head of the names
    marks: Mapping[str, str] = field(default_factory=dict)  # DAGGER or DOUBLE_DAGGER after a name


def text_frame(table: Table) -> pd.DataFrame:
    """The cells as text with aligned decimals, one column per column after that of the names."""
    import pandas as pd

    marked = cautions(table)
    names = [name + table.marks.get(name, "") + CAUTION * (name in marked) for name in table.rows]
    columns = [_texts(column, cells) for column, cells in zip(table.columns, _transposed(table), strict=True)]
    heads = [table.kind, *(column.heading for column in table.columns)]
    return pd.DataFrame(list(zip(names, *columns, strict=True)), columns=heads, dtype=object)


def plain_frame(table: Table) -> pd.DataFrame:
    """The cells as numbers in SI units, or why there is none; intervals are columns of their own."""
    import pandas as pd

    heads, columns = [table.kind], [list[Any](table.rows)]
    for column, cells in zip(table.columns, _transposed(table), strict=True):
        heads.append(column.key)
        columns.append([_plain(cell) for cell in cells])
        if column.interval:
            heads += [f"{column.key}_low", f"{column.key}_high"]
            columns += [[cell.low for cell in cells], [cell.high for cell in cells]]
    marked = cautions(table)
    if marked:  # a mark on its name would make another variant of it
        heads.append("caution")
        columns.append([marked.get(name, "") for name in table.rows])
    return pd.DataFrame(list(zip(*columns, strict=True)), columns=heads, dtype=object)


def cautions(table: Table) -> dict[str, str]:
    """The first caution of each variant that has one."""
    found = ((name, next((cell.caution for cell in row if cell.caution), "")) for name, row in table.rows.items())
    return {name: caution for name, caution in found if caution}


def margin(cell: Figure) -> float | None:
    """Distance from the value to the farther end of its interval; None without one."""
    if cell.value is None or cell.low is None or cell.high is None:
        return None
    return max(cell.high - cell.value, cell.value - cell.low)


def _transposed(table: Table) -> list[tuple[Figure, ...]]:
    return [tuple(row[index] for row in table.rows.values()) for index in range(len(table.columns))]


def _texts(column: Column, cells: Sequence[Figure]) -> list[str]:
    values = [cell.value for cell in cells if cell.value is not None]
    decimals = max(column_decimals(values, column.scale), 1 if column.interval else 0)  # 605 ±0 would be too sure
    numbers = [_number(cell.value, column.scale, decimals) or gap(cell) for cell in cells]
    if not column.interval:
        return numbers
    margins = [_number(margin(cell), replace(column.scale, signed=False), decimals) for cell in cells]
    width = max(map(len, margins), default=0)
    tails = [f" ±{text:>{width}}" if text else "" for text in margins]
    return [
        number + tail.ljust(width + 2 if width else 0) if cell.value is not None else number
        for number, tail, cell in zip(numbers, tails, cells, strict=True)
    ]


def _number(value: float | None, scale: Scale, decimals: int) -> str:
    return "" if value is None else format_number(value, scale, decimals)


def gap(cell: Figure) -> str:
    """Text of a cell without a value: "failed", its reason where that is short, or a dash."""
    if cell.status == "failed":
        return FAILED
    return cell.reason if len(cell.reason) <= _SHORT else EMPTY


def _plain(cell: Figure) -> float | str:
    if cell.value is None:
        return f"{cell.status.replace('_', ' ')}: {cell.reason}"
    return int(cell.value) if cell.value.is_integer() else cell.value
