"""The printed comparison with the peer."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = 0.5  # of the peer's wall time


def text(figures: Mapping[str, Any]) -> str:
    """The printed lines."""
    walls, scaled = figures["wall_seconds"], figures["peer_seconds_at_our_width_computed"]
    lines = ["cell                          ours (ms)  width    n   peer (ms)  width    n"]
    for name, sides in figures["latency"].items():
        lines.append(f"{name:<28}" + "".join(_cell(sides.get(side)) for side in ("ours", "peer")))
    lines += [f"{name}: failed: {why}" for name, why in figures["failed"].items()]
    lines += [f"{name} is compared with {what}" for name, what in figures["closest"].items()]
    lines += [
        "",
        f"ours  {walls['ours']:8.0f} s, export, parity checks and all that a run measures included",
        f"peer  {walls['peer']:8.0f} s, process launcher, {figures['peer_settings']}{_stopped(figures)}",
        f"ours / peer: {figures['ours_over_peer']:.2f}, target {TARGET}: {_verdict(figures['ours_over_peer'])}",
        f"median width of a cell: ours {_median(figures, 'ours')}, peer {_median(figures, 'peer')} (rounds of one process)",
        f"peer  {scaled:8.0f} s for our width in every measured cell: computed, not measured",
        f"ours / peer at our width: {_at_our_width(figures)}",
    ]
    lines += ["a part of the grid, or not the peer's defaults: no answer for the whole grid"] if figures["part"] else []
    return "\n".join(lines) + "\n"


def _stopped(figures: Mapping[str, Any]) -> str:
    measured, of = figures["peer_points"]["measured"], figures["peer_points"]["of"]
    return f"; stopped after {measured} of {of} points, so all of them take longer" if measured < of else ""


def _at_our_width(figures: Mapping[str, Any]) -> str:
    """If the peer was stopped, only an upper bound is known, because our time is of every point."""
    ratio = figures["wall_seconds"]["ours"] / figures["peer_seconds_at_our_width_computed"]
    open_yet = _stopped(figures) and ratio > TARGET
    return f"less than {ratio:.2f}, as far as measured: unknown" if open_yet else f"{ratio:.2f}: {_verdict(ratio)}"


def _verdict(ratio: float) -> str:
    return "reached" if ratio <= TARGET else "missed"


def _median(figures: Mapping[str, Any], side: str) -> str:
    cells = [one[side]["width"] for one in figures["latency"].values() if side in one]
    known = [math.inf if width is None else width for width in cells]
    return f"{statistics.median(known):.2%}" if known else "-"


def _cell(timed: Mapping[str, Any] | None) -> str:
    if timed is None:
        return f"{'-':>12}{'-':>7}{'-':>5}"
    width = "open" if timed["width"] is None else f"{timed['width']:.1%}"
    return f"{timed['value'] * 1e3:>12.2f}{width:>7}{timed['count']:>5}"
