"""What `deploybench run` prints: what was measured on what, one table, the variant to take, and the next commands."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.figures import latency_workload, timed_lengths
from bench.analysis.selection import default_selection
from bench.analysis.speed_ups import speed_ups
from bench.printable import printable
from bench.report.cells import FAILED, Column, Table, text_frame
from bench.report.formats.terminal import WIDTH, Strip, block, wrapped
from bench.report.messages.selection import gain, lost_accuracy
from bench.report.notes import checkpoint_note
from bench.report.run_figures import RunFigures
from bench.units import (
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
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.analysis.selection import Candidate, Selection
    from bench.report.cells import Content
    from bench.runs.measurement import Figure
    from bench.runs.store import Run, SetInfo

LINES = 40  # that a run prints at most, the screen and what was printed before
_LEAST_ROOM = 25
_FEWEST_ROWS = 3
_MOST = 3  # names in a list
_NAME = 24  # characters of a user's name
_WIDE = 2.0  # upper / lower end of an interval
_OTHER = 7  # empty lines, the head of the table, and a line under it


def first_screen(run: Run, room: int = LINES, work_dir: Path | None = None) -> str:
    """At most ``room`` lines of 80 characters, from 25 on: of the table the best rows, and of the decision the first lines.

    ``work_dir``: the folder of the artifacts, if it is not the usual one.
    """
    cells, selection = RunFigures(printable(run)), printable(default_selection(run))
    before, commands = wrapped(_measured(cells), most=2), "\n".join(_commands(run, selection, work_dir))
    decision = wrapped([*_decision(cells, selection), *_failures(cells.run)]).splitlines()
    left = max(room, _LEAST_ROOM) - len(f"{before}\n{commands}".splitlines()) - _OTHER
    if len(decision) > left - _FEWEST_ROWS:
        decision = [*decision[: left - _FEWEST_ROWS - 1], "…"]
    table = _table(cells, selection, max(left - len(decision), _FEWEST_ROWS))
    return "\n\n".join([before, table, "\n".join(decision), commands])


def _measured(cells: RunFigures) -> list[str]:
    """The checkpoint, the labelled sets with the reference's accuracy, the workloads, and the machine."""
    run, environment = cells.run, cells.run.environment
    longest, isa = max(run.plan.sequence_lengths), environment.get("isa") or ()
    implied = ("fma", "avx2") if "avx512f" in isa else ("fma",)
    isa = " ".join(one for one in isa if one not in implied)
    one = latency_workload(run, min(run.plan.batch_sizes))
    cores = counted(environment.get("cores", "unknown number of"), "core") + f" ({isa})" * bool(isa)
    return [
        checkpoint_note(replace(run.checkpoint, name=_short(run.checkpoint.name, 2 * _NAME))),
        *_reference_accuracy(cells),
        f"latency: median for {counted(one.batch_size, 'text')} of {timed_lengths(run)}; speed-up: over {REFERENCE}",
        f"memory: heap after loading and in batches of {run.plan.memory_batch_size} × {longest} tokens; size: on disk",
        f"machine: {environment.get('cpu', 'unknown CPU')}, {cores}, {counted(run.plan.threads, 'thread')}",
    ]


def _reference_accuracy(cells: RunFigures) -> list[str]:
    run = cells.run
    if run.checkpoint.random_weights:
        return []  # the line of the checkpoint says that accuracy means nothing
    if not run.sets:
        return [
            f"accuracy: no labelled set was given; classes are compared with {REFERENCE}'s on texts of the parity test"
        ]
    found = [(one, cells.of_set("accuracy", one)(REFERENCE).value) for one in run.sets]
    told = (f"{_short(one.name)} ({_rows(one)}) {value:.3f}" for one, value in found if value is not None)
    return [f"accuracy of {REFERENCE}: {_list(told)}"]


def _rows(labelled: SetInfo) -> str:
    whole = f" of {labelled.rows + labelled.unscored}" * bool(labelled.unscored)
    return f"{labelled.rows}{whole} texts"


def _table(cells: RunFigures, selection: Selection, most: int) -> str:
    """Best first; of more than ``most`` variants the first, and the reference."""
    every = selection.candidates
    kept = [*every[:most]]
    if REFERENCE not in [one.variant for one in kept]:
        kept[-1:] = [one for one in every if one.variant == REFERENCE]
    names, *columns = _strips(cells, kept)
    text = block([names, *columns])
    over = max(map(len, text.splitlines())) - WIDTH
    if over > 0:
        text = block([replace(names, cells=[_short(name, names.width - over) for name in names.cells]), *columns])
    left_out = len(every) - len(kept)
    notes = [f"and {counted(left_out, 'variant')} more"] * bool(left_out)
    notes += [f"{CAUTION} a note under all tables says why"] * any(name.endswith(CAUTION) for name in names.cells)
    notes += [f"–: {reason}" for reason in _missing(cells, kept)[:1]]
    return "\n".join([text, *(["; ".join(notes)] if notes else [])])


def _missing(cells: RunFigures, kept: Sequence[Candidate]) -> list[str]:
    """Why cells of the table are empty, of variants that did not fail as a whole; each reason once."""
    names = [one.variant for one in kept if not cells.run.variants[one.variant].failed]
    figures = [figure(name) for _, figure in _costs(cells) for name in names]
    reasons = [one.reason for one in figures if one.value is None]
    reasons += [one.reason for one in cells.run.measurements if one.metric == "accuracy" and one.variant in names]
    return list(dict.fromkeys(filter(None, reasons)))


def _strips(cells: RunFigures, candidates: Sequence[Candidate]) -> list[Strip]:
    run, contents = cells.run, _costs(cells)
    figures = {one.variant: tuple(figure(one.variant) for _, figure in contents) for one in candidates}
    columns = tuple(column for column, _ in contents)
    costs = Table(title="", columns=columns, rows=figures, deprecated=frozenset(), notes=())
    names, *texts = (series.tolist() for _, series in text_frame(costs).items())
    labelled = any(one.drop and one.drop.labelled for one in candidates)

    def strip(head: list[str], cells: Iterable[str], failed: str = "") -> Strip:
        pairs = zip(candidates, cells, strict=True)
        told = [failed if run.variants[one.variant].failed else text or "–" for one, text in pairs]
        return Strip(head=head, cells=told, group="")

    return [
        Strip(head=["variant"], cells=names, group=""),
        strip(["accuracy", "change"] if labelled else ["classes", "changed"], map(_change, candidates)),
        strip(["verdict"], (one.verdict for one in candidates), FAILED),
        *(
            strip(column.lines, _with_both_ends(text, figures, place) if column.interval else text)
            for place, (column, text) in enumerate(zip(columns, texts, strict=True))
        ),
    ]


def _with_both_ends(texts: Sequence[str], figures: Mapping[str, Sequence[Figure]], place: int) -> list[str]:
    """The cells of a column; those of figures that the run hardly knows as the two ends of their interval."""
    told = []
    for text, figure in zip(texts, (row[place] for row in figures.values()), strict=True):
        wide = figure.value and figure.low and figure.high and figure.high > _WIDE * figure.low
        told.append(f"{figure.low:.3g} to {figure.high:.3g}" if wide else text)
    return told


def _costs(cells: RunFigures) -> list[Content]:
    plan = cells.run.plan
    smallest, ratios = min(plan.batch_sizes), speed_ups(cells.run)
    return [
        (Column(head="latency", scale=MILLISECONDS), cells.at_batch("latency", smallest)),
        (
            Column(head="speed-up", short="speed-\nup", scale=replace(RATIO, mark=""), interval=True),
            lambda variant: ratios[variant, smallest],
        ),
        (
            Column(head="memory", scale=MEGABYTES),
            cells.at_length("peak_memory", max(plan.sequence_lengths)),
        ),
        (Column(head="size", scale=MEGABYTES), cells.at("artifact_size")),
    ]


def _change(one: Candidate) -> str:
    """Change of the accuracy; without labels, the share of texts whose class changed."""
    if one.drop is None:
        return ""
    labelled = one.drop.labelled > 0
    return format_number((-one.drop.share if labelled else one.drop.share) + 0.0, DIFFERENCE if labelled else SHARE, 3)


def _failures(run: Run) -> list[str]:
    failed = [f"{FAILED}: {_short(name)}: {info.failed}" for name, info in run.variants.items() if info.failed]
    lines = [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in failed[:_MOST]]
    return [*lines, *([f"and {len(failed) - _MOST} more failed"] if len(failed) > _MOST else [])]


def _decision(cells: RunFigures, selection: Selection) -> list[str]:
    """Which variant to take, what it gains and costs, and what is undecided."""
    best = selection.best
    if best is None:
        lines = [f"take none: no variant is certain to lose at most {selection.max_drop:g} of accuracy"]
    else:
        told = [part for part in (gain(selection), *_lost(best), *_sizes(cells, best.variant)) if part]
        lines = [f"take {best.variant}: {'; '.join(told)}"]
        lines += [f"{CAUTION} {caution}" for caution in best.cautions[:1]]
    if selection.possibly_better:
        names = _list(_short(one.variant) for one in selection.possibly_better)
        lines.append(f"undecided, and faster: {names}{_what_decides(selection)}")
    if selection.as_good:
        names = _list(_short(one.variant) for one in selection.as_good)
        lines.append(f"this run cannot distinguish it from: {names}; a longer --time-budget may")
    return lines


def _what_decides(selection: Selection) -> str:
    needed = next((found.needed for one in selection.possibly_better for found in one.findings if found.needed), "")
    if needed and selection.unscored:
        needed = f"a longer --time-budget ({many(selection.unscored, 'text')} were left out)"
    first = " on the first" * (len(selection.possibly_better) > 1)
    return f"; {needed} would decide{first}" if needed else ""


def _lost(best: Candidate) -> list[str]:
    if best.variant == REFERENCE:
        return []
    return [lost_accuracy(best.drop and replace(best.drop, on=_short(best.drop.on, 2 * _NAME)))]


def _sizes(cells: RunFigures, variant: str) -> list[str]:
    """Memory and size, beside those of the reference."""
    length = max(cells.run.plan.sequence_lengths)
    found = {"of memory": cells.at_length("peak_memory", length), "on disk": cells.at("artifact_size")}
    told = []
    for where, figure in found.items():
        own, reference = figure(variant).value, figure(REFERENCE).value
        if own is not None:
            beside = f" ({REFERENCE}: {format_bytes(reference)})" if reference and variant != REFERENCE else ""
            told.append(f"{format_bytes(own)} {where}{beside}")
    return told


def _commands(run: Run, selection: Selection, work_dir: Path | None) -> list[str]:
    file = _pasted(run.path)
    folder = f" --work-dir {shlex.quote(str(work_dir))}" if work_dir else ""
    write = f" --copy-to best{folder}" if selection.best else ""
    return [
        f"all tables: deploybench report {file}",
        f"page: deploybench report {file} --format html -o report.html",
        f"{'artifact to serve' if write else 'why none'}: deploybench recommend {file}{write}",
    ]


def _pasted(path: Path) -> str:
    """The path for a command line, shortened by wildcards where these find this file alone."""
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    number, *_ = path.name.split("_")
    for pattern in (f"{path.parts[0]}/*/{number}_*.json", f"{path.parent}/{number}_*.json"):
        plain = pattern.replace("*", "")
        if not path.is_absolute() and [*Path().glob(pattern)] == [path] and shlex.quote(plain) == plain:
            return pattern
    return shlex.quote(str(path))


def _list(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


def _short(name: str, width: int = _NAME) -> str:
    """The name with its middle left out where it is too long."""
    head = width // 2
    return name if len(name) <= width else f"{name[:head]}…{name[head + 1 - width :]}"
