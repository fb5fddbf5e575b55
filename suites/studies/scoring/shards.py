"""Whether merged shards are to the last byte what one machine writes: whatever their number, their order and their attempts.

    python -m deploybench.suites.studies.scoring.shards --counts 1,2,3,7,16 --kills 10

Short rows, scored by the demonstration. The shards of each number are scored in random order; of all of them, as many as asked
are killed (``kill -9``) at a random moment of their scoring, and scored again.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import progress
from ....bench.pipeline.arguments import names
from ....bench.score.parts import parts_folder
from ....bench.score.shard import Shard
from ....exporters.errors import WorkerError
from ....exporters.files import sha256_file
from ..study import Answer, render_rows, run_study, study_parser
from .many_rows import write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAME = "shards"


def _start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "deploybench.bench.cli", "score", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _finish(arguments: Sequence[str]) -> str:
    """Run a command to its end; what it said. Raises WorkerError where it fails."""
    process = _start(arguments)
    said = process.communicate()[1]
    if process.returncode:
        raise WorkerError(f"score {' '.join(arguments)}: exit code {process.returncode}: {said.strip()[-300:]}")
    return said


def _kill(arguments: Sequence[str], parts: Path, draw: random.Random) -> bool:
    """Kill a scoring once it has written some of its parts; whether it was still at work."""
    process = _start(arguments)
    wanted = draw.randint(1, 3)
    while process.poll() is None and len(list(parts.glob("0*.parquet"))) < wanted:
        time.sleep(0.002)
    time.sleep(draw.uniform(0, 0.05))
    killed = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return killed


def _score_shards(count: int, kills: int, command: Sequence[str], output: Path, draw: random.Random) -> Iterator[int]:
    """Score all shards, in random order; of each, how often it was killed."""
    numbers = list(range(1, count + 1))
    draw.shuffle(numbers)
    for place, number in enumerate(numbers):
        shard = Shard(number, count)
        arguments = [*command, f"--shard={shard}", "-o", str(output)]
        parts = parts_folder(shard.file(output))
        wanted = kills // count + (place < kills % count)
        killed = sum(_kill(arguments, parts, draw) for _ in range(wanted))
        _finish(arguments)
        yield killed


def answer(rows: int, counts: Sequence[int], kills: int, seed: int, command: Sequence[str]) -> Answer:
    """Score, merge and compare, for each number of shards; the ``kills`` are shared out among them."""
    draw, found = random.Random(seed), []  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as scratch, progress("shards", sum(counts) + 1) as bar:
        source, whole = Path(scratch, "rows.csv"), Path(scratch, "whole.parquet")
        write_rows(source, rows)
        _finish([*command, str(source), "-o", str(whole)])
        bar.advance()
        left = kills
        for place, count in enumerate(counts):
            output = Path(scratch, f"labels{count}.parquet")
            here = -(-left // (len(counts) - place))
            attempts = []
            for killed in _score_shards(count, here, [*command, str(source)], output, draw):
                attempts.append(killed)
                bar.advance()
            left -= sum(attempts)
            _finish(["--merge", "-o", str(output)])
            same = output.read_bytes() == whole.read_bytes()
            found.append({"shards": count, "killed": sum(attempts), "same": same})
        digest = sha256_file(whole)
    figures = {
        "rows": rows,
        "runs": found,
        "sha256": digest,
        "failed": [f"{one['shards']} shards: another file" for one in found if not one["same"]],
    }
    return Answer(name=_NAME, figures=figures, text=_text(rows, found))


def _text(rows: int, found: Sequence[dict[str, Any]]) -> str:
    cells = [[f"{one['shards']}", f"{one['killed']}", "yes" if one["same"] else "no"] for one in found]
    notes = ["", f"{rows:,} rows; shards in random order; the file of one machine is that without --shard"]
    return render_rows(["shards", "killed", "same bytes as one machine"], cells, notes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code, 1 if any file differs."""
    parser = study_parser(__doc__, ("--work-dir", "--threads"), threads="1")
    parser.add_argument("--rows", metavar="N", type=int, default=32_000, help="short rows to score")
    parser.add_argument("--counts", metavar="N,N", default="1,2,3,7,16", help="numbers of shards")
    parser.add_argument("--kills", metavar="N", type=int, default=10, help="of all shards")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of order and moments")
    parser.add_argument("--variant", metavar="NAME", default="onnx-int8-dynamic", help="of the demonstration")
    parsed = parser.parse_args(arguments)
    command = [f"--work-dir={parsed.work_dir}", f"--variant={parsed.variant}", f"--threads={parsed.threads}"]
    counts = [int(one) for one in names(parsed.counts)]
    return run_study(_NAME, lambda: answer(parsed.rows, counts, parsed.kills, parsed.seed, command))


if __name__ == "__main__":
    sys.exit(main())
