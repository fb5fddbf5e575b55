r"""The published comparison of five architectures, and which of its claims hold here.

    python -m deploybench.suites.studies.models --only train --train train.csv --external test=test.csv \
      --tokenizer DIR --pretrained DIR
    deploybench run --checkpoint arch:albert-base-v2 --checkpoint arch:bert-base-uncased \
      --checkpoint arch:distilbert-base-uncased --checkpoint arch:mobilebert-uncased --checkpoint arch:tinybert-4-312 \
      --batch-sizes 1 --sequence-lengths 128,512
    python -m deploybench.suites.studies.models --costs RUN.json --trained RUN.json

``train``: a small member of each architecture from scratch by one recipe (``models.toml`` beside this file) and, with
--pretrained, a MiniLM, on the same texts; it prints the command that measures them in one run. ``show``, the default: holds the
published claims (``published.toml``) against saved runs, saves what was found, and prints it; without --costs and --trained it
prints what was saved before. Finished trainings in the work folder are reused.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.machine.alone import alone
from ....bench.pipeline.options import read_options
from ....bench.report.render import render_tables
from ....bench.runs.store import read_runs
from ....exporters.errors import DeploybenchError, UserError
from ....exporters.training.recipe import read_recipe
from ..study import Answer, run_study, saved_at, study_parser
from ..trained import add_task_flags, read_task
from .claims import read_claims
from .costs import cost_rows
from .members import train_members
from .shown import tables
from .trained_runs import accuracies, words_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

NAME = "models"  # of the saved file
RECIPE = str(Path(__file__).with_name("models.toml"))
_FLAGS = ("--external", "--text-columns", "--drop-bad-rows", "--threads", "--work-dir")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or show; the exit code."""
    parser = study_parser(__doc__, _FLAGS)
    parser.add_argument("--only", choices=("train", "show"), default="show", help="one part (default: show)")
    parser.add_argument("--pretrained", type=Path, metavar="DIR", help="folder of a MiniLM to fine-tune as well")
    parser.add_argument(
        "--costs",
        type=Path,
        metavar="RUN",
        action="append",
        default=[],
        help="run of arch: models; repeatable",
    )
    parser.add_argument(
        "--trained", type=Path, metavar="RUN", action="append", default=[], help="run of trained models; repeatable"
    )
    add_task_flags(parser, RECIPE)
    parser.add_argument("--format", choices=("text", "md"), default="text", help="format of the tables (default: text)")
    parsed = parser.parse_args(arguments)
    if parsed.only == "show" and (parsed.costs or parsed.trained):
        return run_study(NAME, lambda: _found(parsed))
    try:
        sys.stdout.write(_trained(parsed) if parsed.only == "train" else _shown(_saved(), parsed.format))
    except DeploybenchError as error:
        say(f"{NAME}: error: {error}")
        return 2 if isinstance(error, UserError) else 1
    return 0


def _trained(parsed: argparse.Namespace) -> str:
    """Train; the command that measures the models."""
    options = read_options(parsed)
    task = read_task(read_recipe(parsed.recipe), parsed.train, parsed.tokenizer, options)
    with alone():
        folders = train_members(task, parsed.pretrained)
    command = ["deploybench", "run"]
    for name, folder in folders.items():
        command += ["--checkpoint", f"{name}={folder}"]
    for one in options.external:
        command += ["--external", one]
    command += ["--text-columns", ",".join(options.text_columns)] * bool(options.text_columns)
    command += ["--drop-bad-rows"] * options.drop_bad_rows
    return f"{shlex.join(command)}\n"


def _found(parsed: argparse.Namespace) -> Answer:
    """Hold the claims against the saved runs."""
    claims = read_claims()
    costs, trained = ([read_runs(path) for path in paths] for paths in (parsed.costs, parsed.trained))
    rows = [*cost_rows(claims, costs), *(row for runs in trained for row in words_rows(claims, runs))]
    figures = {
        "costs": [runs[0].path.name for runs in costs],
        "rows": rows,
        "trained": [accuracies(runs) for runs in trained],
    }
    return Answer(NAME, figures, _shown(figures, parsed.format))


def _shown(figures: Mapping[str, Any], fmt: Any) -> str:
    return render_tables(tables(figures), (), fmt)


def _saved() -> dict[str, Any]:
    path = saved_at(NAME)
    if not path.is_file():
        raise UserError(f"{path}: there is no such file, expected what this study saves; pass --costs and --trained")
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        tables(found)
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: is not what this study saves; pass --costs and --trained to save it again") from error
    return found


if __name__ == "__main__":
    sys.exit(main())
