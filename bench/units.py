"""Format numbers for people; stored values are in SI units (s, B, 1/s, 1) and are formatted nowhere else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
CAUTION = "!"  # marks a row with a problem that a note explains


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Format of a column of numbers: one unit and one number of decimals, so that they align."""

    unit: str  # printed in the column's head; "" if none is needed
    si: str = ""  # unit of the stored values, in column names for programs
    factor: float = 1.0  # from the SI unit
    decimals: int | None = None  # None: as many as the smallest number needs for three digits
    max_decimals: int = 3
    mark: str = ""  # printed after every number
    signed: bool = False  # a plus sign before positive numbers
    grouped: bool = False  # thousands separators
    words: tuple[tuple[float, str], ...] = ()  # printed instead of these values, which are the only ones


SECONDS = Scale(unit="s", si="s", max_decimals=2)
MILLISECONDS = Scale(unit="ms", si="s", factor=1e3)
MICROSECONDS = Scale(unit="µs", si="s", factor=1e6)
MEGABYTES = Scale(unit="MB", si="B", factor=1e-6, max_decimals=2)
PER_SECOND = Scale(unit="1/s", si="per_s", max_decimals=2)
GIGA_OPERATIONS = Scale(unit="Gop/s", si="per_s", factor=1e-9, max_decimals=2)
SHARE = Scale(unit="", decimals=3)
RATIO = Scale(unit="", decimals=2, mark="×")
LOGITS = Scale(unit="", decimals=6)
COUNT = Scale(unit="", decimals=0)
LARGE_COUNT = Scale(unit="", decimals=0, grouped=True)
MEGA_OPERATIONS = Scale(unit="Mop", si="op", factor=1e-6, max_decimals=1)
TOKENS = Scale(unit="tokens", si="tokens", decimals=1)
DIFFERENCE = Scale(unit="", decimals=3, signed=True)
CHANCE = Scale(unit="", decimals=3)
VERDICT = Scale(unit="", decimals=0, words=((-1.0, "fails"), (0.0, "undecided"), (1.0, "holds")))


def format_seconds(seconds: float) -> str:
    """Format a time in s, ms or µs with three digits.

    >>> format_seconds(0.6049), format_seconds(0.0029), format_seconds(0.000_064), format_seconds(-95.31)
    ('605 ms', '2.90 ms', '64.0 µs', '-95.3 s')
    >>> format_seconds(0.999_96), format_seconds(0)
    ('1.00 s', '0 s')
    """
    rounded = abs(float(f"{seconds:.3g}"))  # 0.99996 is 1.00 s, not 1000 ms
    if not rounded:
        return "0 s"
    unit, factor = ("s", 1.0) if rounded >= 1 else ("ms", 1e3) if rounded >= 1e-3 else ("µs", 1e6)  # noqa: PLR2004
    return f"{seconds * factor:.{_decimals(rounded * factor)}f} {unit}"


def format_bytes(size: float) -> str:
    """Format a size in MB, which are 1,000,000 bytes.

    >>> format_bytes(44_800_000), format_bytes(1_234_567_890), format_bytes(40_321), format_bytes(0)
    ('44.8 MB', '1234.6 MB', '0.040 MB', '0.0 MB')
    """
    megabytes = size / 1e6
    return f"{megabytes:.{max(1, _decimals(megabytes))}f} MB"


def format_rate(rate: float, unit: str) -> str:
    """Format a rate with the prefix G or M.

    >>> format_rate(1.41e12, "op/s"), format_rate(3.73e9, "B/s"), format_rate(20_300_000, "/s")
    ('1410 Gop/s', '3.73 GB/s', '20.3 M/s')
    """
    prefix, factor = ("G", 1e9) if rate >= 1e9 else ("M", 1e6)  # noqa: PLR2004 - where G begins
    return f"{rate / factor:.{_decimals(rate / factor)}f} {prefix}{unit}"


def format_share(share: float) -> str:
    """Format a share with three decimals.

    >>> format_share(162 / 268)
    '0.604'
    """
    return f"{share:.3f}"


def format_percent(share: float, *, signed: bool = False) -> str:
    """Format a part of one, or a relative change, in percent.

    >>> format_percent(0.0123), format_percent(0.0123, signed=True)
    ('1.2 %', '+1.2 %')
    """
    return f"{100 * share:+.1f} %" if signed else f"{100 * share:.1f} %"


def format_detectable(change: float) -> str:
    """Format the smallest relative change that a measurement could detect.

    >>> format_detectable(0.0123), format_detectable(1.5)
    ('1.2 %', 'over 100 %')
    """
    return format_percent(change) if change < 1 else "over 100 %"


def format_count(count: int) -> str:
    """Format a whole number with thousands separators.

    >>> format_count(11_685_122)
    '11,685,122'
    """
    return f"{count:,}"


def counted(number: object, noun: str) -> str:
    """A number and its noun, in the plural unless the number is 1.

    >>> counted(1, "row without text"), counted(2, "row without text"), counted(2, "process")
    ('1 row without text', '2 rows without text', '2 processes')
    """
    if number == 1:
        return f"{number} {noun}"
    head, with_, rest = noun.partition(" with")
    return f"{number} {head}{'es' if head.endswith('s') else 's'}{with_}{rest}"


def many(count: int, noun: str) -> str:
    """``counted`` with thousands separators.

    >>> many(1, "row"), many(71537, "row")
    ('1 row', '71,537 rows')
    """
    return counted(1 if count == 1 else format_count(count), noun)


def format_instances(instances: int, threads: int) -> str:
    """Format processes and their threads.

    >>> format_instances(4, 1)
    '4 processes of 1 thread'
    """
    return f"{counted(instances, 'process')} of {counted(threads, 'thread')}"


def format_duration(seconds: float) -> str:
    """Format a duration for progress lines; its last part is rounded.

    >>> format_duration(0.4), format_duration(59.7), format_duration(125), format_duration(4000)
    ('0 s', '1 min 00 s', '2 min 05 s', '1 h 07 min')
    """
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 - seconds of an hour
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


def column_decimals(values: Sequence[float], scale: Scale) -> int:
    """Number of decimals with which the smallest of a column of SI values has three digits.

    >>> column_decimals([0.605, 0.0193], MILLISECONDS), column_decimals([412e6, 1300e6], MEGABYTES)
    (1, 0)
    >>> column_decimals([1, 0], SHARE), column_decimals([], SECONDS)
    (3, 2)
    """
    if scale.decimals is not None:
        return scale.decimals
    smallest = min((abs(value) for value in values if value), default=1.0) * scale.factor
    return min(scale.max_decimals, _decimals(smallest))


def format_number(value: float, scale: Scale, decimals: int) -> str:
    """Format an SI value for a column with the unit in its head.

    >>> format_number(0.605, MILLISECONDS, 1), format_number(1.2603, RATIO, 2)
    ('605.0', '1.26×')
    >>> format_number(0.01, DIFFERENCE, 3), format_number(0, DIFFERENCE, 3), format_number(-1, VERDICT, 0)
    ('+0.010', '0.000', 'fails')
    >>> format_number(11_685_122, LARGE_COUNT, 0)
    '11,685,122'
    """
    if scale.words:
        return dict(scale.words)[value]
    sign, comma = "+" if scale.signed and value > 0 else "", "," if scale.grouped else ""
    return f"{sign}{value * scale.factor:{comma}.{decimals}f}{scale.mark}"


def _decimals(value: float) -> int:
    """Number of decimals with which ``value`` has three digits: 0 for large numbers, at most 3."""
    if not value:
        return 0
    return min(3, max(0, 2 - math.floor(math.log10(abs(value)))))
