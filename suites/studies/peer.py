"""How long a grid takes us, and how long it takes optimum-benchmark 0.6.0; how well each then knows its cells.

    python -m suites.studies.peer --work-dir .deploybench --peer-env .peer
    python -m suites.studies.peer --variants onnx-fp32 --batch-sizes 1,2 --sequence-lengths 64,128
    python -m suites.studies.peer --enough
    python -m suites.studies.peer --resume .deploybench/peer-abcd1234

First ours: one whole ``deploybench run`` from an empty work folder: export, proof that each variant is still the same
model, and everything that a run measures besides (load time, heap by memray, yardsticks), though the peer has none of it.
Then the peer, in an environment of its own and with its own defaults: its process launcher, one process for each point of
the grid, latency and memory of one point together. What is needed by both, the checkpoint, and what is installed once, the
environments, is in neither time. Where the peer has no such variant, what it has closest stands in; see CLOSEST.

Width is that of the 95 % interval as a share of its value. Ours is of the median, from processes. The peer's is of the mean,
a t interval over the rounds of its one process, as if they were independent: it leaves out how processes differ, which
flatters the peer. Memory has no interval on either side.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.console import progress, say
from bench.machine.alone import alone
from bench.pipeline.checkpoints import find_checkpoint
from bench.pipeline.options import MEMORY_BATCH_SIZE, PROFILES, Options, read_options
from bench.runs.measurement import process_medians
from bench.runs.store import read_run
from bench.statistics import interval_factors
from exporters.errors import DeploybenchError, UserError
from suites.studies import peer_cell
from suites.studies.saving import save_study
from suites.studies.study import study_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

PEER = "optimum-benchmark==0.6.0"
PACKAGES = (
    PEER,
    "torch",
    "transformers",
    "optimum",
    "optimum-onnx",
    "optimum-intel",
    "onnx",
    "onnxruntime",
    "openvino",
    "nncf",
)
CONSTRAINTS = Path(__file__).with_name("peer-constraints.txt")
ROOT = Path(__file__).parents[2]
GRID = {
    "checkpoint": "arch:albert-base-v2",
    "variants": ("torch-eager", "torchscript", "onnx-fp32", "onnx-int8-dynamic", "openvino-fp32"),
    "profile": "standard",
}
CLOSEST = {
    "torchscript": "torch.compile: the peer has no TorchScript, and compile's own 'ts' backend fails on ALBERT",
    "openvino-int8": "weights compressed to int8: the peer has no static quantisation for OpenVINO",
}
TARGET = 0.5  # of the peer's wall time
_STAMP = "deploybench-peer.sha256"
_SCENARIO = {"iterations": "iterations", "duration": "duration", "warmup": "warmup_runs"}  # our option: the peer's


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One latency cell as one side knows it."""

    value: float  # seconds: the peer's mean, our median of processes
    width: float  # of the 95 % interval, as a share of ``value``; inf where a single value leaves it open
    count: int  # processes of ours, rounds of the peer


def points(variants: Sequence[str], batch_sizes: Sequence[int], lengths: Sequence[int]) -> list[dict[str, Any]]:
    """What the peer is asked for: each shape once; where latency and memory are wanted of one, by the same process."""
    shapes: dict[tuple[int, int], list[str]] = {(size, max(lengths)): ["latency"] for size in batch_sizes}
    for length in lengths:
        shapes.setdefault((MEMORY_BATCH_SIZE, length), []).append("memory")
    return [
        {"variant": variant, "batch_size": size, "sequence_length": length, "metrics": metrics}
        for variant in variants
        for (size, length), metrics in shapes.items()
    ]


def mean_width(values: Sequence[float]) -> float:
    """Width of the t interval of the mean, as a share of the mean; inf for one value."""
    from scipy.stats import t

    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        return math.inf
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return 2 * half / statistics.fmean(values)


def cell_name(variant: str, batch_size: int, sequence_length: int) -> str:
    """How a cell is called in tables and files."""
    return f"{variant} {batch_size}x{sequence_length}"


def peer_cells(answers: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Timed], dict[str, float], dict[str, str]]:
    """Latency, memory in bytes, and reasons of failures, by cell, from what ``peer_cell`` wrote."""
    timed, memory, failed = {}, {}, {}
    for one in answers:
        name = cell_name(one["variant"], one["batch_size"], one["sequence_length"])
        if "failed" in one:
            failed[name] = one["failed"].splitlines()[-1]
            continue
        forward = one["report"]["forward"]
        if "latency" in one["metrics"]:
            values = forward["latency"]["values"]
            timed[name] = Timed(value=statistics.fmean(values), width=mean_width(values), count=len(values))
        if "memory" in one["metrics"]:
            memory[name] = forward["memory"]["max_ram"] * 1e6  # it says MB
    return timed, memory, failed


def our_cells(run_folder: Path, variants: Sequence[str]) -> tuple[dict[str, Timed], dict[str, float], dict[str, str]]:
    """The same of our saved run."""
    run = read_run(run_folder)
    timed, memory = {}, {}
    failed = {name: run.variants[name].failed for name in variants if run.variants[name].failed}
    rows = [
        one
        for one in run.measurements
        if one.metric == "latency" and one.status == "ok" and one.workload and one.variant in variants
    ]
    medians = [process_medians(one) for one in rows]
    factors = interval_factors(medians, [one.variant for one in rows])
    for row, values, factor in zip(rows, medians, factors, strict=True):
        assert row.workload
        name = cell_name(row.variant, row.workload.batch_size, row.workload.sequence_length)
        timed[name] = Timed(value=statistics.median(values), width=factor - 1 / factor, count=len(values))
    for one in run.measurements:
        if one.variant not in variants or not one.workload or one.metric not in {"latency", "peak_resident"}:
            continue
        name = cell_name(one.variant, one.workload.batch_size, one.workload.sequence_length)
        if one.status != "ok":
            failed[f"{name} {one.metric}"] = one.reason
        elif one.metric == "peak_resident":
            memory[name] = max(one.values)
    return timed, memory, failed


def scaled_seconds(wall: float, ours: Mapping[str, Timed], peer: Mapping[str, Timed]) -> float:
    """What the peer would take to know each cell as well as we do: computed, rounds going by one over the width squared.

    Only its timed rounds are scaled, up or down, to two at least; start, export and warm-up stay as they were measured.
    """
    for name, theirs in peer.items():
        mine = ours.get(name)
        if mine and 0 < mine.width < math.inf and theirs.width < math.inf:
            rounds = max(2.0, theirs.count * (theirs.width / mine.width) ** 2)
            wall += (rounds - theirs.count) * theirs.value
    return wall


def install(folder: Path) -> Path:
    """The interpreter of the peer's environment, which is made where it is not there as it should be."""
    wanted = hashlib.sha256(CONSTRAINTS.read_bytes()).hexdigest()
    python, stamp = folder.absolute() / "bin" / "python", folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return python
    if folder.exists() and not stamp.is_file() and any(folder.iterdir()):
        raise UserError(f"--peer-env: {folder} holds something else; name a new folder")
    say(f"installing {PEER} into {folder}")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    stamp.write_text("", encoding="ascii")  # ours, but not whole yet
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(CONSTRAINTS)]
    subprocess.run([*pip, *PACKAGES, "setuptools"], check=True)
    stamp.write_text(wanted, encoding="ascii")
    return python


def run_ours(
    folder: Path, checkpoint: Path, options: Options, batch_sizes: Sequence[int], lengths: Sequence[int]
) -> float:
    """Wall seconds of one whole run with ``folder`` as its working folder; one that ended there before is not run again."""
    done = folder / "ours.json"
    if done.is_file():
        return float(json.loads(done.read_text(encoding="ascii")))
    for part in (".deploybench", "results"):  # of one that was stopped: what it exported would be no part of our time
        shutil.rmtree(folder / part, ignore_errors=True)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [
        *(sys.executable, "-m", "bench.cli", "run", f"--checkpoint={checkpoint}", f"--profile={options.profile}"),
        f"--variants={','.join(options.variants)}",
        f"--batch-sizes={','.join(map(str, batch_sizes))}",
        f"--sequence-lengths={','.join(map(str, lengths))}",
        *(
            f"--threads={options.threads}",
            f"--target-width={options.target_width}",
            f"--time-budget={options.time_budget}",
        ),
    ]
    start = time.perf_counter()
    code = subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, check=False).returncode
    wall = time.perf_counter() - start
    if code not in {0, 1}:  # 1: a variant failed, which the saved run tells
        raise DeploybenchError(f"our run ended with exit code {code}")
    done.write_text(json.dumps(wall), encoding="ascii")
    return wall


def run_peer(python: Path, folder: Path, plan: dict[str, Any], enough_s: float = math.inf) -> list[dict[str, Any]]:
    """What each point gave, those included that ended there before; the peer's own words go to a file.

    After ``enough_s`` seconds of its time no further point is begun.
    """
    plan_file, reports, log = folder / "plan.json", folder / "reports.jsonl", folder / "peer.log"
    answers = _answers(reports)
    left = [point for point in plan["points"] if not any(point.items() <= one.items() for one in answers)]
    rest = max(0.0, enough_s - _seconds(answers))
    plan_file.write_text(json.dumps({**plan, "points": left, "enough_s": rest}), encoding="utf-8")
    command = [str(python), "-I", peer_cell.__file__, str(plan_file), str(reports)]
    with (
        log.open("a", encoding="utf-8") as words,
        progress("peer", len(left)) as bar,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            words.write(line)
            if line.startswith(peer_cell.MARK):
                say(line.strip())
                bar.advance()
    if process.returncode or not reports.is_file():
        raise DeploybenchError(f"the peer ended with exit code {process.returncode}; its words are in {log}")
    return _answers(reports)


def _answers(reports: Path) -> list[dict[str, Any]]:
    """What is there of whole lines; what a kill has left of a last one is cut off, so that the next one is whole."""
    content = reports.read_bytes() if reports.is_file() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(reports, whole)
    return [json.loads(line) for line in content[:whole].splitlines()]


def _seconds(answers: Sequence[Mapping[str, Any]]) -> float:
    return float(sum(one["seconds"] for one in answers))  # between two points it does nothing


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    parsed = _parser().parse_args(arguments)
    asked = parsed.variants
    unknown = [name for name in asked if name not in peer_cell.BACKENDS]
    if unknown:
        say(f"--variants: the peer has no {unknown[0]!r}; it has: {', '.join(peer_cell.BACKENDS)}")
        return 2
    try:
        figures, whole = compare(parsed, asked)
    except DeploybenchError as error:
        say(f"peer: error: {error}")
        return 2 if isinstance(error, UserError) else 1
    sys.stdout.write(text(figures))
    say(f"saved: {save_study('peer' if whole else 'peer-part', figures)}")
    return 1 if figures["failed"] else 0


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
        raise UserError(f"--resume: {str(parsed.folder)!r} is no folder; expected the one that a stopped study named")
    python = install(parsed.peer_env)
    checkpoint = find_checkpoint(options).path.resolve()
    options.work_dir.mkdir(parents=True, exist_ok=True)
    folder = (parsed.folder or Path(tempfile.mkdtemp(prefix="peer-", dir=options.work_dir))).resolve()
    say(f"everything that both sides say is kept in {folder}")
    with alone():  # waiting for another run is no part of ours
        pass
    our_wall = run_ours(folder, checkpoint, options, batch_sizes, lengths)
    plan = {"checkpoint": str(checkpoint), "scenario": scenario, "points": points(asked, batch_sizes, lengths)}
    with alone():
        answers = run_peer(python, folder, plan, our_wall / TARGET if parsed.enough else math.inf)
    peer_wall = _seconds(answers)
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
        "peer_seconds_at_our_width_computed": scaled_seconds(peer_wall, ours[0], peer[0]),
        "peer_seconds_by_point": {
            cell_name(one["variant"], one["batch_size"], one["sequence_length"]): one["seconds"] for one in answers
        },
        "latency": _side_by_side(ours[0], peer[0]),
        "resident_bytes": {
            name: {"ours": ours[1].get(name), "peer": peer[1].get(name)} for name in {**ours[1], **peer[1]}
        },
        "failed": {
            **{f"ours: {name}": why for name, why in ours[2].items()},
            **{f"peer: {name}": why for name, why in peer[2].items()},
        },
    }
    return figures, whole


def _side_by_side(ours: Mapping[str, Timed], peer: Mapping[str, Timed]) -> dict[str, dict[str, Any]]:
    """Each cell of either side; an open width is null."""
    return {
        name: {
            side: {**asdict(cells[name]), "width": cells[name].width if cells[name].width < math.inf else None}
            for side, cells in (("ours", ours), ("peer", peer))
            if name in cells
        }
        for name in {**ours, **peer}
    }


def text(figures: Mapping[str, Any]) -> str:
    """What the study prints."""
    walls, scaled = figures["wall_seconds"], figures["peer_seconds_at_our_width_computed"]
    lines = ["cell                          ours (ms)  width    n   peer (ms)  width    n"]
    for name, sides in figures["latency"].items():
        lines.append(f"{name:<28}" + "".join(_cell(sides.get(side)) for side in ("ours", "peer")))
    lines += [f"{name}: failed: {why}" for name, why in figures["failed"].items()]
    lines += [f"{name} stands beside {what}" for name, what in figures["closest"].items()]
    lines += [
        "",
        f"ours  {walls['ours']:8.0f} s, export, proof and everything else that a run measures included",
        f"peer  {walls['peer']:8.0f} s, process launcher, {figures['peer_settings']}{_stopped(figures)}",
        f"ours / peer: {figures['ours_over_peer']:.2f}, at most {TARGET} wanted: {_verdict(figures['ours_over_peer'])}",
        f"median width of a cell: ours {_median(figures, 'ours')}, peer {_median(figures, 'peer')} (rounds of one process)",
        f"peer  {scaled:8.0f} s for our width in every cell that it measured: computed, not measured",
        f"ours / peer at our width: {_at_our_width(figures)}",
    ]
    lines += (
        ["this was a part of the grid, or not the peer's defaults: no answer for the whole"] if figures["part"] else []
    )
    return "\n".join(lines) + "\n"


def _stopped(figures: Mapping[str, Any]) -> str:
    measured, of = figures["peer_points"]["measured"], figures["peer_points"]["of"]
    return f"; stopped after {measured} of {of} points, so all of them take longer" if measured < of else ""


def _at_our_width(figures: Mapping[str, Any]) -> str:
    """Of a peer that was stopped only the most that the ratio can be is known: our time is of every point."""
    ratio = figures["wall_seconds"]["ours"] / figures["peer_seconds_at_our_width_computed"]
    open_yet = _stopped(figures) and ratio > TARGET
    return (
        f"less than {ratio:.2f}, as far as was measured: not known" if open_yet else f"{ratio:.2f}: {_verdict(ratio)}"
    )


def _verdict(ratio: float) -> str:
    return "reached" if ratio <= TARGET else "missed"


def _median(figures: Mapping[str, Any], side: str) -> str:
    cells = [one[side]["width"] for one in figures["latency"].values() if side in one]
    known = [math.inf if width is None else width for width in cells]
    return f"{statistics.median(known):.2%}" if known else "-"


def _cell(timed: Mapping[str, Any] | None) -> str:
    if timed is None:
        return f"{'-':>12}{'-':>7}{'-':>5}"
    width = "open" if timed["width"] is None else f"{timed['width']:.1%}"
    return f"{timed['value'] * 1e3:>12.2f}{width:>7}{timed['count']:>5}"


def _parser() -> argparse.ArgumentParser:
    flags = ("--checkpoint", "--variants", "--batch-sizes", "--sequence-lengths", "--threads", "--profile")
    parser = study_parser(__doc__, (*flags, "--target-width", "--time-budget", "--work-dir"), **GRID)
    parser.add_argument(
        "--peer-env", type=Path, default=Path(".peer"), metavar="DIR", help="made where it is not there"
    )
    parser.add_argument(
        "--resume",
        dest="folder",
        type=Path,
        metavar="DIR",
        help="go on in the folder of a study that was stopped, asked as before",
    )
    parser.add_argument(
        "--enough", action="store_true", help="stop the peer once it has taken twice our time: the answer is known then"
    )
    for name in _SCENARIO:
        parser.add_argument(f"--peer-{name}", type=int, metavar="N", help="instead of the peer's default, 10")
    return parser


if __name__ == "__main__":
    sys.exit(main())
