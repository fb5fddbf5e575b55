"""How often a duel finds a change that is there, and one that is not.

    python -m deploybench.suites.studies.harness.duels --same 200 --slowed 0.03=100
    python -m deploybench.suites.studies.harness.duels --slowed 0.01=100 --time-budget 30
    python -m deploybench.suites.studies.harness.duels --same 200 --loaded

Both sides are the same ONNX artifact of the demonstration, one text of 128 tokens, one thread; the predictor of side B is
slowed by the given share. Equal sides are compared in memory as well. With ``--loaded``, another process keeps one core busy.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.compare.duel.measure import Setting, duel
from ....bench.compare.duel.side import Side
from ....bench.console import progress
from ....bench.machine.alone import alone
from ....bench.pipeline.options import read_options
from ....bench.pipeline.prepare import prepare
from ....bench.runs.measurement import Workload
from ....exporters.variant import TOKENIZER
from ..study import save_study, study_parser
from . import slowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ....exporters.artifacts.artifact import Artifact

LENGTH = 128
_VARIANT = "onnx-fp32"
_SAME = "no detectable change"


def sides(artifact: Artifact, folder: Path, share: float) -> tuple[Side, Side]:
    """Two sides with a copy of the artifact each; the second is slowed by ``share``."""
    made = []
    for name, slow_by in (("A", 0.0), ("B", share)):
        copy = folder / name
        shutil.copytree(artifact.path, copy, dirs_exist_ok=True)
        (copy / slowed.SHARE_FILE).write_text(str(slow_by), encoding="ascii")
        one = replace(artifact, path=copy, variant=slowed.__name__)
        made.append(Side(name=name, artifacts={_VARIANT: one}, tokenizer=copy / TOKENIZER, max_length=LENGTH))
    return made[0], made[1]


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy."""
    process = multiprocessing.get_context("spawn").Process(target=_count, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _count() -> None:
    number = 0
    while True:
        number += 1


def run_duels(artifact: Artifact, share: float, duels: int, setting: Setting) -> dict[str, Any]:
    """Run ``duels`` duels: verdicts by metric, changes of latency, and seconds of each duel."""
    verdicts: dict[str, Counter[str]] = {}
    changes, seconds, detectable = [], [], []
    with tempfile.TemporaryDirectory() as folder, progress(f"slowed by {share:.1%}", duels) as bar:
        pair = sides(artifact, Path(folder), share)
        for _ in range(duels):
            start = time.perf_counter()
            comparison = duel(*pair, setting)
            seconds.append(time.perf_counter() - start)
            for change in comparison.changes:
                verdicts.setdefault(change.metric, Counter())[change.verdict] += 1
                if change.metric == "latency" and change.change is not None and change.detectable is not None:
                    changes.append(change.change)
                    detectable.append(change.detectable)
            bar.advance()
    return {
        "slowed_by": share,
        "duels": duels,
        "verdicts": verdicts,
        "median_change": statistics.median(changes),
        "median_detectable": statistics.median(detectable),
        "longest_seconds": max(seconds),
        "median_seconds": statistics.median(seconds),
        "changes": [round(change, 5) for change in changes],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = ("--target-width", "--time-budget", "--work-dir")
    parser = study_parser(__doc__, flags, target_width="0.01", time_budget="10")
    parser.add_argument("--same", type=int, default=0, help="duels of two equal sides")
    parser.add_argument("--slowed", action="append", default=[], metavar="SHARE=DUELS", help="may be given again")
    parser.add_argument("--loaded", action="store_true", help="while another process loads one core")
    parsed = parser.parse_args(arguments)
    options = replace(read_options(parsed), variants=(_VARIANT,), threads=1)
    with alone():
        artifact = prepare(options).artifacts[_VARIANT]
    workload = Workload(batch_size=1, sequence_length=LENGTH, padding="full", threads=1)
    setting = Setting(workloads=(workload,), target_width=options.target_width, budget_s=options.time_budget)
    plan = [(0.0, parsed.same)] if parsed.same else []
    plan += [(float(share), int(duels)) for share, duels in (one.split("=") for one in parsed.slowed)]
    with alone(), busy_core() if parsed.loaded else contextlib.nullcontext():
        for share, duels in plan:
            found = run_duels(artifact, share, duels, replace(setting, memory=not share))
            sys.stdout.write(_text(found))
            name = f"duels-{f'slowed-{share:g}' if share else 'same'}{'-loaded' if parsed.loaded else ''}"
            save_study(name, {"precision": options.target_width, "budget_seconds": options.time_budget, **found})
    return 0


def _text(found: dict[str, Any]) -> str:
    lines = [f"slowed by {found['slowed_by']:.1%}, {found['duels']} duels, {found['median_seconds']:.1f} s each"]
    for metric, counts in found["verdicts"].items():
        other = sum(number for verdict, number in counts.items() if verdict != _SAME)
        lines.append(f"  {metric:<15} {other:>4} verdicts of a change: {dict(counts)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
