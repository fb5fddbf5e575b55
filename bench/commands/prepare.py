"""``deploybench prepare``: split labelled files into training, validation and test sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ..console import say
from ..pipeline.arguments import path, whole_number
from ..pipeline.options import add_options, read_options
from .common import add_command, print_answer

if TYPE_CHECKING:
    import argparse

_FLAGS = ("--real", "--fake", "--text-columns", "--pair-columns", "--label-column", "--drop-bad-rows")


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "prepare",
        "split labelled texts for training, validation and test, without overlap, and report label leakage",
        [
            "deploybench prepare news.csv --output prepared",
            "deploybench prepare --real r.csv --fake f.csv --split 80/10/10 --output out",
            "deploybench prepare train.csv --test test.csv --output prepared",
            "deploybench prepare news.csv --label-column verdict --output prepared",
        ],
    )
    command.set_defaults(execute=_prepare)
    command.add_argument("files", nargs="*", metavar="FILE", help="labelled texts; several files are joined")
    command.add_argument(
        "--output", metavar="DIR", required=True, help="folder for train.csv, validation.csv and test.csv"
    )
    add_options(command.add_argument, _FLAGS)
    command.add_argument(
        "--test", metavar="FILE", type=path, help="existing test set; rows that resemble one of it are dropped"
    )
    command.add_argument(
        "--split",
        metavar="N/N/N",
        help="percentages for training, validation and test (default: 70/15/15; with --test 85/15)",
    )
    command.add_argument(
        "--seed",
        metavar="N",
        type=whole_number("--seed"),
        default=0,
        help="another seed gives other splits (default: 0)",
    )
    command.add_argument("--strict", action="store_true", help="refuse a test set that overlaps with the other files")


def _prepare(parsed: argparse.Namespace) -> int:
    from ..report.messages.preparation import render_preparation
    from ..texts.prepare.preparation import Request, prepare_texts
    from ..texts.prepare.rows import Files
    from ..texts.prepare.splits import read_shares

    options = read_options(parsed)
    if bool(parsed.files) == bool(options.real):
        raise UserError("prepare: expected labelled files, or --real with --fake, and not both; name one or more")
    files = Files(labelled=tuple(map(Path, parsed.files)), real=options.real, fake=options.fake, test=parsed.test)
    request = Request(
        files=files,
        output=Path(parsed.output),
        shares=read_shares(parsed.split, test_given=parsed.test is not None),
        seed=parsed.seed,
        text_columns=options.text_columns,
        label_column=options.label_column,
        bad_rows="drop" if options.drop_bad_rows else "refuse",
        strict=parsed.strict,
    )
    print_answer(render_preparation(prepare_texts(request)))
    say(f"written: {parsed.output}")
    return 0
