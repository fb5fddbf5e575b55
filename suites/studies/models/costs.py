"""What runs of ``arch:`` models, and counts of their architectures, say of the published costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....bench.analysis.figures import latency_workload, shorter_workloads
from ....bench.analysis.models.pairs import pair_name
from ....bench.analysis.models.selection import best_of_each, default_models_selection, pair_ratios
from ....bench.pipeline.architectures import count_architectures
from ....bench.report.run_figures import RunFigures
from ....exporters.errors import UserError
from ....exporters.variant import REFERENCE
from .claims import NOT_MEASURED, Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ....bench.runs.store import Run
    from .claims import Claim

_BASE = {
    "ALBERT": "albert-base-v2",
    "BERT": "bert-base-uncased",
    "DistilBERT": "distilbert-base-uncased",
    "MobileBERT": "mobilebert-uncased",
}
_MEBIBYTE = 1 << 20
_TRAINED_LENGTH = 512  # tokens of the texts that the published models were trained on


def cost_rows(claims: Mapping[str, Claim], several: Sequence[tuple[Run, ...]]) -> Iterator[dict[str, Any]]:
    """Latency and memory from each of ``several`` runs, sizes from the first, then what is counted."""
    for runs in several:
        if _BASE["ALBERT"] not in {run.checkpoint.name for run in runs}:
            raise UserError(
                f"--costs: {runs[0].path} has no model {_BASE['ALBERT']}, expected the base models under their own "
                f"names; measure them with --checkpoint arch:{_BASE['ALBERT']} --checkpoint arch:{_BASE['BERT']} ..."
            )
        for length in _lengths(runs):
            yield from _latencies(claims, runs, length)
        yield from _memories(claims, runs)
    if several:
        yield from _sizes(claims, several[0])
    yield from _counts(claims)


def _lengths(runs: tuple[Run, ...]) -> list[int]:
    """Those at which one text was timed, the longest first."""
    return [_length(runs), *(one.sequence_length for one in reversed(shorter_workloads(runs[0])))]


def _latencies(claims: Mapping[str, Claim], runs: tuple[Run, ...], length: int) -> Iterator[dict[str, Any]]:
    eager = {run.checkpoint.name: pair_name(run) for run in runs}
    best = best_of_each(runs, default_models_selection(runs))
    for called in ("DistilBERT", "MobileBERT"):
        for kind, pairs in (("", eager), (", best", best)):
            slow, fast = pairs[_BASE["ALBERT"]], pairs.get(_BASE[called])
            found = _ratio(runs, slow, fast, length) if fast else NOT_MEASURED
            name = f"latency ALBERT / {called}{kind}, {min(runs[0].plan.batch_sizes)} × {length}"
            yield claims[f"latency-{called}"].row(name, found, f"{slow}, {fast}" if kind and fast else "")


def _ratio(runs: tuple[Run, ...], slow: str, fast: str, length: int) -> Found:
    """Latency of the pair ``slow`` / that of ``fast``, for one text of ``length`` tokens."""
    at = latency_workload(runs[0], min(runs[0].plan.batch_sizes))
    one = pair_ratios([(run, replace(at, sequence_length=length)) for run in runs], slow)[fast]
    return Found(one.value, one.low, one.high, one.reason)


def _memories(claims: Mapping[str, Claim], runs: tuple[Run, ...]) -> Iterator[dict[str, Any]]:
    for kind, metric in (("heap", "peak_memory"), ("resident", "peak_resident")):
        ours, theirs = (_cost(runs, called, metric) for called in ("ALBERT", "BERT"))
        found = Found.exact(ours / theirs) if ours and theirs else NOT_MEASURED
        at = f"{runs[0].plan.memory_batch_size} × {_length(runs)}"
        yield claims["memory"].row(f"{kind} memory ALBERT / BERT, {at}", found)


def _sizes(claims: Mapping[str, Claim], runs: tuple[Run, ...]) -> Iterator[dict[str, Any]]:
    for called in ("ALBERT", "DistilBERT"):
        size = _cost(runs, called, "artifact_size")
        found = Found.exact(size / _MEBIBYTE) if size else NOT_MEASURED
        yield claims[f"size-{called}"].row(f"size of {called} (MiB)", found)


def _counts(claims: Mapping[str, Claim]) -> Iterator[dict[str, Any]]:
    """ALBERT over BERT."""
    counted = count_architectures([_BASE["ALBERT"], _BASE["BERT"]], (_TRAINED_LENGTH,))
    ours, theirs = (one.built for one in counted.values())
    ratios = {
        "training": ours.kept[_TRAINED_LENGTH] / theirs.kept[_TRAINED_LENGTH],
        "parameters": ours.parameters / theirs.parameters,
        "effective": ours.effective / theirs.effective,
    }
    names = {
        "training": f"training memory ALBERT / BERT, 1 × {_TRAINED_LENGTH}",
        "effective": "effective parameters ALBERT / BERT",
    }
    for key, ratio in ratios.items():
        yield claims[key].row(names.get(key, f"{key} ALBERT / BERT"), Found.exact(ratio))


def _cost(runs: tuple[Run, ...], called: str, metric: str) -> float | None:
    """Of torch-eager, memory with the longest texts; None where it was not measured."""
    run = next((one for one in runs if one.checkpoint.name == _BASE[called]), None)
    if run is None:
        return None
    cells = RunFigures(run)
    look = cells.at(metric) if metric == "artifact_size" else cells.at_length(metric, _length(runs))
    return look(REFERENCE).value


def _length(runs: tuple[Run, ...]) -> int:
    return max(runs[0].plan.sequence_lengths)
