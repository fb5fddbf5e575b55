"""Reliability diagrams: accuracy against confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.probability_calibration import BINS, calibration_error, probabilities, reliability
from ...units import format_share
from ..formats.escapes import brief, shown
from .plot import Plot, add_legend, make_logarithmic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from ...analysis.probability_calibration import Bin
    from ...runs.predictions import Answers
    from .material import Material
    from .plot import Look


_ROOM = 0.03  # margin of the axes


def reliability_plots(page: Material) -> tuple[Plot, ...]:
    """One per labelled set whose predictions were saved."""
    plots = (_plot(page, place, name, answers) for place, (name, answers) in enumerate(page.answers.items(), start=1))
    return tuple(plot for plot in plots if plot)


def _plot(page: Material, place: int, name: str, answers: Answers) -> Plot | None:
    chances = {variant: probabilities(answers.logits[variant]) for variant in page.leading if variant in answers.logits}
    bins = {variant: reliability(found, answers.labels) for variant, found in chances.items()}
    errors = {variant: calibration_error(found, answers.labels) for variant, found in chances.items()}
    told = "; ".join(f"{shown(variant)}: {format_share(error)}" for variant, error in errors.items())

    def draw(drawing: Drawing) -> None:
        upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _draw(upper, bins, errors, page.looks)
        _draw_counts(lower, next(iter(bins.values())))
        lower.set_xlim(
            1 / len(page.run.checkpoint.labels) - _ROOM, 1 + _ROOM
        )  # the least confidence that the most likely class can have
        add_legend(drawing, upper)

    plot = Plot(
        name=f"reliability-{place}",
        title=f"Probability calibration on {shown(name)}",
        words=f"Accuracy against confidence on {shown(name)}. Expected calibration error: {told}",
        height=5.4,
        draw=draw,
    )
    return plot if chances and len(answers.labels) else None


def _draw(
    axes: Axes, of_variant: Mapping[str, Sequence[Bin]], errors: Mapping[str, float], look_of: Mapping[str, Look]
) -> None:
    axes.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle="--", label="perfectly calibrated")
    for variant, bins in of_variant.items():
        look = look_of[variant]
        axes.errorbar(
            [one.confidence for one in bins],
            [one.accuracy for one in bins],
            yerr=[[one.below for one in bins], [one.above for one in bins]],
            color=look.colour,
            marker=look.marker,
            linestyle="",
            elinewidth=1,
            alpha=0.8,
            label=f"{brief(variant)}, ECE {format_share(errors[variant])}",
        )
    axes.set_ylabel("accuracy")
    axes.set_ylim(-_ROOM, 1 + _ROOM)


def _draw_counts(axes: Axes, bins: Sequence[Bin]) -> None:
    """Texts by confidence of the first variant, the reference; those of the others hardly differ."""
    places, texts = [one.low for one in bins], [one.texts for one in bins]
    axes.bar(places, texts, width=1 / BINS, align="edge", color="#999999")
    make_logarithmic(axes, "y", (1,))
    axes.set_ylim(bottom=0.5)
    axes.set_xlabel("confidence")
    axes.set_ylabel("texts")
