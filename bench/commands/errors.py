"""``deploybench errors``: misclassified texts of a saved run, and accuracy by a column of the labelled files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..pipeline.arguments import whole_number
from ..pipeline.options import add_options
from .common import TEXT_FLAGS, add_command, add_model, asked_runs, only_run, print_answer, texts_of

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "errors",
        "show misclassified texts of a saved run, and accuracy by source, author or any column",
        [
            "deploybench errors results",
            "deploybench errors results --external test=test.csv --by source",
            "deploybench errors results --real real.csv --fake fake.csv --examples 10",
            "deploybench errors results --model my-albert",
        ],
    )
    command.set_defaults(execute=_errors)
    command.add_argument("run", metavar="RUN", help="a saved run, or a folder (its newest run)")
    add_model(command.add_argument)
    add_options(command.add_argument, TEXT_FLAGS)
    command.add_argument("--by", metavar="COLUMN", help="accuracy by the values of a column of the labelled files")
    command.add_argument(
        "--examples",
        metavar="N",
        type=whole_number("--examples"),
        default=3,
        help="texts of each direction (default: 3)",
    )
    command.add_argument("--variant", metavar="NAME", help="misclassified by this variant (default: by any)")
    command.add_argument(
        "--seed", metavar="N", type=whole_number("--seed"), default=0, help="seed of the sample (default: 0)"
    )


def _errors(parsed: argparse.Namespace) -> int:
    from ..analysis.misclassified.analysis import Asked, find_errors
    from ..report.messages.error_examples import render_errors

    asked = Asked(variant=parsed.variant, by=parsed.by, examples=parsed.examples, seed=parsed.seed)
    run = only_run(asked_runs(parsed.run, parsed.model), "errors")
    print_answer(render_errors(find_errors(run, texts_of(run, parsed), asked), run.checkpoint.labels, asked))
    return 0
