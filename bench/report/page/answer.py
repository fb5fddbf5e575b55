"""The answer with which a page begins: which variant to take, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.choice import deciding_figure
from bench.report.best import lost_accuracy
from bench.units import counted, format_bytes, format_seconds
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from bench.analysis.recommendation import Standings
    from bench.report.page.material import Material
    from bench.runs.measurement import Figure

_BYTES = {"peak_memory": "of memory", "artifact_size": "on disk"}


def answer(page: Material) -> str:
    """One sentence."""
    best = page.found.best
    if best is None:
        return f"Take none: of no variant is it sure that it loses at most {page.max_drop:g} of accuracy."
    costs = [f"{_time(best.objective)}{_gain(page, best)}", *_sizes(page, best.variant)]
    lost = "" if best.variant == REFERENCE else f"; {lost_accuracy(best.drop)}"
    return f"Take {best.variant}: {', '.join(costs)}{lost}."


def reservations(page: Material) -> list[str]:
    """What has to be known with the answer: what is wrong with the variant, and which might come before it."""
    best, names = page.found.best, ", ".join(one.variant for one in page.found.hopeful)
    cautions = [f"{best.variant}: {caution}" for caution in best.cautions] if best else []
    if best:
        cautions.append(f"It is the fastest of those that surely lose at most {page.max_drop:g} of accuracy.")
    if names:
        cautions.append(
            f"Faster, but it is undecided whether within that limit: {names}. More labelled texts may tell."
        )
    return cautions


def _time(figure: Figure | None) -> str:
    assert figure is not None  # one that is within the limits was timed
    assert figure.value is not None
    assert figure.workload is not None
    texts = counted(figure.workload.batch_size, "text")
    return f"{format_seconds(figure.value)} for {texts} of {figure.workload.sequence_length} tokens"


def _gain(page: Material, best: Standings) -> str:
    latencies = {one.variant: one.objective.value for one in page.found.variants if one.objective}
    reference, own = latencies.get(REFERENCE), latencies.get(best.variant)
    if best.variant == REFERENCE or not reference or not own:
        return ""
    return f", {reference / own:.2f} times as fast as {REFERENCE}"


def _sizes(page: Material, variant: str) -> list[str]:
    found = {
        metric: deciding_figure([one for one in page.figures if one.metric == metric], variant) for metric in _BYTES
    }
    return [
        f"{format_bytes(one.value)} {_BYTES[metric]}" for metric, one in found.items() if one and one.value is not None
    ]
