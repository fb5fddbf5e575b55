r"""What parameter sharing saves: ALBERT with more sets of weights, and with other widths of the embedding.

    python -m deploybench.suites.studies.sharing --only costs
    python -m deploybench.suites.studies.sharing --only accuracy --train train.csv --external test=test.csv --tokenizer DIR
    python -m deploybench.suites.studies.sharing --only show

``costs``: parameters, size on disk, resident memory and latency of one text, at base sizes with random weights. ``accuracy``:
small models, each trained from scratch by the same recipe (``sharing.toml`` beside this file). Each part is saved in its own
file, and then both are printed and plotted; ``show`` does only this. Finished trainings in the work folder are reused.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.machine.alone import alone
from ....bench.pipeline.arguments import names
from ....bench.pipeline.options import read_options
from ....bench.report.page.plot import as_svg
from ....bench.report.render import render_tables
from ....exporters.errors import UserError
from ....exporters.files import whole_file
from ....exporters.training.recipe import read_recipe
from ..study import FOLDER, Answer, run_study, saved_at, study_parser
from ..trained import add_task_flags, read_task
from .accuracy import check_sizes, measure_accuracy
from .costs import measure_costs
from .grid import models
from .shown import accuracy_table, costs_tables, plots

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ....bench.report.cells import Table

COSTS, ACCURACY = "sharing-costs", "sharing-accuracy"  # names of the saved files
RECIPE = str(Path(__file__).with_name("sharing.toml"))
_FLAGS = (
    *("--external", "--text-columns", "--drop-bad-rows", "--variants", "--sequence-lengths", "--threads"),
    *("--profile", "--target-width", "--time-budget", "--work-dir"),
)
_DEFAULTS = {"variants": "torch-eager,onnx-fp32-fused", "sequence_lengths": "128", "time_budget": "900"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen parts, save each, print both and draw the plots; the exit code."""
    parser = study_parser(__doc__, _FLAGS, **_DEFAULTS)
    parser.add_argument("--only", choices=("costs", "accuracy", "show"), help="one part (default: measure both)")
    parser.add_argument(
        "--groups", metavar="N,N", default="1,2,3,4,6,12", help="sets of weights (default: 1,2,3,4,6,12)"
    )
    parser.add_argument(
        "--embeddings", metavar="N,N", default="64,128,256,768", help="widths (default: 64,128,256,768)"
    )
    add_task_flags(parser, RECIPE)
    parser.add_argument("--format", choices=("text", "md"), default="text", help="format of the tables (default: text)")
    parsed = parser.parse_args(arguments)
    parts = {"costs": lambda: _costs(parsed), "accuracy": lambda: _accuracy(parsed)}
    try:
        _grid(parsed)  # a mistake is reported even if nothing is measured
        for part in () if parsed.only == "show" else (parsed.only,) if parsed.only else tuple(parts):
            code = run_study("sharing", parts[part])
            if code:
                return code
        _show(parsed.format)
    except UserError as error:
        say(f"sharing: error: {error}")
        return 2
    return 0


def _numbers(flag: str, text: str) -> list[int]:
    found = names(text)
    if not found or not all(one.isdecimal() and int(one) for one in found):
        raise UserError(f"{flag}: found {text!r}, expected positive whole numbers such as 1,2,12")
    return [int(one) for one in found]


def _grid(parsed: argparse.Namespace) -> Any:
    return models(_numbers("--groups", parsed.groups), _numbers("--embeddings", parsed.embeddings))


def _costs(parsed: argparse.Namespace) -> Answer:
    options, grid = replace(read_options(parsed), external=()), _grid(parsed)
    with alone():
        figures = measure_costs(grid, options)
    return Answer(COSTS, figures, "")


def _accuracy(parsed: argparse.Namespace) -> Answer:
    recipe, grid = read_recipe(parsed.recipe), _grid(parsed)
    check_sizes(recipe)
    task = read_task(recipe, parsed.train, parsed.tokenizer, read_options(parsed))
    with alone():
        figures = measure_accuracy(grid, task)
    return Answer(ACCURACY, figures, "")


def _show(fmt: Any) -> None:
    """Print the tables of the saved parts, and write the plots beside them."""
    costs, accuracy = _saved(COSTS), _saved(ACCURACY)
    tables: list[Table] = [*(costs_tables(costs) if costs else ()), *([accuracy_table(accuracy)] if accuracy else ())]
    if not tables:
        raise UserError(f"{FOLDER} holds nothing of this study; measure it first")
    sys.stdout.write(render_tables(tables, (), fmt))
    for plot in plots(costs, accuracy) if costs else ():
        path = FOLDER / f"{plot.name}.svg"
        with whole_file(path) as stream:
            stream.write(as_svg(plot))
        say(f"written: {path}")


def _saved(name: str) -> dict[str, Any] | None:
    path = saved_at(name)
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        whole = bool(found["rows"])
    except (ValueError, LookupError, TypeError):
        whole = False
    if not whole:
        raise UserError(f"{path}: found no rows in it, expected what this study saves; measure it again")
    return found


if __name__ == "__main__":
    sys.exit(main())
