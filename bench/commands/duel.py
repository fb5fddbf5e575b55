"""``deploybench duel``: measure two artifacts, checkpoints or git revisions against each other in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploybench.bench.commands.answer import add_answer, give_answer, refuse_unwritable_answer
from deploybench.bench.commands.common import add_command
from deploybench.bench.pipeline.options import add_options, asked_variants, read_options
from deploybench.exporters.variant import REFERENCE

if TYPE_CHECKING:
    import argparse

_FLAGS = {  # with their help text where it differs from that of ``run``
    "--checkpoint": "checkpoint that both revisions export; A and B are then git revisions",
    "--plugin": "",
    "--variants": f"variants to compare (default: {REFERENCE})",
    "--batch-sizes": "batch sizes to time (default: 1)",
    "--sequence-lengths": "tokens: latency is timed at each (default: 128, or the most that both sides take)",
    "--threads": "",
    "--target-width": "time until every 99%% interval of a ratio is narrower than this share (default: 0.01)",
    "--time-budget": "stop timing after this time even if intervals are wider (default: 60)",
    "--work-dir": "",
    "--allow-pickle": "",
}


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "duel",
        "measure two artifacts, checkpoints or git revisions against each other in one run",
        [
            "deploybench duel artifacts/onnx-fp32 artifacts/openvino-fp32",
            "deploybench duel my-albert my-distilbert --variants onnx-fp32",
            "deploybench duel HEAD~1 HEAD --checkpoint my-albert --batch-sizes 1,8",
        ],
    )
    command.set_defaults(execute=_duel, needs=("torch",), failed=3)  # 1 says that something is worse
    command.add_argument(
        "a", metavar="A", help="folder of one or several artifacts, a checkpoint, or with --checkpoint a git revision"
    )
    command.add_argument("b", metavar="B", help="the other side, of the same kind")
    add_answer(command.add_argument)
    add_options(command.add_argument, _FLAGS)
    command.set_defaults(variants=REFERENCE, batch_sizes="1", target_width="0.01", time_budget="60", lenient=False)


def _duel(parsed: argparse.Namespace) -> int:
    """Return an exit code of ``compare``."""
    from deploybench.bench.compare.duel import measure as duel
    from deploybench.bench.compare.duel.sides import two_sides
    from deploybench.bench.compare.outcome import outcome_of
    from deploybench.bench.machine.alone import alone

    refuse_unwritable_answer(parsed)
    options = read_options(parsed)
    asked = asked_variants(parsed.variants)
    variants = tuple(name for name in options.variants if name in asked)
    with alone(), two_sides((parsed.a, parsed.b), options, variants) as sides:
        workloads = duel.workloads(sides, options)
        setting = duel.Setting(workloads=workloads, target_width=options.target_width, budget_s=options.time_budget)
        comparison = duel.duel(*sides, setting)
    outcome = outcome_of(comparison.changes)
    give_answer(comparison, outcome, parsed, every_row=True)
    return outcome.code
