"""``deploybench train``: train a classifier by a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..pipeline.arguments import path, whole_number
from ..pipeline.options import add_options
from .common import add_command, print_answer

if TYPE_CHECKING:
    import argparse

_FLAGS = {  # with their help text where it differs from that of ``run``
    "--checkpoint": "start from this folder, Hub id or arch:NAME instead of the recipe's checkpoint",
    "--external": "",
    "--text-columns": "",
    "--pair-columns": "",
    "--label-column": "",
    "--drop-bad-rows": "",
    "--allow-pickle": "",
    "--threads": "",
    "--work-dir": "",
}


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "train",
        "fine-tune or train a classifier by a recipe",
        [
            "deploybench train demonstration --output demonstration",
            "deploybench train albert-mini --train train.csv --tokenizer DIR --output posts",
            "deploybench train albert-welfake --train a.csv --external b.csv --output news",
            "deploybench train distilbert-agnews --checkpoint my-distilbert --output topics",
            "deploybench train minilm-news --teacher news --layers 3 --train a.csv --output small",
        ],
    )
    command.set_defaults(execute=_train, needs=("torch", "train"))
    command.add_argument("recipe", metavar="RECIPE", help="a recipe of deploybench list, or a TOML file")
    command.add_argument(
        "--train", metavar="FILE", help="labelled texts to train on (default: the recipe's, else the bundled corpus)"
    )
    command.add_argument(
        "--validation",
        metavar="FILE",
        help="labelled texts to score after every epoch; training may stop early by them",
    )
    command.add_argument("--tokenizer", metavar="DIR", type=path, help="tokenizer, for a recipe that trains none")
    command.add_argument(
        "--seeds",
        metavar="N",
        type=whole_number("--seeds", 2, 100, "a number from 2 to 100 such as 5"),
        help="train from N seeds, to see how much accuracy depends on the seed",
    )
    command.add_argument(
        "--teacher", metavar="DIR", help="train a student of this classifier: it learns the outputs, not the labels"
    )
    command.add_argument(
        "--layers",
        metavar="N",
        type=whole_number("--layers", 1, 1000, "a number from 1 such as 3"),
        help="with --teacher: how many of its layers the student has; of shared ones, how often they are applied",
    )
    command.add_argument("--resume", action="store_true", help="continue an interrupted training")
    command.add_argument("--output", metavar="DIR", required=True, help="folder for the checkpoint")
    add_options(command.add_argument, _FLAGS)


def _train(parsed: argparse.Namespace) -> int:
    from ...exporters.training.processes import is_main
    from ..machine.alone import alone
    from ..pipeline.training import follow_training, report_from_one_rank, train_checkpoint
    from ..report.training_plots import write_training_plots

    with report_from_one_rank():
        if not is_main():
            follow_training(parsed)
            return 0
        with alone():
            print_answer(train_checkpoint(parsed, write_training_plots))
    return 0
