"""Lengths of the texts in tokens, and how many of them are truncated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...analysis.misclassified.lengths import reading_length
from ...units import format_count
from ..formats.escapes import brief, shown
from .plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from .material import Material

_BARS = 30
_HEIGHT = 1.7  # inches per set
_MOST = 12  # sets that are drawn


def length_plots(page: Material) -> tuple[Plot, ...]:
    """One with all labelled sets below each other; none for a run without lengths."""
    kept = ((name, of_set.tokens) for name, of_set in page.answers.items())
    lengths = {name: np.maximum(tokens, 1) for name, tokens in kept if tokens is not None and len(tokens)}
    if not lengths:
        return ()
    lengths, limit = dict(list(lengths.items())[:_MOST]), reading_length(page.run)

    def draw(drawing: Drawing) -> None:
        every = drawing.subplots(len(lengths), 1, sharex=True, squeeze=False)[:, 0]
        edges = _edges(lengths, limit)
        for axes, (name, tokens) in zip(every, lengths.items(), strict=True):
            _draw(axes, tokens, edges, limit)
            axes.set_title(brief(name), fontsize=9)
        every[-1].set_xlabel("tokens in a text; dashed: truncation")

    words = "; ".join(_words(name, tokens, limit) for name, tokens in lengths.items())
    title = "Lengths of the texts"
    return (Plot(name="lengths", title=title, words=f"{title}. {words}", height=1 + _HEIGHT * len(lengths), draw=draw),)


def _edges(lengths: Mapping[str, npt.NDArray[np.int32]], limit: int) -> npt.NDArray[np.float64]:
    """Logarithmic bins: one text of a million tokens leaves the others room."""
    least = min(int(tokens.min()) for tokens in lengths.values())
    most = max(limit, *(int(tokens.max()) for tokens in lengths.values()))
    return np.asarray(np.geomspace(least, most + 1, _BARS + 1))


def _draw(axes: Axes, tokens: npt.NDArray[np.int32], edges: npt.NDArray[np.float64], limit: int) -> None:
    axes.hist(tokens, bins=edges.tolist(), color="#0072b2")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: format_count(round(value)))
    axes.axvline(limit, color="#d55e00", linewidth=1.5, linestyle="--")
    axes.set_ylabel("texts")


def _words(name: str, tokens: npt.NDArray[np.int32], limit: int) -> str:
    middle, longest, truncated = int(np.median(tokens)), int(tokens.max()), int((tokens > limit).sum())
    return (
        f"{shown(name)}: half of them have at most {format_count(middle)} tokens, the longest {format_count(longest)}; "
        f"{format_count(truncated)} of {format_count(len(tokens))} are truncated at {format_count(limit)}"
    )
