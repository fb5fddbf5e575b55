"""What the saved runs below ``results/`` and ``tests/data`` come to: every figure, verdict and exit code, without words.

``tests/data/golden.json.gz`` was written by the code of commit 49ff018, before its files were moved into rooms. Write it
again with ``python tests/golden.py`` only where a figure is meant to change, and say so in CHANGELOG.md.
"""

import gzip
import json
from itertools import pairwise
from pathlib import Path

from deploybench.bench.analysis.objectives import OBJECTIVES, Aim
from deploybench.bench.analysis.selection import select
from deploybench.bench.compare.changes import compare_runs
from deploybench.bench.compare.matching import match_models
from deploybench.bench.compare.outcome import outcome_of
from deploybench.bench.compare.thresholds import Thresholds
from deploybench.bench.report.render import render
from deploybench.bench.runs.predictions import read_scored
from deploybench.bench.runs.store import read_run

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "golden.json.gz"
_RESULTS = Path(__file__).parents[1] / "results" / "Linux-CPython-3.11-64bit"
_SHIPPED = [next(_RESULTS.glob(f"{number}_*.json")) for number in ("0016", "0017", "0022", "0024", "0025", "0026")]
_VERSIONS = sorted((DATA / "runs").glob("schema-*.json"))  # one of every schema version
_RUNS = [*_SHIPPED, *_VERSIONS, DATA / "run-schema-1.json"]
_PAIRS = [*pairwise(_SHIPPED), *pairwise(_VERSIONS), *((path, path) for path in _RUNS)]
_DROPS = (0.01, 0.1)


def write():
    content = json.dumps(computed(), indent=0).encode()
    GOLDEN.write_bytes(gzip.compress(content, mtime=0))


def read():
    return json.loads(gzip.decompress(GOLDEN.read_bytes()))


def computed():
    """All of it by kind, run and place; of a comparison, "run run"."""
    runs = {path: read_run(path) for path in _RUNS}
    return {
        "figures": {_name(path): _figures(run) for path, run in runs.items()},
        "recommend": {_name(path): _recommendations(run) for path, run in runs.items()},
        "compare": {f"{_name(a)} {_name(b)}": _comparison(runs[a], runs[b]) for a, b in _PAIRS},
    }


def _name(path):
    return path.name[:4] if path in _SHIPPED else path.stem


def _figures(run):
    found = {}
    for one in json.loads(render(run, "json")):
        place = "|".join(str(one[key] or "") for key in ("metric", "variant", "data", "label"))
        place += "|" + ",".join(str(value) for value in one["workload"].values() if value is not None)
        assert place not in found, f"two figures at {place}"
        found[place] = [one[key] for key in ("value", "low", "high", "n", "status")]
    return found


def _recommendations(run):
    """The exit code, then the variants in their order, each with where it stands."""
    found = {}
    for objective in OBJECTIVES:
        for drop in _DROPS:
            answer = select(run, read_scored(run), Aim(objective=objective, max_drop=drop))
            standings = [f"{one.variant} {one.standing}" for one in answer.candidates]
            found[f"{objective}, {drop}"] = [0 if answer.best else 1, *standings]
    return found


def _comparison(base, contender):
    changes = compare_runs(match_models([base], [contender]), Thresholds()).changes
    rows = {f"exit code, lenient {kind}": [outcome_of(changes, lenient=kind).code] for kind in (False, True)}
    for one in changes:
        size = f"{one.workload.batch_size}x{one.workload.sequence_length}" if one.workload else ""
        place = "|".join([one.metric, one.variant, one.data or "", size])
        assert place not in rows, f"two rows at {place}"
        numbers = [one.base, one.contender, one.change, one.low, one.high, one.threshold, one.detectable]
        rows[place] = [*numbers, one.verdict]
    return rows


if __name__ == "__main__":
    write()
