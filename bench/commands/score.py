"""``deploybench score``: label a file of any size with one variant."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploybench.bench.commands.common import add_command, print_answer
from deploybench.bench.console import say
from deploybench.bench.pipeline.arguments import positive_number
from deploybench.bench.pipeline.options import add_options, read_options
from deploybench.exporters.artifacts.catalogue import check_variant_name
from deploybench.exporters.errors import UserError

if TYPE_CHECKING:
    import argparse

_OUTPUT = """
The output has one row per row of FILE, in its order: row (from 1), label, its
probability, logit_0, logit_1, ..., and the tokens of the whole text. Memory does
not grow with FILE. The same command continues after an interruption."""
_FLAGS = (
    "--checkpoint",
    "--calibration",
    "--train",
    "--text-columns",
    "--drop-bad-rows",
    "--allow-pickle",
    "--plugin",
    "--threads",
    "--work-dir",
)


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "score",
        "label a file of any size with one variant, by the fastest plan that trials find",
        [
            "deploybench score posts.csv --variant openvino-int8 -o labels.parquet",
            "deploybench score --checkpoint my-albert --variant onnx-fp32 x.csv -o y.parquet",
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
    add_options(command.add_argument, _FLAGS)


def _score(parsed: argparse.Namespace) -> int:
    from deploybench.bench.machine.alone import alone
    from deploybench.bench.pipeline.prepare import prepare
    from deploybench.bench.pipeline.sets import reading
    from deploybench.bench.report.messages.scoring import render_scoring
    from deploybench.bench.score.rows import scan
    from deploybench.bench.score.score_file import Job, score_file

    source, output = Path(parsed.file), Path(parsed.output)
    _check_output(source, output, parsed.output)
    options = read_options(parsed)
    check_variant_name(parsed.variant)  # not before: a plugin is known by now
    options = replace(options, variants=(parsed.variant,))
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # of tokenizers, in this process
    most = None if parsed.max_memory_mb is None else parsed.max_memory_mb * 1e6
    found = scan(source, **reading(options))  # a file that cannot be read is refused before an export
    with alone():
        prepared = prepare(options)
        if parsed.variant not in prepared.artifacts:
            raise UserError(f"--variant: {parsed.variant} cannot be used: {prepared.variants[parsed.variant].failed}")
        job = Job(prepared=prepared, variant=parsed.variant, source=source, found=found, output=output, max_memory=most)
        done = score_file(job)
    print_answer(render_scoring(done))
    say(f"written: {output}")
    return 0


def _check_output(source: Path, output: Path, text: str) -> None:
    from deploybench.exporters.files import refuse_unwritable

    if output.suffix != ".parquet" or output.is_dir():
        raise UserError(f"--output: found {text!r}, expected a file that ends in .parquet; name one")
    if output.exists() and source.exists() and output.samefile(source):
        raise UserError(f"--output: {text!r} is the file whose texts are scored, expected another; name one")
    refuse_unwritable(output.parent)
