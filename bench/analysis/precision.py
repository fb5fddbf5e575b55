"""Does a variant compute in the precision that it is called after, and the same elsewhere? The rules, and how it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.runs.store import VariantInfo

_LEAST_SHARE = 0.9  # of the multiply-adds with weights; a quantiser may rightly leave out a sensitive layer


def precision_problem(precision: str, weights: Mapping[str, float], attention: Mapping[str, float]) -> str:
    """Why a variant called ``precision`` is not what it is called, by its executed multiply-adds; nothing when it is.

    fp32 promises that nothing is rounded, attention included. Any other precision is a choice for the products with
    weights, and must have 90 % of those; attention's products, which grow with the length, are not in that share.

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
    if share >= _LEAST_SHARE:
        return ""
    least = _percent(_LEAST_SHARE)
    return f"only {_percent(share)} of its multiply-adds with weights run in {precision}, at least {least} expected"


def vnni_problem(found: Mapping[str, float], parity: Mapping[str, Any]) -> str:
    """Why a variant may predict otherwise on a CPU without VNNI; nothing where it does not, or is not known to.

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
    """All that people should know of a variant before they take it: where it is not what it is called, or not everywhere."""
    found = (info.executed_problem, vnni_problem(info.without_vnni, info.parity), *info.notes)
    return tuple(caution for caution in found if caution)


def main_precision(info: VariantInfo) -> str:
    """The precision of most of its multiply-adds with weights; what it is called where that is not known."""
    return max(info.executed, key=info.executed.__getitem__, default=info.precision)


def differing_precisions(one: VariantInfo, other: VariantInfo) -> tuple[str, str] | None:
    """The main precisions of both, where both are known and they are two."""
    if not (one.executed and other.executed):
        return None
    found = main_precision(one), main_precision(other)
    return found if found[0] != found[1] else None


def executed_details(info: VariantInfo) -> str:
    """What a variant's main precision does not say: the share of the others with weights, and attention's where it differs."""
    main = main_precision(info)
    total = sum(info.executed.values()) or 1.0
    others = [f"{_percent(count / total)} {name}" for name, count in info.executed.items() if name != main]
    attention = [name for name in info.executed_attention if name != main]
    return ", ".join([*others, *([f"attention {' and '.join(attention)}"] if attention else [])])


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
