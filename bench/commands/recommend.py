"""``deploybench recommend``: the variant of a saved run to take within limits, and why each other one is not taken.

Of a run of several models it is a pair of model and variant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deploybench.bench.commands.common import add_aim, add_command, add_model, asked_runs, print_answer, read_aim
from deploybench.bench.console import say
from deploybench.bench.pipeline.arguments import positive_number
from deploybench.bench.pipeline.options import add_options
from deploybench.exporters.artifacts.plugins import use_plugins

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from deploybench.bench.analysis.objectives import Aim
    from deploybench.bench.analysis.selection import Selection
    from deploybench.bench.runs.store import Run

_LIMITS = {  # metric, SI units in one unit of the flag, help
    "--max-p95-ms": ("latency_p95", 1e-3, "95th percentile of the latency of the smallest batch, in ms"),
    "--max-memory-mb": ("peak_memory", 1e6, "peak of the heap after loading and during batches, by memray"),
    "--max-size-mb": ("artifact_size", 1e6, "size on disk"),
}
_COPY_FLAGS = {"--plugin": "of --copy-to: module of your own that holds a variant; repeatable", "--work-dir": ""}


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "recommend",
        "name the variant of a saved run to take within limits, and why each other one is not taken",
        [
            "deploybench recommend results --max-accuracy-drop 0.01 --max-p95-ms 100",
            "deploybench recommend results --objective size --max-memory-mb 400",
            "deploybench recommend results --copy-to best",
            "deploybench recommend results --model my-albert",
        ],
    )
    command.set_defaults(execute=_recommend)
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder (its newest run)")
    add_model(command.add_argument)
    add_aim(command.add_argument)
    for flag, (_, _, text) in _LIMITS.items():
        command.add_argument(flag, metavar="NUMBER", type=positive_number(flag), help=text)
    command.add_argument(
        "--copy-to", metavar="DIR", help="write its artifact there, with an example program and the evidence"
    )
    add_options(command.add_argument, _COPY_FLAGS)


def _recommend(parsed: argparse.Namespace) -> int:
    """Return 1 where no variant is certain to be within every limit."""
    from deploybench.bench.analysis.objectives import Limit
    from deploybench.bench.pipeline.best import read_target

    use_plugins(parsed.plugin or ())
    limits = [
        Limit(flag=flag, metric=metric, most=number * unit)
        for flag, (metric, unit, _) in _LIMITS.items()
        if (number := getattr(parsed, flag[2:].replace("-", "_"))) is not None
    ]
    target = None if parsed.copy_to is None else read_target(parsed.copy_to, "--copy-to")
    runs, aim = asked_runs(parsed.run, parsed.model), replace(read_aim(parsed), limits=tuple(limits))
    selection = _of_models(runs, aim) if len(runs) > 1 else _of_variants(runs[0], aim)
    if target and selection.best:
        _copy_best(runs, selection, parsed.work_dir, target)
    elif target:
        say("nothing was written: no variant is certain to be within every limit")
    return 0 if selection.best else 1


def _of_variants(run: Run, aim: Aim) -> Selection:
    """Print and return the selection of one model's variants."""
    from deploybench.bench.analysis.selection import select
    from deploybench.bench.report.messages.selection import render_selection
    from deploybench.bench.runs.predictions import read_scored

    selection = select(run, read_scored(run), aim)
    print_answer(render_selection(selection))
    return selection


def _of_models(runs: tuple[Run, ...], aim: Aim) -> Selection:
    """The same of several models and their variants."""
    from deploybench.bench.analysis.models.failed import measured_models
    from deploybench.bench.analysis.models.selection import select_models
    from deploybench.bench.report.messages.models_selection import render_models_selection

    selection = select_models(measured_models(runs), aim)
    print_answer(render_models_selection(runs, selection))
    return selection


def _copy_best(runs: tuple[Run, ...], selection: Selection, work_dir: Path, target: Path) -> None:
    from deploybench.bench.analysis.models.pairs import of_pair
    from deploybench.bench.pipeline.best import write_best
    from deploybench.bench.pipeline.made import find_artifact

    assert selection.best
    best = selection.best.variant
    run, variant = of_pair(runs, best) if len(runs) > 1 else (runs[0], best)
    write_best(run, selection, find_artifact(run, variant, work_dir).path, target)
