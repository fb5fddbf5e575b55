"""The parts of a first screen: how they share its lines, the table of candidates with their costs, and the decision."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...units import (
    CAUTION,
    DIFFERENCE,
    MEGABYTES,
    MILLISECONDS,
    RATIO,
    SHARE,
    counted,
    format_bytes,
    format_number,
    many,
)
from ..cells import FAILED, Column, Table, text_frame
from ..formats.terminal import WIDTH, Strip, block, wrapped
from ..quality import loss_of
from .selection import gain, lost_by_best, other_model_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...analysis.selection import Candidate, Selection
    from ...runs.measurement import Figure
    from ...runs.store import Run, SetInfo
    from ..cells import ByVariant, Content
    from ..pair_figures import PairFigures
    from ..run_figures import RunFigures

LINES = 40  # that a run prints at most, the screen and what was printed before
NAME = 24  # characters of a user's name
_LEAST_NAME = 4  # characters of a shortened one
_LEAST_ROOM = 22
_FEWEST_ROWS = 3
_FEWEST_TOLD = 2  # lines of the decision
_MOST = 3  # names in a list
_STANDINGS = {"in": "within", "undecided": "undecided", "out": "out"}
_CHANGED = ["classes", "changed"]  # of texts without labels
_WIDE = 2.0  # upper / lower end of an interval
_UNKNOWN = 100  # from end to end: such a figure says nothing
_OTHER = 7  # empty lines, the head of the table, and a line under it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The candidates of a selection, and what the table shows of them."""

    selection: Selection
    costs: Sequence[Content]  # from ``costs``
    failed: Mapping[str, str]  # why, by candidate
    kept: Sequence[str]  # candidates that are shown before better ones where there is not room for all
    marks: Mapping[str, str]  # after names, by candidate
    fewest: int = _FEWEST_ROWS  # rows that come before what else is to be told, where there is room


def screen(
    measured: Sequence[str], rows: Rows, commands: Sequence[str], room: int, *, brief: Sequence[str] = ()
) -> str:
    """At most ``room`` lines of 80 characters, from 22 on: what was measured, the table, the decision, the next commands.

    ``brief``: what was measured, what matters most first, for where the decision would not find room; it then has what is left.
    """
    rows = with_brief_names(rows)
    room = max(room, _LEAST_ROOM) - len(commands) - _OTHER
    before, decision = wrapped(measured, most=2), wrapped(decided(rows)).splitlines()
    if len(before.splitlines()) > room - _FEWEST_ROWS - _FEWEST_TOLD:
        before = wrapped(measured, most=1)
    if brief:
        before = _fitting([before, wrapped(brief, most=2), wrapped(brief, most=1)], room - len(decision) - rows.fewest)
    left = room - len(before.splitlines())
    fewest = max(min(rows.fewest, left - _FEWEST_TOLD), _FEWEST_ROWS)
    if len(decision) > left - fewest:
        decision = [*decision[: left - fewest - 1], "…"]
    table = _table(rows, max(left - len(decision), fewest))
    return "\n\n".join([before, table, "\n".join(decision), "\n".join(commands)])


def _fitting(texts: Sequence[str], lines: int) -> str:
    """The first that has at most ``lines``; else what the last has in them, one at least."""
    fits = (text for text in texts if len(text.splitlines()) <= lines)
    return next(fits, None) or "\n".join(texts[-1].splitlines()[: max(1, lines)])


def costs(cells: RunFigures | PairFigures, speed_up: ByVariant) -> list[Content]:
    """Latency of the smallest batch, its ``speed_up``, peak of the heap and size on disk."""
    latency = cells.of_each(lambda one: one.at_batch("latency", min(one.run.plan.batch_sizes)))
    memory = cells.of_each(lambda one: one.at_length("peak_memory", max(one.run.plan.sequence_lengths)))
    ratio = Column(head="speed-up", short="speed-\nup", scale=replace(RATIO, mark=""), interval=True)
    return [
        (Column(head="latency", scale=MILLISECONDS), latency),
        (ratio, speed_up),
        (Column(head="memory", scale=MEGABYTES), memory),
        (Column(head="size", scale=MEGABYTES), cells.of_each(lambda one: one.at("artifact_size"))),
    ]


def scored_texts(labelled: SetInfo) -> str:
    """How many texts were scored, and of how many where the time budget left some out."""
    whole = f" of {labelled.rows + labelled.unscored}" * bool(labelled.unscored)
    return f"{labelled.rows}{whole} texts"


def recommend_command(file: str, selection: Selection, work_dir: Path | None) -> str:
    """The command that writes what is to be taken; ``work_dir``: the folder of the artifacts, if it is not the usual one."""
    folder = f" --work-dir {shlex.quote(str(work_dir))}" if work_dir else ""
    write = f" --copy-to best{folder}" if selection.best else ""
    return f"{'artifact to serve' if write else 'why none'}: deploybench recommend {file}{write}"


def machine(run: Run) -> str:
    """CPU, cores, instructions that count, and threads."""
    environment = run.environment
    isa = environment.get("isa") or ()
    implied = ("fma", "avx2") if "avx512f" in isa else ("fma",)
    isa = " ".join(one for one in isa if one not in implied)
    cores = counted(environment.get("cores", "unknown number of"), "core") + f" ({isa})" * bool(isa)
    return f"machine: {environment.get('cpu', 'unknown CPU')}, {cores}, {counted(run.plan.threads, 'thread')}"


def with_brief_names(rows: Rows) -> Rows:
    """With shorter names of labelled sets."""
    selection = rows.selection
    drops = [one.drop and replace(one.drop, on=short(one.drop.on, 2 * NAME)) for one in selection.candidates]
    pairs = zip(selection.candidates, drops, strict=True)
    brief = replace(selection, candidates=tuple(replace(one, drop=drop) for one, drop in pairs))
    return replace(rows, selection=brief)


def _table(rows: Rows, most: int) -> str:
    """Best first; of more than ``most`` candidates those that are kept, and the first others."""
    every = rows.selection.candidates
    chosen = [*dict.fromkeys([*rows.kept, *(one.variant for one in every)])][:most]
    kept = [one for one in every if one.variant in chosen]
    names, *columns = strips(rows, kept)
    text = block([names, *columns])
    over = max(map(len, text.splitlines())) - WIDTH
    if over > 0:
        text = block([replace(names, cells=_shortened(names.cells, names.width - over)), *columns])
    left_out = len(every) - len(kept)
    notes = [f"and {counted(left_out, 'variant')} more"] * bool(left_out) + table_notes(rows, kept, names)
    return "\n".join([text, *(["; ".join(notes)] if notes else [])])


def table_notes(rows: Rows, kept: Sequence[Candidate], names: Strip) -> list[str]:
    """What the marks and dashes of the table mean."""
    marked = any(name.endswith(CAUTION) for name in names.cells)
    reasons = _missing(rows, kept)[:1]
    return [f"{CAUTION} a note under all tables says why"] * marked + [f"–: {reason}" for reason in reasons]


def _shortened(names: Sequence[str], width: int) -> list[str]:
    """Of pairs the model's name is shortened, so that the variant can be read, unless two rows would look alike."""
    told = [short_pair(name, width) for name in names]
    return told if len({*told}) == len({*names}) else [short(name, width) for name in names]


def _missing(rows: Rows, kept: Sequence[Candidate]) -> list[str]:
    """Why cells of the table are empty, of variants that did not fail as a whole; each reason once."""
    names = [one.variant for one in kept if one.variant not in rows.failed]
    figures = [figure(name) for _, figure in rows.costs for name in names]
    reasons = [one.reason for one in figures if one.value is None]
    unknown = [one for one in kept if one.variant in names and one.drop is None and not rows.selection.by_costs]
    reasons += [finding.why for one in unknown for finding in one.findings if finding.drop is None]
    return list(dict.fromkeys(filter(None, reasons)))


def strips(rows: Rows, candidates: Sequence[Candidate]) -> list[Strip]:
    """The columns of the table: names first, then accuracy with its verdict, then costs."""
    figures = {one.variant: tuple(figure(one.variant) for _, figure in rows.costs) for one in candidates}
    columns = tuple(column for column, _ in rows.costs)
    table = Table(title="", columns=columns, rows=figures, notes=(), marks=rows.marks)
    names, *texts = (series.tolist() for _, series in text_frame(table).items())
    labelled = any(one.drop and one.drop.labelled for one in candidates)

    def strip(head: list[str], cells: Iterable[str], failed: str = "") -> Strip:
        pairs = zip(candidates, cells, strict=True)
        told = [failed if one.variant in rows.failed else text or "–" for one, text in pairs]
        return Strip(head=head, cells=told, group="")

    judged = [
        strip([loss_of(rows.selection), "change"] if labelled else _CHANGED, map(_change, candidates)),
        strip(["verdict"], (one.verdict for one in candidates), FAILED),
    ]
    standings = [strip(["verdict"], (_STANDINGS[one.standing] for one in candidates), FAILED)]
    return [
        Strip(head=[rows.selection.kind], cells=names, group=""),
        *(standings if rows.selection.by_costs else judged),
        *(
            strip(column.lines, _with_both_ends(text, figures, place) if column.interval else text)
            for place, (column, text) in enumerate(zip(columns, texts, strict=True))
        ),
    ]


def _with_both_ends(texts: Sequence[str], figures: Mapping[str, Sequence[Figure]], place: int) -> list[str]:
    """The cells of a column; those of figures that the run hardly knows as the two ends of their interval, or as undecided."""
    told = []
    for text, figure in zip(texts, (row[place] for row in figures.values()), strict=True):
        factor = figure.high / figure.low if figure.value and figure.low and figure.high else 1.0
        if factor > _WIDE:
            told.append(f"{figure.low:.3g} to {figure.high:.3g}" if factor <= _UNKNOWN else "undecided")
        else:
            told.append(text)
    return told


def _change(one: Candidate) -> str:
    """Change of the accuracy; without labels, the share of texts whose class changed."""
    if one.drop is None:
        return ""
    labelled = one.drop.labelled > 0
    return format_number((-one.drop.share if labelled else one.drop.share) + 0.0, DIFFERENCE if labelled else SHARE, 3)


def _failures(reasons: Mapping[str, str]) -> list[str]:
    failed = [f"{FAILED}: {short(name, 2 * NAME)}: {reason}" for name, reason in reasons.items()]
    lines = [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in failed[:_MOST]]
    return [*lines, *([f"and {len(failed) - _MOST} more failed"] if len(failed) > _MOST else [])]


def decided(rows: Rows) -> list[str]:
    """Which candidate to take, what it gains and costs, what is undecided, and what failed."""
    return [*_decision(rows), *_failures(rows.failed)]


def _decision(rows: Rows) -> list[str]:
    selection, best = rows.selection, rows.selection.best
    if best is None:
        why = (
            "can be taken"
            if selection.by_costs
            else f"is certain to lose at most {selection.max_drop:g} of {loss_of(selection)}"
        )
        lines = [f"take none: no variant {why}"]
    else:
        told = [part for part in (gain(selection), *lost_by_best(selection), *_sizes(rows, best.variant)) if part]
        lines = [f"take {best.variant}: {'; '.join(told)}"]
        lines += [f"{CAUTION} {caution}" for caution in best.cautions[:1]]
    if selection.possibly_better:
        names = listed(short(one.variant, 2 * NAME) for one in selection.possibly_better)
        lines.append(f"undecided, and faster: {names}{_what_decides(selection)}")
    if selection.as_good:
        names = listed(short(one.variant, 2 * NAME) for one in selection.as_good)
        lines.append(f"this run cannot distinguish it from: {names}; a longer --time-budget may")
    return [*lines, *(other_model_line(one, short) for one in selection.other_models)]


def _what_decides(selection: Selection) -> str:
    needed = next((found.needed for one in selection.possibly_better for found in one.findings if found.needed), "")
    if needed and selection.unscored:
        needed = f"a longer --time-budget ({many(selection.unscored, 'text')} were left out)"
    first = " on the first" * (len(selection.possibly_better) > 1)
    return f"; {needed} would decide{first}" if needed else ""


def _sizes(rows: Rows, variant: str) -> list[str]:
    """Memory and size, beside those of the reference."""
    *_, (_, memory), (_, size) = rows.costs
    found, beside_of, told = {"of memory": memory, "on disk": size}, rows.selection.reference, []
    for where, figure in found.items():
        own, reference = figure(variant).value, figure(beside_of).value
        if own is not None:
            beside = f" ({short(beside_of)}: {format_bytes(reference)})" if reference and variant != beside_of else ""
            told.append(f"{format_bytes(own)} {where}{beside}")
    return told


def pasted(path: Path) -> str:
    """The path for a command line, shortened by wildcards where these find this file alone."""
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    number, *_ = path.name.split("_")
    for pattern in (f"{path.parts[0]}/*/{number}_*.json", f"{path.parent}/{number}_*.json"):
        plain = pattern.replace("*", "")
        if not path.is_absolute() and [*Path().glob(pattern)] == [path] and shlex.quote(plain) == plain:
            return pattern
    return shlex.quote(str(path))


def listed(names: Iterable[str]) -> str:
    """At most three, and the number of the others."""
    every = list(names)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


def short(name: str, width: int = NAME) -> str:
    """The name with its middle left out where it is too long."""
    head = width // 2
    return name if len(name) <= width else f"{name[:head]}…{name[head + 1 - width :]}"


def short_pair(pair: str, width: int) -> str:
    """A pair of model and variant without the middle of the model's name, if enough of it is left; else as by ``short``."""
    model, slash, variant = pair.rpartition("/")
    left = width - len(slash + variant)
    return f"{short(model, left)}{slash}{variant}" if slash and left >= _LEAST_NAME else short(pair, width)
