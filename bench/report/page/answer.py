"""The beginning of the page: which variant, or pair of model and variant, to take, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.selection import deciding_figure
from ...units import counted, format_bytes, format_seconds
from ..messages.screen import listed
from ..messages.selection import gain, lost_by_best, other_model_line
from ..quality import loss_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...analysis.other_model import OtherModel
    from ...analysis.selection import Selection
    from ...runs.measurement import Figure

_BYTES = {"peak_memory": "of memory", "artifact_size": "on disk"}


def answer(selection: Selection, figures: Sequence[Figure], lengths: str) -> str:
    """One sentence; ``figures``: of all candidates, ``lengths``: of the texts that were timed."""
    best = selection.best
    if best is None:
        why = (
            "can be taken"
            if selection.by_costs
            else f"is certain to lose at most {selection.max_drop:g} of {loss_of(selection)}"
        )
        return f"Take none: no variant {why}."
    costs = [_time(best.figure, lengths), gain(selection), *_sizes(figures, best.variant)]
    return f"{'; '.join([f'Take {best.variant}: ' + ', '.join(filter(None, costs)), *lost_by_best(selection)])}."


def reservations(selection: Selection) -> list[str]:
    """Cautions of the variant, the limit, variants that may be better, and other models that would do."""
    best, undecided = selection.best, [one.variant for one in selection.possibly_better]
    cautions = [f"{best.variant}: {caution}" for caution in best.cautions] if best else []
    if best and not selection.by_costs:
        cautions.append(
            f"It is the fastest variant that is certain to lose at most {selection.max_drop:g} of {loss_of(selection)}."
        )
    if undecided:
        names = ", ".join(undecided) if selection.kind == "variant" else listed(undecided)  # of several models too many
        cautions.append(
            f"Faster, but undecided whether within that limit: {names}. More texts may decide, labelled or not."
        )
    return [*cautions, *map(_sentence, selection.other_models)]


def _sentence(one: OtherModel) -> str:
    line = other_model_line(one)
    return line[0].upper() + line[1:]


def _time(figure: Figure | None, lengths: str) -> str:
    assert figure is not None  # one that is within the limits was timed
    assert figure.value is not None
    assert figure.workload is not None
    texts = counted(figure.workload.batch_size, "text")
    return f"{format_seconds(figure.value)} for {texts} of {lengths}"


def _sizes(figures: Sequence[Figure], variant: str) -> list[str]:
    found = {metric: deciding_figure(figures, variant, metric) for metric in _BYTES}
    return [
        f"{format_bytes(one.value)} {_BYTES[metric]}" for metric, one in found.items() if one and one.value is not None
    ]
