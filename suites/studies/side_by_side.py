"""Compares artifacts of one checkpoint: size, weights, memory of loading, parity, and latency in one interleaved run."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...bench.measure.memory.peaks import take_phase
from ...bench.measure.schedule import TimedArtifact
from ...bench.measure.workload import full_batch, parity_batches
from ...bench.worker.client import Worker, call_in_child
from ...exporters.artifacts.catalogue import find_variant
from ...exporters.artifacts.parity import compare_logits
from ...exporters.errors import ParityError
from ...exporters.inspection.stored import stored_weights
from ...exporters.variant import MANIFEST
from .study import render_rows
from .timing import one_text, time_interleaved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...bench.pipeline.prepare import Prepared
    from ...exporters.variant import Batch, Float32Array

LENGTHS = (16, 512)  # tokens of the one text that is timed
_NO_BOUND: dict[str, Any] = {"min_agreement": 0.0, "logits_atol": None}  # parity is shown, not judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One artifact in the table; the others are compared with the first."""

    name: str  # "stock onnx-fp32-O2", "onnx-fp32-fused"
    variant: str  # that loads it
    path: Path


def manifest_of_files(folder: Path) -> None:
    """Write the manifest that ``_look_at`` reads sizes from, for a folder that our exporters did not write."""
    files = {file.name: {"size": file.stat().st_size} for file in folder.iterdir()}
    (folder / MANIFEST).write_text(json.dumps({"files": files}), encoding="utf-8")


def measure(sides: Sequence[Side], prepared: Prepared) -> dict[str, dict[str, Any]]:
    """Every figure of each side, by name; parity is that with the first."""
    batches = parity_batches(prepared.tokens, prepared.inputs.pad, prepared.full_length)
    found: dict[str, dict[str, Any]] = {}
    reference: list[Float32Array] | None = None
    for side in sides:
        facts, logits = _look_at(side, batches, prepared.options.threads)
        reference = reference or logits
        try:
            parity = compare_logits(replace(find_variant(side.variant), **_NO_BOUND), reference, logits)
            facts |= {"agreement": parity.agreement, "max_abs_diff": parity.max_abs_diff}
        except ParityError as error:
            facts |= {"agreement": 0.0, "parity": str(error)}
        found[side.name] = facts
    for name, by_length in _time(sides, prepared).items():
        found[name]["process_medians"] = by_length
    return found


def _look_at(side: Side, batches: Sequence[Batch], threads: int) -> tuple[dict[str, Any], list[Float32Array]]:
    """Size, weights and memory of loading of one artifact, in bytes; and its logits."""
    stored = call_in_child(stored_weights, side.path, threads=1)
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


def _time(sides: Sequence[Side], prepared: Prepared) -> dict[str, dict[str, list[float]]]:
    """Seconds of one text, the median of each process, by artifact and length."""
    lengths = [length for length in LENGTHS if length <= (prepared.inputs.max_length or length)]
    batches = {one_text(length, prepared.options): [full_batch(prepared.tokens, 1, length)] for length in lengths}
    timed = [TimedArtifact(name=one.name, variant=one.variant, artifact=one.path) for one in sides]
    return time_interleaved(timed, batches, prepared.options, strict=False)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The table: MB, and for each length milliseconds and the speed-up over the first row."""
    first, reference = next((name, facts["process_medians"]) for name, facts in rows.items())
    heads = ["artifact", "MB", "twice", "loaded", "same"]
    heads += [head for length in reference for head in (f"1x{length} ms", "speed-up")]
    notes = [
        "MB: size; twice: weights stored more than once; loaded: resident memory of loading",
        f"same: labels equal to those of {first}; speed-up: over it",
        *(f"{name}: {facts['parity']}" for name, facts in rows.items() if "parity" in facts),
    ]
    return render_rows(heads, (_cells(name, facts, reference) for name, facts in rows.items()), notes)


def _cells(name: str, facts: Mapping[str, Any], reference: Mapping[str, Sequence[float]]) -> list[str]:
    cells = [name, *(f"{facts[key] / 1e6:.1f}" for key in ("size", "doubled", "loaded"))]
    cells.append(f"{facts['agreement']:.0%}")
    for length, values in reference.items():
        measured = facts["process_medians"].get(length)  # None: failed at this length
        median = statistics.median(measured) if measured else None
        cells += [f"{median * 1e3:.2f}", f"{statistics.median(values) / median:.2f}x"] if median else ["-", "-"]
    return cells
