"""Our artifacts beside those of optimum's stock exporters, from one checkpoint, timed in one interleaved run.

    python -m suites.studies.stock_export --work-dir .deploybench --peer-env .peer
    python -m suites.studies.stock_export --checkpoint arch:bert-base-uncased --variants onnx-fp32,onnx-int8-dynamic

The stock artifacts are made in an environment of the peer's own (``stock_export_cell.py``), and are then loaded and fed as ours
are, so that what differs is the file. Of each: size, what it stores twice, what loading it takes of memory (resident, above
the runtime's imports), whether it is still the same model, and its latency for one text of 16 and of 512 tokens.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine.alone import alone
from bench.measurement import Workload, process_medians
from bench.memory.peaks import take_phase
from bench.options import Options, add_options, read_options
from bench.prepare import pad_id, prepare
from bench.progress import progress, say
from bench.timing.latency import LatencyRun
from bench.timing.schedule import Contender
from bench.worker import Worker, call_in_child
from bench.workload import full_batch, parity_batches
from exporters.artifact import MANIFEST
from exporters.catalogue import find_variant
from exporters.checkpoint import CALIBRATION_FILE
from exporters.errors import DeploybenchError, ParityError, UserError, WorkerError
from exporters.parity import compare_logits
from exporters.variant import REFERENCE
from suites.studies import stock_export_cell
from suites.studies.peer import install
from suites.studies.saving import save_study

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.prepare import Prepared
    from bench.workload import Batch
    from exporters.variant import Float32Array

STOCK = {  # folder: the variant that loads it as our own
    "onnx-fp32": "onnx-fp32",
    "onnx-fp32-O2": "onnx-fp32",
    "onnx-int8-dynamic": "onnx-int8-dynamic",
    "openvino-int8": "openvino-int8",
}
LENGTHS = (16, 512)
TEXTS = 128  # of calibration, for either side


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One artifact in the table."""

    name: str  # "stock onnx-fp32-O2", "onnx-fp32-fused"
    variant: str  # that loads it
    path: Path


def stock_sides(python: Path, prepared: Prepared) -> list[Side]:
    """Make the stock artifacts, or take those that are there."""
    folder = prepared.options.work_dir.absolute() / "stock" / prepared.checkpoint.sha256[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder.parent))
        texts = aside / "calibration.json"
        texts.write_text(json.dumps(_calibration(prepared)), encoding="utf-8")
        out = aside / "artifacts"
        out.mkdir()
        say("exporting with optimum's stock exporters")
        command = [str(python), "-I", stock_export_cell.__file__, str(prepared.checkpoint.path.resolve()), str(texts)]
        with (aside / "export.log").open("w") as log:
            done = subprocess.run(
                [*command, str(out)],
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise DeploybenchError(f"the stock exporters ended with exit code {done.returncode}; see {log.name}")
        for one in out.iterdir():
            files = {file.name: {"size": file.stat().st_size} for file in one.iterdir()}
            (one / MANIFEST).write_text(json.dumps({"files": files}), encoding="utf-8")
        out.rename(folder)
    return [Side(name=f"stock {name}", variant=variant, path=folder / name) for name, variant in STOCK.items()]


def _calibration(prepared: Prepared) -> list[list[int]]:
    left = prepared.checkpoint.path / CALIBRATION_FILE
    if left.is_file():
        ids: list[list[int]] = json.loads(left.read_text(encoding="utf-8"))["input_ids"][:TEXTS]
        return ids
    return prepared.tokens[:TEXTS]


def look_at(side: Side, batches: Sequence[Batch], threads: int) -> tuple[dict[str, Any], list[Float32Array]]:
    """Size, weights, and what loading takes of one artifact; and its logits."""
    stored = call_in_child("exporters.stored:stored_weights", side.path, threads=1)
    files = json.loads((side.path / MANIFEST).read_text(encoding="utf-8"))["files"]
    with Worker(side.name, threads) as worker:
        worker.import_runtime(side.variant)
        before = take_phase(worker, side.path).resident
        worker.ask("load", side.path, threads)
        loaded = take_phase(worker, side.path).resident - before
        logits = [logits for logits, _ in worker.predict(batches)]
    facts = {
        "size": sum(file["size"] for file in files.values()),
        "weights": stored.size,
        "doubled": stored.doubled,
        "loaded": loaded,
    }
    return facts, logits


def time_all(sides: Sequence[Side], prepared: Prepared) -> dict[str, dict[str, list[float]]]:
    """Seconds of one text, the median of each process, by artifact and length."""
    options = prepared.options
    lengths = [length for length in LENGTHS if length <= prepared.checkpoint.max_length]
    batches = {_workload(length, options): full_batch(prepared.tokens, 1, length) for length in lengths}
    run = LatencyRun(
        [Contender(name=one.name, variant=one.variant, artifact=one.path) for one in sides],
        options.schedule,
        options.threads,
    )
    with progress("timing", run.steps(len(batches))) as bar:
        measured = run.measure(batches, bar.advance, bar.extend)
    found: dict[str, dict[str, list[float]]] = {side.name: {} for side in sides}
    for one in measured:
        assert one.workload
        if one.status == "ok":
            found[one.variant][str(one.workload.sequence_length)] = process_medians(one)
        else:
            say(f"{one.variant}: {one.reason}")
    return found


def _workload(length: int, options: Options) -> Workload:
    return Workload(batch_size=1, sequence_length=length, padding="full", threads=options.threads)


def compare(options: Options, peer_env: Path) -> dict[str, Any]:
    """Every figure of the study."""
    python = install(peer_env)
    with alone():
        prepared = prepare(options)
        ours = [Side(name=name, variant=name, path=one.path) for name, one in prepared.artifacts.items()]
        sides = [*ours, *stock_sides(python, prepared)]
        batches = parity_batches(prepared.tokens, pad_id(prepared.checkpoint), prepared.checkpoint.max_length)
        figures, reference = {}, None
        for side in sides:
            facts, logits = look_at(side, batches, options.threads)
            reference = reference or logits
            try:
                parity = compare_logits(replace(find_variant(side.variant), min_agreement=0.0), reference, logits)
                facts |= {"agreement": parity.agreement, "max_abs_diff": parity.max_abs_diff}
            except ParityError as error:
                facts |= {"parity": str(error)}
            figures[side.name] = facts
        seconds = time_all(sides, prepared)
    for name, by_length in seconds.items():
        figures[name]["process_medians"] = by_length
    return {
        "checkpoint": prepared.checkpoint.name,
        "parameters": prepared.checkpoint.num_parameters,
        "threads": options.threads,
        "failed": {name: info.failed for name, info in prepared.variants.items() if info.failed},
        "artifacts": figures,
    }


def text(figures: Mapping[str, Any]) -> str:
    """What the study prints."""
    rows = figures["artifacts"]
    lines = [f"{'artifact':<24}{'MB':>7}{'twice':>7}{'loaded':>8}" + "".join(_heads(rows))]
    reference = rows[REFERENCE]["process_medians"]
    for name, facts in rows.items():
        line = f"{name:<24}{facts['size'] / 1e6:>7.1f}{facts['doubled'] / 1e6:>7.1f}{facts['loaded'] / 1e6:>8.1f}"
        for length, values in facts["process_medians"].items():
            value = statistics.median(values)
            line += f"{value * 1e3:>9.2f}{statistics.median(reference[length]) / value:>7.2f}x"
        lines.append(line + (f"  {facts['parity']}" if "parity" in facts else ""))
    lines += [f"{name}: failed: {why}" for name, why in figures["failed"].items()]
    return "\n".join(lines) + "\n"


def _heads(rows: Mapping[str, Any]) -> list[str]:
    return [f"{f'1x{length} ms':>9}{'eager':>8}" for length in rows[REFERENCE]["process_medians"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    parsed = _parser().parse_args(arguments)
    try:
        figures = compare(read_options(vars(parsed)), parsed.peer_env)
    except (DeploybenchError, WorkerError) as error:
        say(f"stock_export: error: {error}")
        return 2 if isinstance(error, UserError) else 1
    sys.stdout.write(text(figures))
    say(f"saved: {save_study('stock_export-' + figures['checkpoint'].replace(':', '-'), figures)}")
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags = ("--checkpoint", "--variants", "--calibration", "--threads", "--profile", "--precision", "--time-budget")
    add_options(parser.add_argument, (*flags, "--work-dir"))
    parser.set_defaults(checkpoint="arch:albert-base-v2")
    parser.add_argument(
        "--peer-env", type=Path, default=Path(".peer"), metavar="DIR", help="made where it is not there"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
