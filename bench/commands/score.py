"""``deploybench score``: label a file of any size with one variant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import say
from ..pipeline.arguments import positive_number
from ..pipeline.options import add_options, read_options
from ..score import FLAGS
from .common import add_command, print_answer

if TYPE_CHECKING:
    import argparse

_OUTPUT = """
The output has one row per row of FILE, in its order: row (from 1), label, its
probability, logit_0, logit_1, ..., and the tokens of the whole text; with --windows
their number as well. Memory does not grow with FILE. The same command continues
after an interruption."""


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "score",
        "label a file of any size with one variant, by the fastest plan that trials find",
        [
            "deploybench score posts.csv --variant openvino-int8 -o labels.parquet",
            "deploybench score --checkpoint my-albert --variant onnx-fp32 x.csv -o y.parquet",
            "deploybench score posts.csv --variant openvino-int8 --windows 512/256 -o y.parquet",
        ],
    )
    command.set_defaults(execute=_score, needs=("torch",))
    command.description = f"{command.description}\n{_OUTPUT}"
    command.add_argument("file", metavar="FILE", help="texts: CSV, TSV, JSON Lines or Parquet")
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="Parquet file to write")
    command.add_argument(
        "--variant",
        metavar="NAME",
        required=True,
        help="see deploybench recommend and deploybench list",
    )
    command.add_argument(
        "--max-memory-mb",
        metavar="NUMBER",
        type=positive_number("--max-memory-mb"),
        help="limit of the resident memory of all processes together",
    )
    add_options(command.add_argument, FLAGS)


def _score(parsed: argparse.Namespace) -> int:
    from ..report.messages.scoring import render_scoring
    from ..score.asked import score

    output = Path(parsed.output)
    most = None if parsed.max_memory_mb is None else parsed.max_memory_mb * 1e6
    print_answer(render_scoring(score(Path(parsed.file), output, parsed.variant, read_options(parsed), most)))
    say(f"written: {output}")
    return 0
