"""Whether memory grows with the file that is scored: 10,000 short rows and 1,000,000, each in a process of its own.

    python -m deploybench.suites.studies.scoring.many_rows --rows 10000,1000000

One thread, so that both plans have one process: only the large file is worth a search for a plan. The rows are the first words
of the bundled texts. The figure is the one that the command prints: the sum of the peaks of its processes.
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
    plan = [line for line in done.stderr.splitlines() if line.startswith("plan: ")]
    say(f"{rows} rows: {peak[1]} MB, {seconds:.0f} s; {plan[0]}")
    return {"rows": rows, "peak": float(peak[1]) * 1e6, "seconds": seconds, "plan": plan[0], "printed": done.stdout}


def answer(rows: Sequence[int], arguments: Sequence[str]) -> Answer:
    """Measure each number of rows, the smallest first."""
    found = [score(one, arguments) for one in rows]
    growth = found[-1]["peak"] / found[0]["peak"] - 1
    lines = [
        f"{one['rows']:>9,} rows: at most {one['peak'] / 1e6:.1f} MB resident, {one['seconds']:.0f} s" for one in found
    ]
    lines.append(f"growth of the peak: {100 * growth:+.1f} %, at most {100 * _ALLOWED:.0f} % are allowed")
    figures = {"runs": found, "growth": growth, "failed": [] if growth <= _ALLOWED else ["memory grows with the rows"]}
    return Answer(name="many_rows", figures=figures, text="\n".join(lines) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, ("--work-dir", "--threads"), threads="1")
    parser.add_argument("--rows", metavar="N,N", default="10000,1000000", help="numbers of rows, the fewest first")
    parser.add_argument("--variant", metavar="NAME", default="onnx-fp32-fused", help="of the demonstration")
    parsed = parser.parse_args(arguments)
    given = [f"--work-dir={parsed.work_dir}", f"--variant={parsed.variant}", f"--threads={parsed.threads}"]
    return run_study("many_rows", lambda: answer([int(one) for one in names(parsed.rows)], given))


if __name__ == "__main__":
    sys.exit(main())
