"""From the names of two sides to their comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...machine.alone import alone
from ...pipeline.options import asked_variants
from .measure import Setting, duel, workloads
from .sides import two_sides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipeline.options import Options
    from ..changes import Comparison


def duel_of(
    names: tuple[str, str], options: Options, asked: Sequence[str], pythons: tuple[str, str] | None = None
) -> Comparison:
    """Measure ``names`` against each other with the variants that were ``asked``; raises UserError as ``two_sides`` does.

    ``pythons``: interpreters that run them instead of this one.
    """
    given = asked_variants(asked)
    variants = tuple(name for name in options.variants if name in given)
    with alone(), two_sides(names, options, variants, pythons) as sides:
        setting = Setting(
            workloads=workloads(sides, options), target_width=options.target_width, budget_s=options.time_budget
        )
        return duel(*sides, setting)
