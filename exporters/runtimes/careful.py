"""Mixed precision: which matrix products of an int8 model stay in floats, so that fewer texts change their answer.

Judged by texts that calibrated nothing. They are too few to count changed classes, so the change of each text's margin (its
class's logit less the next one's; ``margins`` has that of other heads) is compared with the margin itself. A margin and its
change are not independent: int8 changes the logits of texts near the boundary more, and estimating as if they were finds half of
the changed classes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ..head import SINGLE_LABEL, margins

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..head import Head, Margins
    from ..variant import Float32Array

NO_CLASSES = "random weights have no classes to keep"
LIMIT = 0.005  # share of texts that may change class with plain int8
SECONDS = 20.0  # after which no further product is tried
_RANKED = 16  # texts that rank the products; fewer suffice than to judge
_FRACTIONS = (1.0, 0.5, 0.25)  # of a margin
_LEAST = 1e-6  # a margin of 0 is not divided by

Logits: TypeAlias = "Callable[[Collection[str], int], Float32Array]"


class Group(NamedTuple):
    """Matrix products that share a weight. They are left together, so that it is stored once."""

    names: tuple[str, ...]
    size: int  # numbers of the weight, once for each product


class Choice(NamedTuple):
    """What stays in floats; nothing where plain int8 keeps the classes."""

    left: tuple[str, ...]  # names of products
    note: str  # for the user


def changed_share(expected: Float32Array, found: Float32Array, head: Head = SINGLE_LABEL) -> float:
    """Share of texts that change class, estimated from the logits ``(texts, num_labels)`` of two models.

    If margins near 0 are equally frequent, a class changes a quarter as often as a margin shrinks by more than a quarter. Half of
    the margins that change shrink. The largest estimate counts, so no fewer than did change.
    """
    distances, changes = _changes(expected, found, head)
    changed = float((changes + distances < 0).mean())
    return max(
        changed, *(fraction / 2 * float((np.abs(changes) > fraction * distances).mean()) for fraction in _FRACTIONS)
    )


def damage(expected: Float32Array, found: Float32Array, head: Head = SINGLE_LABEL) -> float:
    """How much the margins change, each relative to itself: 0 to 1, and smooth where ``changed_share`` is a count of few."""
    distances, changes = _changes(expected, found, head)
    return float((np.abs(changes) / (np.abs(changes) + distances + _LEAST)).mean())


def _changes(expected: Float32Array, found: Float32Array, head: Head) -> tuple[Margins, Margins]:
    """The margin of each text, and how much it changes."""
    before, after = margins(head, expected, found)
    return before, after - before


def choose(  # noqa: PLR0913 - what is tried, and how it is judged
    groups: Sequence[Group],
    logits: Logits,
    expected: Float32Array,
    most: float,
    *,
    head: Head = SINGLE_LABEL,
    clock: Callable[[], float] = time.monotonic,
) -> Choice:
    """The groups that stay in floats, the most damaging for their size first; none where plain int8 keeps the classes.

    ``logits(left, count)`` are those of the first ``count`` texts with the products ``left`` in floats; ``expected`` are those of
    the fp32 model. ``most``: share of all weights that may stay in floats, which bounds what that costs in speed. Groups that
    cannot be tried within SECONDS stay int8, and the note says so.
    """
    plain = changed_share(expected, logits((), len(expected)), head)
    if plain <= LIMIT:
        return Choice((), "plain int8 keeps the classes")
    ranked = _by_damage(groups, logits, expected[:_RANKED], head, clock)
    room, chosen = most * sum(group.size for group in groups), []
    for group in ranked:
        if group.size <= room:
            chosen.append(group)
            room -= group.size
    left = _names(chosen)
    share = changed_share(expected, logits(left, len(expected)), head)
    found = f"{_percent(share)} of classes change (plain int8: {_percent(plain)}), estimated from {len(expected)} texts"
    stopped = f"; {len(groups) - len(ranked)} were not tried within {SECONDS:.0f} s" * (len(ranked) < len(groups))
    return Choice(left, f"{len(left)} of {len(_names(groups))} matrix products are not int8: {found}{stopped}")


def _by_damage(
    groups: Sequence[Group], logits: Logits, expected: Float32Array, head: Head, clock: Callable[[], float]
) -> list[Group]:
    """The groups that could be tried in time, in descending order of damage for their size.

    Damage is that of each alone in int8. Damages add up in quadrature, so its square is divided by the size.
    """
    end, found = clock() + SECONDS, {}
    for group in groups:
        if clock() > end:
            break
        left = [name for name in _names(groups) if name not in group.names]
        found[group] = damage(expected, logits(left, len(expected)), head) ** 2 / group.size
    return sorted(found, key=found.__getitem__, reverse=True)


def _names(groups: Sequence[Group]) -> tuple[str, ...]:
    return tuple(name for group in groups for name in group.names)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
