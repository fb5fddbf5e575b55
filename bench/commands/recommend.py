"""``deploybench recommend``: the variant of a saved run to take within limits, and why each other one is not taken.

Of a run of several models it is a pair of model and variant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...exporters.artifacts.plugins import use_plugins
from ...exporters.errors import UserError
from ...exporters.packages import require
from ...exporters.serving.layouts import LAYOUTS
from ..analysis.objectives import AT_RATE, LIMITS, MAX_P99, limits, service_level_of
from ..console import say
from ..pipeline.arguments import positive_number
from ..pipeline.options import add_options
from .common import add_aim, add_command, add_model, asked_runs, print_answer, read_aim

if TYPE_CHECKING:
    import argparse

_COPY_FLAGS = {"--plugin": "of --copy-to: module of your own that holds a variant; repeatable", "--work-dir": ""}


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "recommend",
        "name the variant of a saved run to take within limits, and why each other one is not taken",
        [
            "deploybench recommend results --max-accuracy-drop 0.01 --max-p95-ms 100",
            "deploybench recommend results --at-rate 50 --max-p99-ms 100",
            "deploybench recommend results --objective size --max-memory-mb 400",
            "deploybench recommend results --copy-to best --server",
            "deploybench recommend results --copy-to best --layout tei",
            "deploybench recommend results --model my-albert",
        ],
    )
    command.set_defaults(execute=_recommend)
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder (its newest run)")
    add_model(command.add_argument)
    add_aim(command.add_argument)
    for flag, (_, _, text) in LIMITS.items():
        command.add_argument(flag, metavar="NUMBER", type=positive_number(flag), help=text)
    command.add_argument(
        AT_RATE, metavar="NUMBER", type=positive_number(AT_RATE), help="requests a second that its server has to answer"
    )
    command.add_argument(
        MAX_P99,
        metavar="MS",
        type=positive_number(MAX_P99),
        help="with --at-rate: 99th percentile of their latency, in ms",
    )
    command.add_argument(
        "--copy-to", metavar="DIR", help="write its artifact there, with an example program and the evidence"
    )
    command.add_argument("--server", action="store_true", help="with --copy-to: write a server beside it as well")
    command.add_argument(
        "--layout",
        choices=LAYOUTS,
        help="with --copy-to: write, instead of the artifact, the folder that another server loads, of the best variant that "
        + " or ".join(f"{one.title} ({name})" for name, one in LAYOUTS.items())
        + " can serve",
    )
    add_options(command.add_argument, _COPY_FLAGS)


def _recommend(parsed: argparse.Namespace) -> int:
    """Return 1 where no variant is certain to be within every limit."""
    from ..analysis.models.selection import select_of
    from ..pipeline.best import copy_best, read_target
    from ..report.messages.models_selection import render_selection_of

    use_plugins(parsed.plugin or ())
    _check_served(parsed)
    layout = LAYOUTS.get(parsed.layout)
    target = None if parsed.copy_to is None else read_target(parsed.copy_to, "--copy-to")
    runs = asked_runs(parsed.run, parsed.model)
    aim = replace(
        read_aim(parsed, runs[0].checkpoint.task),
        limits=limits(vars(parsed)),
        service_level=service_level_of(parsed.at_rate, parsed.max_p99_ms),
        runtime=layout.runtime if layout else "",
    )
    selection = select_of(runs, aim)
    print_answer(render_selection_of(runs, selection))
    if target and selection.best:
        copy_best(runs, selection, parsed.work_dir, target, server=parsed.server, layout=layout)
    elif target:
        say("nothing was written: no variant is certain to be within every limit")
    return 0 if selection.best else 1


def _check_served(parsed: argparse.Namespace) -> None:
    """Refuse flags of what serves the artifact that do not fit together."""
    for flag in ("--server", "--layout"):
        if getattr(parsed, flag[2:]) and parsed.copy_to is None:
            raise UserError(f"{flag}: was given without --copy-to DIR, the folder to write it into; pass both")
    if parsed.server and parsed.layout:
        raise UserError("--layout: is for another server than --server writes; pass one of the two")
    if parsed.server:
        require("--server", "serve")
