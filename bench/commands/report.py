"""``deploybench report``: the tables of a saved run, its HTML page or its model card.

Of several models it prints a table over all of them, then those of each; a page is of all of them or of one, a card of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ..console import say
from ..pipeline.arguments import path
from ..pipeline.options import add_options
from ..report.tables import OF_SEVERAL, ON_DEMAND, SHOWN, TABLES, build_models, build_tables
from .common import (
    TEXT_FLAGS,
    add_command,
    add_model,
    asked_runs,
    only_run,
    print_answer,
    print_runs,
    texts_of,
    write_file,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from ..runs.store import Run

_TRACKERS = ("github-action-benchmark", "bencher", "openmetrics", "metrics-json")
_FORMATS = ("text", "md", "csv", "latex", "json", "html", "card", *_TRACKERS)


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "report",
        "print the tables of a saved run, or write an HTML page, a model card or figures for a tracker",
        [
            "deploybench report results",
            "deploybench report run.json --format json",
            "deploybench report results --format csv --table batch",
            "deploybench report results --format html --output page.html --plots plots",
            "deploybench report results --format bencher --output bmf.json",
            "deploybench report results --mlflow https://mlflow.example.org",
            "deploybench report results --model my-albert",
        ],
    )
    command.set_defaults(execute=_report)
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder (its newest run)")
    add_model(command.add_argument)
    command.add_argument(
        "--format",
        choices=_FORMATS,
        default="text",
        help="text (default), md, csv, latex, json, html (a page), card (a model card), or that of a tracker: "
        f"{', '.join(_TRACKERS)}",
    )
    command.add_argument(
        "--table",
        metavar="A,B",
        type=_tables,
        help=f"tables to print: {', '.join(TABLES)} (default: all but {', '.join(ON_DEMAND)}); "
        f"{', '.join(OF_SEVERAL)} is of several models",
    )
    command.add_argument("-o", "--output", metavar="FILE", type=path, help="write to FILE instead of printing")
    command.add_argument(
        "--plots", metavar="DIR", type=path, help="also write the plots of the page to DIR, as SVG and PNG"
    )
    command.add_argument(
        "--mlflow", metavar="URI", help="also log figures, origin and the saved file to an MLflow tracking store"
    )
    texts = command.add_argument_group(
        "texts", "of the run's labelled sets; the page of one model shows misclassified ones"
    )
    add_options(texts.add_argument, TEXT_FLAGS)


def _tables(text: str) -> tuple[str, ...]:
    tables = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in tables if name not in TABLES]
    if unknown:
        raise UserError(f"--table: {unknown[0]!r} is unknown; known tables: {', '.join(TABLES)}")
    return tables


def _report(parsed: argparse.Namespace) -> int:
    if parsed.table and parsed.format == "html":
        raise UserError("--table: an HTML page has all tables; leave --table out, or name another --format")
    runs = asked_runs(parsed.run, parsed.model)
    if parsed.format == "card":
        only_run(runs, "--format card")
    tables = parsed.table or (SHOWN if len(runs) == 1 else (*OF_SEVERAL, *SHOWN))
    lacking = [name for name in tables if not _holds(runs, name)] if parsed.table else []
    if set(lacking) == set(tables):
        raise UserError(f"--table: {parsed.run} holds nothing for {', '.join(lacking)}; measure again, or name another")
    if parsed.plots:
        _write_plots(runs, parsed.plots)
    if parsed.mlflow:
        _log_to_mlflow(runs, parsed.mlflow)
    _show(runs, tables, parsed)
    for name in lacking:
        say(f"table {name} is left out: {parsed.run} holds nothing for it")
    return 0


def _holds(runs: tuple[Run, ...], table: str) -> bool:
    of_several = build_models(runs, [table]) if len(runs) > 1 else {}
    return any([*of_several.values(), *(found for run in runs for found in build_tables(run, [table]).values())])


def _show(runs: tuple[Run, ...], tables: Sequence[str], parsed: argparse.Namespace) -> None:
    from ..report.render import render, render_models

    if parsed.format == "text" and not parsed.output:
        print_runs(runs, tables)
        return
    if parsed.format in _TRACKERS:
        from ..report.formats.trackers import render_tracker

        text = render_tracker(runs, parsed.format)
    elif len(runs) > 1:
        text = render_models(runs, parsed.format, tables)
    else:
        text = render(runs[0], parsed.format, tables, texts_of(runs[0], parsed) if parsed.format == "html" else ())
    if parsed.output:
        write_file(text, parsed.output, "--output")
    else:
        print_answer(text)


def _log_to_mlflow(runs: tuple[Run, ...], uri: str) -> None:
    from ..report.formats.mlflow_store import log_runs

    say(f"logged: {log_runs(runs, uri)} figures to {uri}")


def _write_plots(runs: tuple[Run, ...], folder: Path) -> None:
    from ..report.page.models_page import write_models_plots
    from ..report.page.page import write_page_plots

    if folder.exists() and not folder.is_dir():
        raise UserError(f"--plots: found the file {str(folder)!r}, expected a folder, new or not; name one")
    written = write_page_plots(runs[0], folder) if len(runs) == 1 else write_models_plots(runs, folder)
    say(f"written: {len(written)} files in {folder}")
