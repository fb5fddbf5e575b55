"""The beginning of the page: which variant to take, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.figures import timed_lengths
from bench.analysis.selection import deciding_figure
from bench.report.messages.selection import gain, lost_accuracy, other_model_line
from bench.units import counted, format_bytes, format_seconds
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from bench.analysis.other_model import OtherModel
    from bench.report.page.material import Material
    from bench.runs.measurement import Figure

_BYTES = {"peak_memory": "of memory", "artifact_size": "on disk"}


def answer(page: Material) -> str:
    """One sentence."""
    best = page.selection.best
    if best is None:
        return f"Take none: no variant is certain to lose at most {page.selection.max_drop:g} of accuracy."
    costs = [_time(best.figure, timed_lengths(page.run)), gain(page.selection), *_sizes(page, best.variant)]
    lost = "" if best.variant == REFERENCE else f"; {lost_accuracy(best.drop)}"
    return f"Take {best.variant}: {', '.join(filter(None, costs))}{lost}."


def reservations(page: Material) -> list[str]:
    """Cautions of the variant, the limit, variants that may be better, and other models that would do."""
    best, names = page.selection.best, ", ".join(one.variant for one in page.selection.possibly_better)
    cautions = [f"{best.variant}: {caution}" for caution in best.cautions] if best else []
    if best:
        cautions.append(
            f"It is the fastest variant that is certain to lose at most {page.selection.max_drop:g} of accuracy."
        )
    if names:
        cautions.append(
            f"Faster, but undecided whether within that limit: {names}. More texts may decide, labelled or not."
        )
    return [*cautions, *map(_sentence, page.selection.other_models)]


def _sentence(one: OtherModel) -> str:
    line = other_model_line(one)
    return line[0].upper() + line[1:]


def _time(figure: Figure | None, lengths: str) -> str:
    assert figure is not None  # one that is within the limits was timed
    assert figure.value is not None
    assert figure.workload is not None
    texts = counted(figure.workload.batch_size, "text")
    return f"{format_seconds(figure.value)} for {texts} of {lengths}"


def _sizes(page: Material, variant: str) -> list[str]:
    found = {metric: deciding_figure(page.figures, variant, metric) for metric in _BYTES}
    return [
        f"{format_bytes(one.value)} {_BYTES[metric]}" for metric, one in found.items() if one and one.value is not None
    ]
