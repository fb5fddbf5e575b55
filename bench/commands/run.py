"""``deploybench run``: prepare, run the suites, and print which variant to take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import lines_said
from ..pipeline.options import Options, add_options, read_models
from ..report.tables import OF_SEVERAL, SHOWN
from .common import RESULTS, add_command, print_answer, print_runs

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "run",
        "export, check and measure the variants of a checkpoint, save the run and print which one to take",
        [
            "deploybench run",
            "deploybench run --checkpoint my-albert --external test=test.csv",
            "deploybench run --checkpoint my-albert --variants onnx-fp32,openvino-int8",
            "deploybench run --checkpoint small=my-albert --checkpoint large=my-bert --external test=test.csv",
            "deploybench run --checkpoint arch:bert-base-uncased --profile standard --tables",
        ],
    )
    command.set_defaults(execute=_run, needs=("torch",))
    command.add_argument("--tables", action="store_true", help="then print all tables of `deploybench report` as well")
    add_options(command.add_argument)


def _run(parsed: argparse.Namespace) -> int:
    from ..pipeline.measuring import measure_models
    from ..report.messages.first_screen import first_screen
    from ..report.messages.models_screen import models_screen
    from ..report.messages.screen import LINES
    from ..runs.store import read_runs

    before = lines_said()
    models = read_models(parsed)
    saved, code = measure_models(models, Path(RESULTS))
    if saved is None:
        return code or 1
    runs, room = read_runs(saved), LINES + before - lines_said()
    own = models[0].work_dir
    work_dir = None if own == Options().work_dir else own
    print_answer(first_screen(runs[0], room, work_dir) if len(runs) == 1 else models_screen(runs, room, work_dir))
    if parsed.tables:
        print_answer("")
        print_runs(runs, SHOWN if len(runs) == 1 else (*OF_SEVERAL, *SHOWN))
    return code
