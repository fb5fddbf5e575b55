"""The report of a saved run in every format; returns text and prints nothing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..analysis.fidelity import fidelity_figures
from ..analysis.figures import figures
from ..analysis.misclassified.lengths import error_lengths, length_accuracies
from ..analysis.misclassified.shift import shift_figures
from ..analysis.models.accuracy import difference_figures
from ..analysis.models.selection import speed_up_figures
from ..printable import printable
from ..runs.measurement import Workload
from ..runs.predictions import read_answers
from .cells import plain_frame, text_frame
from .formats.escapes import markdown_text, no_formula
from .formats.latex import render_latex
from .formats.terminal import render_text
from .notes import run_notes
from .tables import TABLES, build_models, build_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..runs.measurement import Figure
    from ..runs.store import Run
    from ..texts.data import LabelledSet
    from .cells import Table

TableFormat: TypeAlias = Literal["text", "md", "csv", "latex"]
Format: TypeAlias = Literal["text", "md", "csv", "latex", "json", "html", "card"]

_OF_CARD = ("summary", "accuracy")
_WORKLOAD = tuple(field.name for field in fields(Workload))


def render(run: Run, fmt: Format, tables: Sequence[str] = TABLES, sets: Sequence[LabelledSet] = ()) -> str:
    """Tables of a run, by name, as one text; ``json`` is every figure of the run, whatever the tables.

    ``html`` is the page, with texts of ``sets``, and ``card`` the model card; both choose their own tables. Raises
    KeyError for a format and ModuleNotFoundError for a table that does not exist.
    """
    if fmt == "html":
        from .page.page import render_page

        return render_page(run, sets)
    if fmt == "json":
        return _json(figure_objects((run,)))
    if fmt == "card":
        from .formats.card import render_card  # with it come the modules of training

        return render_card(run, render(run, "md", _OF_CARD))
    built = build_tables(run, tables)
    return render_tables([table for name in tables for table in built[name]], run_notes(run), fmt)


def render_models(
    runs: tuple[Run, ...], fmt: TableFormat | Literal["json", "html"], tables: Sequence[str] = TABLES
) -> str:
    """The tables over several models, then those of each under its name; in ``json`` a figure says of which ``model`` it is.

    ``html`` is the page over all models, which chooses its own tables.
    """
    if fmt == "html":
        from .page.models_page import render_models_page

        return render_models_page(runs)
    if fmt == "json":
        return _json(figure_objects(runs))
    over = [table for found in build_models(runs, tables).values() for table in found]
    each = {run: [table for found in build_tables(run, tables).values() for table in found] for run in runs}
    if fmt == "csv":
        named = [_named(run, table) for run, found in each.items() for table in found]
        return render_tables([*over, *named], (), fmt)
    parts = [render_tables(over, (), fmt).rstrip()] if over else []
    return "\n\n\n".join([*parts, *(_section(run, found, fmt) for run, found in each.items() if found)]) + "\n"


def _section(run: Run, tables: Sequence[Table], fmt: TableFormat) -> str:
    """The tables of one of several models under its name."""
    name = printable(run.checkpoint.name)
    if fmt == "latex":
        return render_tables([_named(run, table) for table in tables], run_notes(run), fmt).rstrip()
    heading = f"## {markdown_text(name)}" if fmt == "md" else f"{name}\n{'=' * len(name)}"
    return f"{heading}\n\n{render_tables(tables, run_notes(run), fmt).rstrip()}"


def _named(run: Run, table: Table) -> Table:
    return replace(table, title=f"{printable(run.checkpoint.name)}: {table.title}")


def render_tables(tables: Sequence[Table], notes: Sequence[str], fmt: TableFormat) -> str:
    """Tables, then the notes that hold for all of them."""
    return _RENDERERS[fmt](tables, notes)


def figure_objects(runs: tuple[Run, ...]) -> list[dict[str, Any]]:
    """All that ``json`` holds, JSON-able; of several models, a figure says of which ``model`` it is."""
    if len(runs) == 1:
        return [figure_object(figure) for figure in every_figure(runs[0])]
    found = [(run.checkpoint.name, figure) for run in runs for figure in every_figure(run)]
    found += [*speed_up_figures(runs), *difference_figures(runs)]
    return [{"model": model, **figure_object(figure)} for model, figure in found]


def every_figure(run: Run) -> list[Figure]:
    """All that ``json`` holds of one model."""
    found, answers = figures(run), read_answers(run)
    of_examples = [*error_lengths(run, answers), *length_accuracies(run, answers)] if answers else []
    return [*found, *fidelity_figures(run), *of_examples, *shift_figures(run, found)]


def _json(objects: Sequence[dict[str, Any]]) -> str:
    """A list of one object per line; ASCII only."""
    lines = ",\n".join(json.dumps(one, allow_nan=False) for one in objects)
    return f"[\n{lines}\n]\n"


def figure_object(cell: Figure) -> dict[str, Any]:
    """A figure with the keys of the dataclass, those of its workload too, which are null where it has none."""
    return {**asdict(cell), "workload": asdict(cell.workload) if cell.workload else dict.fromkeys(_WORKLOAD)}


def _markdown(tables: Sequence[Table], notes: Sequence[str]) -> str:
    parts = []
    for table in tables:
        parts += [f"### {markdown_text(table.title)}", _markdown_table(table), _bullets(table.notes)]
    return "\n\n".join([*parts, _bullets(notes)]) + "\n"


def _markdown_table(table: Table) -> str:
    import tabulate

    frame = text_frame(table).map(markdown_text).rename(columns=markdown_text)
    align = ("left", *["right"] * (frame.shape[1] - 1))
    text: str = tabulate.tabulate(
        frame, headers="keys", tablefmt="github", showindex=False, disable_numparse=True, colalign=align
    )
    return text


def _bullets(notes: Sequence[str]) -> str:
    return "\n".join(f"- {markdown_text(note)}" for note in notes)


def _csv(tables: Sequence[Table], _notes: Sequence[str]) -> str:
    """One table is a plain CSV file; of several, each has a row with its title before it and an empty line after it."""
    text = io.StringIO()
    for place, table in enumerate(tables):
        text.write("\n" if place else "")
        if len(tables) > 1:
            csv.writer(text, lineterminator="\n").writerow([no_formula(table.title)])
        frame = plain_frame(table).map(no_formula).rename(columns=no_formula)
        frame.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue()


_RENDERERS: dict[str, Callable[[Sequence[Table], Sequence[str]], str]] = {
    "text": render_text,
    "md": _markdown,
    "csv": _csv,
    "latex": render_latex,
}
