"""Whether memory grows with the file that is scored: 10,000 short rows and 1,000,000, each by the same plans.

    python -m deploybench.suites.studies.scoring.many_rows --plans bucketed/64/1x2,bucketed/64/2x1

The plan is given, because one that is found may have another number of processes, each with a copy of the model. The rows are the
first words of the bundled texts. The figure is the one that the command prints: the sum of the peaks of its processes.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.pipeline.arguments import names
from ....bench.texts.demonstration import corpus
from ....exporters.errors import WorkerError
from ..study import Answer, run_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = 5  # of a row
_ALLOWED = 0.1  # of the peak of the fewest rows


def write_rows(path: Path, rows: int) -> None:
    """A CSV file of short texts."""
    texts = [" ".join(text.split()[:_WORDS]) for text in corpus.corpus("train")[0]]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text"])
        writer.writerows([text] for text in islice(cycle(texts), rows))


def score(rows: int, arguments: Sequence[str]) -> dict[str, Any]:
    """Score ``rows`` rows by the command line; seconds of the command, and the peak memory in bytes that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "rows.csv"), Path(folder, "out.parquet")
        write_rows(source, rows)
        begun = time.perf_counter()
        command = [sys.executable, "-m", "deploybench.bench.cli", "score", *arguments, str(source), "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begun
    peak = re.search(r"memory: at most ([\d.]+) MB resident, all", done.stdout)
    if done.returncode or peak is None:
        raise WorkerError(f"{rows} rows: exit code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    say(f"{rows} rows: {peak[1]} MB, {seconds:.0f} s")
    return {"rows": rows, "peak": float(peak[1]) * 1e6, "seconds": seconds, "printed": done.stdout}


def answer(rows: Sequence[int], plans: Sequence[str], arguments: Sequence[str]) -> Answer:
    """Measure each number of rows by each plan, the smallest first."""
    found = {plan: [score(one, [*arguments, f"--plan={plan}"]) for one in rows] for plan in plans}
    growth = {plan: runs[-1]["peak"] / runs[0]["peak"] - 1 for plan, runs in found.items()}
    lines = [
        f"{plan}, {one['rows']:>9,} rows: at most {one['peak'] / 1e6:.1f} MB resident, {one['seconds']:.0f} s"
        for plan, runs in found.items()
        for one in runs
    ]
    lines += [
        f"{plan}: growth of the peak {100 * share:+.1f} %, at most {100 * _ALLOWED:.0f} % are allowed"
        for plan, share in growth.items()
    ]
    failed = [f"{plan}: memory grows with the rows" for plan, share in growth.items() if share > _ALLOWED]
    figures = {"plans": found, "growth": growth, "failed": failed}
    return Answer(name="many_rows", figures=figures, text="\n".join(lines) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, ("--work-dir", "--threads"), threads="2")
    parser.add_argument("--rows", metavar="N,N", default="10000,1000000", help="numbers of rows, the fewest first")
    parser.add_argument(
        "--plans", metavar="PLAN,PLAN", default="bucketed/64/1x2,bucketed/64/2x1", help="see score --plan"
    )
    parser.add_argument("--variant", metavar="NAME", default="onnx-fp32-fused", help="of the demonstration")
    parsed = parser.parse_args(arguments)
    given = [f"--work-dir={parsed.work_dir}", f"--variant={parsed.variant}", f"--threads={parsed.threads}"]
    return run_study("many_rows", lambda: answer([int(one) for one in names(parsed.rows)], names(parsed.plans), given))


if __name__ == "__main__":
    sys.exit(main())
