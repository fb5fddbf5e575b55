"""What scoring on a Ray cluster of this machine costs against one process on the same cores.

    python -m deploybench.suites.studies.scoring.ray_overhead --rows 200000 --turns 3

The same plan on both sides, in turn. The time is the one that the command prints, from the first text that is read to the last
label that is written; starting Ray is told beside it. Ray's own processes share the cores.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import progress
from ....exporters.errors import WorkerError
from ....exporters.files import sha256_file
from ..study import Answer, render_rows, run_study, study_parser
from .many_rows import write_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = "ray_overhead"
_ALLOWED = 0.1
_RATE = re.compile(r"^time: .*, ([\d.,]+) texts/s$", re.MULTILINE)


def score(source: Path, output: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """Texts a second of one scoring, and the seconds of the whole command."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "deploybench.bench.cli", "score", *arguments, str(source), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    rate = _RATE.search(done.stdout)
    if done.returncode or rate is None:
        raise WorkerError(f"score: exit code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    return float(rate[1].replace(",", "")), seconds


def answer(rows: int, turns: int, arguments: Sequence[str]) -> Answer:
    """Score the same rows on both sides, in turn."""
    sides: dict[str, list[str]] = {"one process": [], "ray": ["--engine=ray"]}
    found: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder, progress("scorings", turns * len(sides)) as bar:
        source = Path(folder, "rows.csv")
        write_rows(source, rows)
        digests = set()
        for turn in range(turns):
            for side, flags in sorted(sides.items(), reverse=turn % 2 == 1):
                output = Path(folder, f"{side}.parquet")
                output.unlink(missing_ok=True)
                found[side].append(score(source, output, [*arguments, *flags]))
                digests.add(sha256_file(output))
                bar.advance()
    pairs = zip(*found.values(), strict=True)
    overhead = [alone[0] / ray[0] - 1 for alone, ray in pairs]
    failed = [] if statistics.median(overhead) <= _ALLOWED else ["Ray costs more than 10 %"]
    failed += [] if len(digests) == 1 else ["the files differ"]
    figures: dict[str, Any] = {
        "rows": rows,
        "texts_per_second": {side: [rate for rate, _ in turns] for side, turns in found.items()},
        "seconds_of_the_command": {side: [seconds for _, seconds in turns] for side, turns in found.items()},
        "overhead": overhead,
        "failed": failed,
    }
    cells = [
        (side, f"{statistics.median(rate for rate, _ in turns):,.0f}", f"{statistics.median(s for _, s in turns):.1f}")
        for side, turns in found.items()
    ]
    note = f"Ray takes {statistics.median(overhead):+.1%} of the time, by turn {', '.join(f'{one:+.1%}' for one in overhead)}"
    return Answer(_NAME, figures, render_rows(["", "texts/s", "whole command, s"], cells, [note, *failed]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, ("--work-dir", "--threads"), threads="2")
    parser.add_argument("--rows", metavar="N", type=int, default=200_000)
    parser.add_argument("--turns", metavar="N", type=int, default=3)
    parser.add_argument("--plan", metavar="PLAN", default="bucketed/64/1x2", help="of both sides")
    parser.add_argument("--variant", metavar="NAME", default="onnx-fp32-fused", help="of the demonstration")
    parsed = parser.parse_args(arguments)
    given = [f"--work-dir={parsed.work_dir}", f"--variant={parsed.variant}", f"--threads={parsed.threads}"]
    return run_study(_NAME, lambda: answer(parsed.rows, parsed.turns, [*given, f"--plan={parsed.plan}"]))


if __name__ == "__main__":
    sys.exit(main())
