"""How often ``compare`` finds a change between two saved runs that is there, and one that is not, from what ``repeated`` recorded.

    python -m deploybench.suites.studies.harness.verdicts minilm-covid minilm-covid-loaded

Each run is compared with the next: as it is, and with the copies of ``onnx-fp32`` that are slowed by 5 and by 10 % in its place.
"As times": without what was timed beside each slice, as older runs are.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....bench.compare.judging import judge_rows, rows_of
from ....bench.compare.thresholds import Thresholds
from ....bench.measure.controls import AGAIN
from ..study import Answer, render_rows, run_study
from .repeated import SHARES, SLOWED, read_slices, recorded_runs, slowed_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....bench.runs.measurement import Measurement

_SAME = "no detectable change"


def verdicts(runs: Sequence[Mapping[str, Measurement]]) -> dict[str, Any]:
    """Verdicts of the unchanged rows of all pairs, and whether each slowed copy was found, by its share."""
    others = (AGAIN, *map(slowed_name, SHARES))
    same: Counter[str] = Counter()
    detectable, found = [], {f"{share:g}": 0 for share in SHARES}
    for base, contender in itertools.pairwise(runs):
        plain = [{name: one for name, one in run.items() if name not in others} for run in (base, contender)]
        for change in _compared(*plain):
            same[change.verdict] += 1
            detectable.append(change.detectable)
        for share in SHARES:
            late = {**plain[1], SLOWED: _called(SLOWED, contender[slowed_name(share)])}
            found[f"{share:g}"] += any(
                one.variant == SLOWED and one.verdict == "worse" for one in _compared(plain[0], late)
            )
    known = sorted(one for one in detectable if one is not None)
    return {
        "pairs": len(runs) - 1,
        "same": dict(same),
        "false_share": 1 - same[_SAME] / sum(same.values()),
        "detectable": known[len(known) // 2],
        "found": found,
    }


def _called(name: str, one: Measurement) -> Measurement:
    return replace(one, variant=name)


def _compared(base: Mapping[str, Measurement], contender: Mapping[str, Measurement]) -> Any:
    return judge_rows((rows_of(base.values()), rows_of(contender.values())), Thresholds())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="of recordings below results/studies")
    parsed = parser.parse_args(arguments)

    def answer() -> Answer:
        figures: dict[str, dict[str, Any]] = {}
        for name in parsed.names:
            runs = recorded_runs(read_slices(name))
            alone = [{row: replace(one, beside=()) for row, one in run.items()} for run in runs]
            figures |= {name: verdicts(runs), f"{name}, as times": verdicts(alone)}
        return Answer("verdicts", figures, _text(figures))

    return run_study("verdicts", answer)


def _text(figures: Mapping[str, Mapping[str, Any]]) -> str:
    heads = (
        "recording",
        "pairs",
        "false verdicts",
        "median detectable",
        *(f"slowed by {share:.0%}" for share in SHARES),
    )
    rows = [
        (
            name,
            str(of["pairs"]),
            f"{of['false_share']:.1%}",
            f"{of['detectable']:.1%}",
            *(f"{number} of {of['pairs']}" for number in of["found"].values()),
        )
        for name, of in figures.items()
    ]
    return render_rows(heads, rows, ["false verdicts: share of the unchanged rows of all pairs"])


if __name__ == "__main__":
    sys.exit(main())
