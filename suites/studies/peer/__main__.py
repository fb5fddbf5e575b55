"""How long a grid takes us and optimum-benchmark 0.6.0, and how precise the figures of each are.

    python -m deploybench.suites.studies.peer --work-dir .deploybench --peer-env .peer
    python -m deploybench.suites.studies.peer --variants onnx-fp32 --batch-sizes 1,2 --sequence-lengths 64,128
    python -m deploybench.suites.studies.peer --enough
    python -m deploybench.suites.studies.peer --resume .deploybench/peer-abcd1234

First one complete ``deploybench run`` from an empty work folder: export, parity checks, and all that a run measures besides (load
time, heap by memray, yardsticks), which the peer does not measure. Then the peer, in an environment of its own with its own
defaults: its process launcher, one process for each point of the grid, latency and memory of a point together. The checkpoint
and the installation of the environments are in neither time. Where the peer lacks a variant, its closest one is used (CLOSEST).

Width is that of the 95 % interval relative to its value. Ours is of the median, from processes. The peer's is of the mean, a t
interval over the rounds of one process as if they were independent: it leaves out the variation between processes, which
favours the peer. Memory has no interval on either side.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.machine.alone import alone
from ....bench.pipeline.checkpoints import find_checkpoint
from ....bench.pipeline.options import PROFILES, read_options
from ....exporters.errors import UserError
from ..study import Answer, run_study, study_parser
from .cell import BACKENDS
from .cells import cell_name, our_cells, peer_cells, points, scaled_seconds, side_by_side
from .runs import PEER, install, run_ours, run_peer, seconds_of
from .shown import TARGET, text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

GRID = {
    "checkpoint": "arch:albert-base-v2",
    "variants": ("torch-eager", "torchscript", "onnx-fp32", "onnx-int8-dynamic", "openvino-fp32"),
    "profile": "standard",
}
CLOSEST = {
    "torchscript": "torch.compile: the peer has no TorchScript, and compile's own 'ts' backend fails on ALBERT",
    "openvino-int8": "weights compressed to int8: the peer has no static quantisation for OpenVINO",
}
_SCENARIO = {"iterations": "iterations", "duration": "duration", "warmup": "warmup_runs"}  # our option: the peer's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parsed = _parser().parse_args(arguments)

    def answer() -> Answer:
        asked = parsed.variants
        unknown = [name for name in asked if name not in BACKENDS]
        if unknown:
            raise UserError(f"--variants: found {unknown[0]!r}, expected variants of the peer: {', '.join(BACKENDS)}")
        figures, whole = compare(parsed, asked)
        return Answer("peer" if whole else "peer-part", figures, text(figures))

    return run_study("peer", answer)


def compare(parsed: argparse.Namespace, asked: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """All figures of the study, and whether it was the whole grid with the peer's defaults."""
    options = read_options(parsed)
    profile = PROFILES["standard"]
    batch_sizes = options.batch_sizes if parsed.batch_sizes else profile.batch_sizes
    lengths = options.sequence_lengths or profile.sequence_lengths
    scenario = {
        theirs: value for mine, theirs in _SCENARIO.items() if (value := getattr(parsed, f"peer_{mine}")) is not None
    }
    if parsed.folder and not parsed.folder.is_dir():
        raise UserError(
            f"--resume: {str(parsed.folder)!r} is not a folder, expected the one that a stopped study named; pass that one"
        )
    python = install(parsed.peer_env)
    checkpoint = find_checkpoint(options).path.resolve()
    options.work_dir.mkdir(parents=True, exist_ok=True)
    folder = (parsed.folder or Path(tempfile.mkdtemp(prefix="peer-", dir=options.work_dir))).resolve()
    say(f"logs of both sides: {folder}")
    with alone():  # waiting for another run is not part of our time
        pass
    our_wall = run_ours(folder, checkpoint, options, batch_sizes, lengths)
    plan = {"checkpoint": str(checkpoint), "scenario": scenario, "points": points(asked, batch_sizes, lengths)}
    with alone():
        answers = run_peer(python, folder, plan, our_wall / TARGET if parsed.enough else math.inf)
    peer_wall = seconds_of(answers)
    whole = (
        all(getattr(parsed, name) == value for name, value in GRID.items())
        and (batch_sizes, lengths) == (profile.batch_sizes, profile.sequence_lengths)
        and not scenario
    )
    ours, peer = our_cells(folder / "results", asked), peer_cells(answers)
    figures = {
        "part": not whole,
        "checkpoint": parsed.checkpoint if whole else checkpoint.name,
        "profile": options.profile,
        "precision": options.target_width,
        "time_budget_seconds": options.time_budget,
        "threads": options.threads,
        "peer": PEER,
        "peer_settings": scenario or "its defaults",
        "closest": {name: CLOSEST[name] for name in asked if name in CLOSEST},
        "wall_seconds": {"ours": our_wall, "peer": peer_wall},
        "ours_over_peer": our_wall / peer_wall,
        "peer_points": {"measured": len(answers), "of": len(plan["points"])},
        "peer_seconds_at_our_width_computed": scaled_seconds(peer_wall, ours.timed, peer.timed),
        "peer_seconds_by_point": {
            cell_name(one["variant"], one["batch_size"], one["sequence_length"]): one["seconds"] for one in answers
        },
        "latency": side_by_side(ours.timed, peer.timed),
        "resident_bytes": {
            name: {"ours": ours.memory.get(name), "peer": peer.memory.get(name)}
            for name in {**ours.memory, **peer.memory}
        },
        "failed": {
            **{f"ours: {name}": why for name, why in ours.failed.items()},
            **{f"peer: {name}": why for name, why in peer.failed.items()},
        },
    }
    return figures, whole


def _parser() -> argparse.ArgumentParser:
    flags = ("--checkpoint", "--variants", "--batch-sizes", "--sequence-lengths", "--threads", "--profile")
    parser = study_parser(__doc__, (*flags, "--target-width", "--time-budget", "--work-dir"), **GRID)
    parser.add_argument("--peer-env", type=Path, default=Path(".peer"), metavar="DIR", help="created if missing")
    parser.add_argument(
        "--resume", dest="folder", type=Path, metavar="DIR", help="folder of a stopped study with the same options"
    )
    parser.add_argument("--enough", action="store_true", help="stop the peer once it has taken twice our time")
    for name in _SCENARIO:
        parser.add_argument(f"--peer-{name}", type=int, metavar="N", help="instead of the peer's default, 10")
    return parser


if __name__ == "__main__":
    sys.exit(main())
