"""The tables of a run in every format; returns text and prints nothing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from bench.analysis.fidelity import fidelity_figures
from bench.analysis.figures import figures
from bench.analysis.misclassified.lengths import error_lengths, length_accuracies
from bench.analysis.misclassified.shift import shift_figures
from bench.report.cells import plain_frame, text_frame
from bench.report.latex import render_latex
from bench.report.notes import run_notes
from bench.report.tables import TABLES, build_tables
from bench.report.terminal import render_text
from bench.runs.measurement import Workload
from bench.runs.predictions import read_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from bench.report.cells import Table
    from bench.runs.measurement import Figure
    from bench.runs.store import Run
    from bench.texts.data import LabelledSet

TableFormat: TypeAlias = Literal["text", "md", "csv", "latex"]
Format: TypeAlias = Literal["text", "md", "csv", "latex", "json", "html", "card"]

_OF_CARD = ("summary", "accuracy")
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the start of a formula
_MARKDOWN = str.maketrans({"|": "&#124;", "<": "&lt;", "[": "&#91;"})
_WORKLOAD = tuple(field.name for field in fields(Workload))


def render(run: Run, fmt: Format, tables: Sequence[str] = tuple(TABLES), sets: Sequence[LabelledSet] = ()) -> str:
    """Tables of a run, named by keys of TABLES, as one text; ``json`` is every figure of the run, whatever the tables.

    ``html`` is the page for people, with texts of ``sets``, and ``card`` the model card; both have tables of their own. Raises
    KeyError for a format or table that does not exist.
    """
    if fmt == "html":
        from bench.report.page.page import render_page

        return render_page(run, sets)
    if fmt == "json":
        return render_json(_every_figure(run))
    if fmt == "card":
        from bench.report.card import render_card  # it imports huggingface_hub

        return render_card(run, render(run, "md", _OF_CARD))
    return render_tables(build_tables(run, tables), run_notes(run), fmt)


def render_tables(tables: Sequence[Table], notes: Sequence[str], fmt: TableFormat) -> str:
    """Tables, with the notes that hold for all of them."""
    return _RENDERERS[fmt](tables, notes)


def _every_figure(run: Run) -> list[Figure]:
    found, answers = figures(run), read_answers(run)
    of_examples = [*error_lengths(run, answers), *length_accuracies(run, answers)] if answers else []
    return [*found, *fidelity_figures(run), *of_examples, *shift_figures(run, found)]


def render_json(cells: Sequence[Figure]) -> str:
    """Write the tidy list: one object per figure and line, its keys in the order of the dataclass; ASCII only."""
    lines = ",\n".join(json.dumps(_tidy(cell), allow_nan=False) for cell in cells)
    return f"[\n{lines}\n]\n"


def _tidy(cell: Figure) -> dict[str, Any]:
    """Every object has the same keys, those of its workload too; they are null where the workload does not matter."""
    return {**asdict(cell), "workload": asdict(cell.workload) if cell.workload else dict.fromkeys(_WORKLOAD)}


def _markdown(tables: Sequence[Table], notes: Sequence[str]) -> str:
    parts = []
    for table in tables:
        frame = text_frame(table).map(_markdown_text).rename(columns=_markdown_text)
        parts += [f"### {_markdown_text(table.title)}", _tabulated(frame, "github"), _bullets(table.notes)]
    return "\n\n".join([*parts, _bullets(notes)]) + "\n"


def _bullets(notes: Sequence[str]) -> str:
    return "\n".join(f"- {_markdown_text(note)}" for note in notes)


def _markdown_text(text: str) -> str:
    return text.translate(_MARKDOWN)


def _csv(tables: Sequence[Table], _notes: Sequence[str]) -> str:
    """One table is a plain CSV file; of several, each has a row with its title before it and an empty line after it."""
    texts = []
    for table in tables:
        frame = plain_frame(table).map(_no_formula).rename(columns=_no_formula)
        title = [] if len(tables) == 1 else [table.title]
        texts.append(_csv_row(title) + frame.to_csv(index=False, lineterminator="\n"))
    return "\n".join(texts)


def _csv_row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    if cells:
        csv.writer(text, lineterminator="\n").writerow(map(_no_formula, cells))
    return text.getvalue()


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _tabulated(frame: pd.DataFrame, style: str) -> str:
    import tabulate

    align = ("left", *["right"] * (frame.shape[1] - 1))
    text: str = tabulate.tabulate(
        frame, headers="keys", tablefmt=style, showindex=False, disable_numparse=True, colalign=align
    )
    return text


_RENDERERS: dict[str, Callable[[Sequence[Table], Sequence[str]], str]] = {
    "text": render_text,
    "md": _markdown,
    "csv": _csv,
    "latex": render_latex,
}
