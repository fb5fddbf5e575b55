"""Executed number format: whether a variant runs in the format of its name, and whether it predicts the same on other CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..runs.store import VariantInfo


def precision_problem(
    precision: str, weights: Mapping[str, float], attention: Mapping[str, float], least: float = 0.9
) -> str:
    """Why the executed multiply-adds are not those of a variant named ``precision``; empty where they are.

    fp32 must be fp32 throughout, attention included. Any other format must run the share ``least`` of the products with weights;
    attention's products, which grow with the length, do not count.

    >>> precision_problem("fp32", {"bf16": 3.0}, {"fp32": 1.0})
    'runs bf16 in 75 % of its multiply-adds, called fp32'
    >>> precision_problem("int8", {"int8": 1.0, "fp32": 9.0}, {})
    'only 10 % of its multiply-adds with weights run in int8, at least 90 % expected'
    """
    if not weights:
        return ""
    if precision == "fp32":
        every = [*weights.items(), *attention.items()]
        other = [(count, name) for name, count in every if name != precision]
        if not other:
            return ""
        share = sum(count for count, _ in other) / sum(count for _, count in every)
        names = " and ".join(dict.fromkeys(name for _, name in other))
        return f"runs {names} in {_percent(share)} of its multiply-adds, called fp32"
    share = weights.get(precision, 0.0) / sum(weights.values())
    if share >= least:
        return ""
    return f"only {_percent(share)} of its multiply-adds with weights run in {precision}, at least {_percent(least)} expected"


def vnni_problem(found: Mapping[str, float], parity: Mapping[str, Any]) -> str:
    """Why a variant may predict otherwise on a CPU without VNNI; empty where it does not, or where that is unknown.

    >>> vnni_problem({"cut": 0.0012}, {"agreement": 1.0})
    'without VNNI, 0.12 % of its int8 sums are cut: on such a CPU it may predict otherwise'
    >>> vnni_problem({"agreement": 0.95}, {"agreement": 0.99})
    'without VNNI, its labels agree on 95.0 % instead of 99.0 %'
    """
    if found.get("cut", 0.0) > 0:
        return (
            f"without VNNI, {100 * found['cut']:.2g} % of its int8 sums are cut: on such a CPU it may predict otherwise"
        )
    if found.get("agreement", 1.0) < parity.get("agreement", 0.0):
        return f"without VNNI, its labels agree on {100 * found['agreement']:.1f} % instead of {100 * parity['agreement']:.1f} %"
    return ""


def cautions(info: VariantInfo) -> tuple[str, ...]:
    """What a person who takes the variant should know: another number format, other predictions without VNNI, notes."""
    notes = [f"another model: {note}" for note in info.notes] if info.another_model else info.notes
    found = (info.executed_problem, vnni_problem(info.without_vnni, info.parity), *notes)
    return tuple(caution for caution in found if caution)


def main_precision(info: VariantInfo) -> str:
    """Number format of most multiply-adds with weights; that of the name where it is unknown."""
    return max(info.executed, key=info.executed.__getitem__, default=info.precision)


def differing_precisions(one: VariantInfo, other: VariantInfo) -> tuple[str, str] | None:
    """Main number formats of both, if both are known and differ."""
    if not (one.executed and other.executed):
        return None
    found = main_precision(one), main_precision(other)
    return found if found[0] != found[1] else None


def executed_details(info: VariantInfo) -> str:
    """Shares of the other number formats of the products with weights, and attention's format where it differs."""
    main = main_precision(info)
    total = sum(info.executed.values()) or 1.0
    others = [f"{_percent(count / total)} {name}" for name, count in info.executed.items() if name != main]
    attention = [name for name in info.executed_attention if name != main]
    return ", ".join([*others, *([f"attention {' and '.join(attention)}"] if attention else [])])


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
