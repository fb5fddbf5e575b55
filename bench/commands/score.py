"""``deploybench score``: label a file of any size with one variant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ...exporters.packages import require
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
their number as well. Of a folder, the file of each row comes first. Memory does not
grow with FILE. The same command continues after an interruption.

--engine ray answers on a Ray cluster, which needs no common disk.
With --shard I/N it scores one of N parts, on any machine and in any order, into a
file beside OUTPUT; --merge then writes OUTPUT, which is to the last byte that of
one machine by the same plan."""


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
            "deploybench score posts/ --variant openvino-int8 --shard 3/16 -o labels.parquet",
            "deploybench score --merge -o labels.parquet",
            "deploybench score posts/ --variant onnx-fp32 --engine ray --address auto -o y.parquet",
        ],
    )
    command.set_defaults(execute=_score)
    command.description = f"{command.description}\n{_OUTPUT}"
    command.add_argument(
        "file", metavar="FILE", nargs="?", help="texts: CSV, TSV, JSON Lines or Parquet, or a folder of such files"
    )
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="Parquet file to write")
    command.add_argument("--variant", metavar="NAME", help="see deploybench recommend and deploybench list")
    command.add_argument(
        "--max-memory-mb",
        metavar="NUMBER",
        type=positive_number("--max-memory-mb"),
        help="limit of the resident memory of all processes together",
    )
    command.add_argument(
        "--plan",
        metavar="PLAN",
        help="padding/batch size/processes x threads, such as bucketed/8/1x2, instead of searching for the fastest",
    )
    command.add_argument("--shard", metavar="I/N", help="score part I of N, by --plan (default: bucketed/8/1xTHREADS)")
    command.add_argument(
        "--engine",
        choices=("ray",),
        help="answer on a Ray cluster, by --plan: each task takes the CPUs of one process (default: this machine)",
    )
    command.add_argument(
        "--address",
        metavar="ADDRESS",
        help="of the Ray cluster, such as auto (default: one of this machine is started)",
    )
    command.add_argument("--merge", action="store_true", help="write OUTPUT from the files of all its shards")
    command.add_argument(
        "--allow-mixed",
        action="store_true",
        help="take answers of shards or nodes with other processors, versions or exports, which may differ",
    )
    add_options(command.add_argument, FLAGS)


def _score(parsed: argparse.Namespace) -> int:
    output = Path(parsed.output)
    if parsed.merge:
        return _merge(parsed, output)
    require("score", "torch")  # which merging does not need
    from ..report.messages.scoring import render_scoring
    from ..score.asked import Asked, score
    from ..score.engines.engine import Cluster
    from ..score.plan import read_plan
    from ..score.shard import read_shard

    for flag, value in (("FILE", parsed.file), ("--variant", parsed.variant)):
        if value is None:
            raise UserError(f"score: found no {flag}, expected one; give it (--merge alone takes none)")
    users = {"--allow-mixed": "--merge or --engine ray", "--address": "--engine ray"}
    for flag, value in (("--allow-mixed", parsed.allow_mixed), ("--address", parsed.address)):
        if value and not parsed.engine:
            raise UserError(f"{flag}: was given without {users[flag]}; pass both or neither")
    if parsed.engine:
        require("score --engine ray", "ray")
    plan = read_plan(parsed.plan) if parsed.plan else None
    if plan and parsed.threads and parsed.threads != plan.total_threads:
        raise UserError(
            f"--threads: found {parsed.threads}, and the plan {plan.short} has {plan.total_threads}; pass --plan alone"
        )
    asked = Asked(
        source=Path(parsed.file),
        output=output,
        variant=parsed.variant,
        max_memory=None if parsed.max_memory_mb is None else parsed.max_memory_mb * 1e6,
        plan=plan,
        shard=read_shard(parsed.shard) if parsed.shard else None,
        cluster=Cluster(address=parsed.address, allow_mixed=parsed.allow_mixed) if parsed.engine else None,
    )
    print_answer(render_scoring(score(asked, read_options(parsed))))
    say(f"written: {asked.file}")
    return 0


def _merge(parsed: argparse.Namespace, output: Path) -> int:
    from ..report.messages.scoring import render_merge
    from ..score.asked import check_output
    from ..score.merge import merge

    for flag, value in (("FILE", parsed.file), ("--variant", parsed.variant), ("--shard", parsed.shard)):
        if value is not None:
            raise UserError(f"--merge: was given with {flag} ({value}), expected -o OUTPUT alone; leave it out")
    check_output(output)
    print_answer(render_merge(*merge(output, allow_mixed=parsed.allow_mixed)))
    say(f"written: {output}")
    return 0
