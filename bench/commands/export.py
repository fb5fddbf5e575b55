"""``deploybench export``: export variants and check them; with ``--best``, measure them and write the best one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ..console import say
from ..pipeline.options import add_options, artifacts_dir, read_options
from ..units import CAUTION, format_bytes, format_percent
from .common import add_aim, add_command, print_answer, read_aim

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ...exporters.artifacts.artifact import Artifact
    from ...exporters.labels import Task
    from ..runs.store import VariantInfo

_AGREES: dict[Task, str] = {
    "single-label": "labels agree on {} of {}",
    "multi-label": "labels agree by {} (micro F1) on {}",
    "score": "scores explain {} of the variance over {}",
}
_FLAGS = (
    "--checkpoint",
    "--calibration",
    "--train",
    "--text-columns",
    "--pair-columns",
    "--drop-bad-rows",
    "--allow-pickle",
    "--variants",
    "--plugin",
    "--threads",
    "--work-dir",
)
_BEST_FLAGS = (  # with --best alone
    "--external",
    "--unlabelled",
    "--real",
    "--fake",
    "--real-label",
    "--label-column",
    "--batch-sizes",
    "--sequence-lengths",
    "--profile",
    "--target-width",
    "--time-budget",
    "--resume",
)


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "export",
        "export variants and check that they predict as the checkpoint does; with --best, write the one to deploy",
        [
            "deploybench export --checkpoint my-albert",
            "deploybench export --variants openvino-int8 --calibration train.csv",
            "deploybench export --checkpoint my-albert --best --output best",
            "deploybench export --best --objective size --output best",
        ],
    )
    command.set_defaults(execute=_export, needs=("torch",))
    add_options(command.add_argument, _FLAGS)
    command.add_argument("--output", metavar="DIR", help="folder of the artifacts (default: in the work folder)")
    best = command.add_argument_group("the best variant", "measured within the time budget; only that one is written")
    best.add_argument("--best", action="store_true", help="write the best variant to --output, with its evidence")
    add_aim(best.add_argument)
    add_options(best.add_argument, _BEST_FLAGS)


def _export(parsed: argparse.Namespace) -> int:
    """Return 1 where a variant failed."""
    if parsed.best:
        return _export_best(parsed)
    from ..machine.alone import alone
    from ..pipeline.prepare import prepare

    unwanted = [
        flag
        for flag in ("--objective", "--max-accuracy-drop", "--on-each-set", "--allow-other-model", *_BEST_FLAGS)
        if _is_given(parsed, flag)
    ]
    if unwanted:
        raise UserError(f"{unwanted[0]}: was given without --best; pass --best as well")
    options = replace(read_options(parsed), artifacts=artifacts_dir(parsed.output))
    with alone():
        prepared = prepare(options)
    print_answer(render_exports(prepared.variants, prepared.artifacts, prepared.checkpoint.task))
    return 1 if len(prepared.artifacts) < len(prepared.variants) else 0


def _is_given(parsed: argparse.Namespace, flag: str) -> bool:
    """Whether a flag does not have its default; a share of 0 is a value."""
    value = getattr(parsed, flag[2:].replace("-", "_"))
    return value is not False and value not in (None, "", "quick")


def _export_best(parsed: argparse.Namespace) -> int:
    """Return 1 where no variant is certain to be within the limit."""
    from ..analysis.models.selection import select_of
    from ..analysis.objectives import OBJECTIVES
    from ..machine.alone import alone
    from ..pipeline.best import read_target, write_best
    from ..pipeline.checkpoints import find_checkpoint
    from ..pipeline.prepare import prepare
    from ..pipeline.started_pytest import run_suites
    from ..report.messages.selection import render_selection
    from ..runs.store import read_run

    target, options = read_target(parsed.output), read_options(parsed)
    aim = read_aim(parsed, find_checkpoint(options).task if options.checkpoint else "single-label")
    storage = options.work_dir.absolute() / "best"  # not in RESULTS: later runs are not compared with it
    with alone():
        prepared = prepare(options)
        saved, code = run_suites([prepared], storage, ("test_accuracy.py", *OBJECTIVES[aim.objective].suites))
    if saved is None:
        return code or 1
    run = read_run(saved)
    selection = select_of((run,), aim)
    print_answer(render_selection(selection))
    if selection.best is None:
        say("nothing was written: no variant is certain to be within the limit")
        return code or 1
    write_best(run, selection, prepared.artifacts[selection.best.variant].path, target)
    return 0


def render_exports(
    variants: Mapping[str, VariantInfo], artifacts: Mapping[str, Artifact], task: Task = "single-label"
) -> str:
    """One line per variant: size, parity with the reference and folder, or why it failed; then cautions."""
    from ..analysis.precision import cautions

    width = max(map(len, variants))
    lines = [f"{name:<{width}}  {_line(info, artifacts.get(name), task)}" for name, info in variants.items()]
    lines += [f"{CAUTION} {name}: {caution}" for name, info in variants.items() for caution in cautions(info)]
    return "\n".join(lines)


def _line(info: VariantInfo, artifact: Artifact | None, task: Task) -> str:
    if artifact is None:
        return f"failed: {info.failed}"
    parity = info.parity
    agrees = _AGREES[task].format(format_percent(parity["agreement"]), int(parity["examples"]))
    near = f"{agrees}, logits within {parity['max_abs_diff']:.1e}"
    return f"{format_bytes(artifact.size)}, {near}: {artifact.path}"
