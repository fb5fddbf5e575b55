"""The report of ``deploybench score``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...printable import printable
from ...units import counted, format_bytes, format_count, format_duration, format_percent, format_seconds

if TYPE_CHECKING:
    from ...score.answers import Tally
    from ...score.score_file import Scoring


def render_scoring(done: Scoring) -> str:
    """Rows and classes, time by stage, tokens and padding, peak memory."""
    shard = f"shard {done.shard}: " if done.shard else ""
    lines = [f"{shard}{format_count(done.rows)} rows{_taken(done)}{_dropped(done)}"]
    lines += _answers(done.tally)
    if done.texts:
        padding = format_percent(1 - done.read_tokens / done.computed_tokens)
        each = format_seconds(done.elapsed / done.read_tokens)
        lines += [
            f"time: {format_duration(done.elapsed)}, {done.texts / done.elapsed:.1f} texts/s",
            _stages(done),
            f"tokens: {done.read_tokens / done.texts:.1f} a text, {each} each; padding: {padding} of the computed tokens",
            _read(done),
        ]
    which = "all processes that answered" if done.nodes else "all processes together"
    return "\n".join([*lines, f"memory: at most {format_bytes(done.peak)} resident, {which}"])


def render_merge(shards: int, rows: int, tally: Tally) -> str:
    """Shards, rows and classes."""
    return "\n".join([f"{counted(shards, 'shard')}, {format_count(rows)} rows", *_answers(tally)])


def _answers(tally: Tally) -> list[str]:
    """Texts by label, or the range of their scores; nothing where no row has a text."""
    if tally.scores:
        mean = tally.total / tally.scores
        return [f"scores: {tally.lowest:.4g} to {tally.highest:.4g}, mean {mean:.4g}"]
    counts = [f"{format_count(count)} {printable(name)}" for name, count in sorted(tally.counts.items())]
    counts += [f"{format_count(tally.without_label)} without a label"] if tally.without_label else []
    return [f"labels: {', '.join(counts)}"] if counts else []


def _read(done: Scoring) -> str:
    """How texts longer than the model takes were read."""
    if done.windows:
        apart = f"of {done.windows.length} tokens, one every {done.windows.stride}"
        return f"windows {apart}: {done.read_windows / done.texts:.1f} a text; {done.windows.pool} of their logits"
    if done.length is None:
        return "texts are not truncated"
    return f"truncated at {done.length} tokens: {counted(done.cut, 'text')} ({format_percent(done.cut / done.texts)})"


def _taken(done: Scoring) -> str:
    return f", {format_count(done.taken)} of them scored before" if done.taken else ""


def _dropped(done: Scoring) -> str:
    return f"; without output: {', '.join(done.dropped)}" if done.dropped else ""


def _stages(done: Scoring) -> str:
    whole = sum(done.seconds.values()) if done.nodes else done.elapsed
    return ", ".join(f"{stage} {format_percent(seconds / whole)}" for stage, seconds in done.seconds.items())
