"""Latency of a server's requests by their rate, one line per variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...analysis.server_figures import trials_of
from ..formats.escapes import brief, shown
from .plot import Plot, add_legend, make_logarithmic

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from .material import Material

_HEIGHT = 5.4  # inches
_FAR = 10  # times the limit: what is slower is drawn there


def server_plots(page: Material) -> tuple[Plot, ...]:
    """One, with logarithmic axes; none for a run that measured no server."""
    limit = page.run.plan.p99_limit
    trials = trials_of(page.run)
    lines = {
        variant: [(one["request_rate"], min(one["request_p99"], _FAR * limit)) for one in trials[variant]]
        for variant in page.run.plan.variants
        if variant in trials
    }
    if not lines:
        return ()

    def draw(drawing: Drawing) -> None:
        axes = drawing.subplots()
        for variant, points in lines.items():
            look = page.looks[variant]
            rates, latencies = zip(*points, strict=True)
            axes.plot(
                rates,
                [1e3 * one for one in latencies],
                color=look.colour,
                marker=look.marker,
                linestyle="",  # the trials of all launches, which would be one zigzag
                label=brief(variant),
            )
        axes.axhline(1e3 * limit, color="#888888", linewidth=1.5, linestyle="--")
        make_logarithmic(axes, "x")
        make_logarithmic(axes, "y")
        axes.set_xlabel("requests a second; dashed: the limit")
        axes.set_ylabel("99th percentile of the latency (ms)")
        add_legend(drawing, axes)

    title = "Latency of requests by their rate"
    words = "; ".join(
        f"{shown(variant)}: " + ", ".join(f"{1e3 * latency:.3g} ms at {rate:.3g}" for rate, latency in points)
        for variant, points in lines.items()
    )
    return (Plot(name="server", title=title, words=f"{title}. {words}", height=_HEIGHT, draw=draw),)
