"""The first screen of a run of several models: the same parts as for one, with a row for each pair of model and variant."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...analysis.figures import average, timed_lengths
from ...analysis.models.accuracy import accuracies, accuracy_differences, deciding_metric, most_accurate
from ...analysis.models.failed import measured_models
from ...analysis.models.pairs import of_pair, pair_name
from ...analysis.models.selection import best_of_each, default_models_selection, pair_speed_ups
from ...printable import printable
from ...runs.predictions import read_answers
from ...units import counted, format_percent, format_share
from ..models_notes import accuracy_notes, failure_notes, short_difference, unknown_accuracies
from ..notes import failures, marks_of_other_models
from ..pair_figures import PairFigures
from ..quality import loss_name
from .screen import LINES, Rows, costs, listed, machine, pasted, recommend_command, scored_texts, screen, short

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...analysis.selection import Selection
    from ...runs.store import Run

_NAME = 14  # characters of a model's name in a list
_BRIEF = 18  # where all models stand in one line
_MODELS = 5  # lines


def models_screen(runs: tuple[Run, ...], room: int = LINES, work_dir: Path | None = None) -> str:
    """At most ``room`` lines of 80 characters, from 22 on; arguments as of ``first_screen``."""
    failed, measured, rows = what_to_show(runs)
    runs = measured_models(printable(runs))
    brief = [*failed, _models(runs), *measured[min(len(runs), _MODELS) :]]
    return screen([*measured, *failed], rows, _commands(runs, rows.selection, work_dir), room, brief=brief)


def what_to_show(runs: tuple[Run, ...]) -> tuple[list[str], list[str], Rows]:
    """Which models failed, what was measured, and the rows of the table."""
    every = printable(runs)
    runs = measured_models(every)
    selection, ratios = default_models_selection(runs), pair_speed_ups(runs)
    smallest = min(runs[0].plan.batch_sizes)
    rows = Rows(
        selection=selection,
        costs=costs(PairFigures(runs), lambda pair: ratios[pair, smallest]),
        failed={pair_name(run, name): why for run in runs for name, why in failures(run).items()},
        kept=_kept(runs, selection),
        marks={pair_name(run, name): mark for run in runs for name, mark in marks_of_other_models(run).items()},
        fewest=min(len(runs), _MODELS),
    )
    return failure_notes(every), _measured(runs), rows


def _kept(runs: Sequence[Run], selection: Selection) -> list[str]:
    """The best pair of each model, the best of all first, then torch-eager of the reference and of the others."""
    best = {*best_of_each(runs, selection).values()}
    ranked = [one.variant for one in selection.candidates if one.variant in best]
    return [*ranked, selection.reference, *map(pair_name, runs)]


def _measured(runs: tuple[Run, ...]) -> list[str]:
    """The models with the lengths of the texts, their accuracies on the labelled sets, the workloads, and the machine."""
    told = [_model(run, mixed=len({one.checkpoint.random_weights for one in runs}) > 1) for run in runs]
    if len(told) > _MODELS:
        told[_MODELS - 1 :] = [f"and {counted(len(told) - _MODELS + 1, 'model')} more"]
    return [
        *told,
        *_accuracy(runs),
        *workloads(runs),
    ]


def workloads(runs: tuple[Run, ...]) -> list[str]:
    """What was timed, of what the memory was measured, and on which machine."""
    batch = counted(min(runs[0].plan.batch_sizes), "text")
    return [
        f"latency: {average(runs[0])} for {batch} of {_timed(runs)}; speed-up: over {pair_name(runs[0])}",
        f"memory: heap after loading and in batches of {_memory_batch(runs)}; size: on disk",
        machine(runs[0]),
    ]


def _models(runs: tuple[Run, ...]) -> str:
    """Names and parameters, in one line; of many models those of the first."""
    named = [f"{short(run.checkpoint.name, _BRIEF)} {_millions(run)}" for run in runs]
    told = ", ".join(named) if len(named) <= _MODELS else listed(named)
    return f"models and their parameters: {told}"


def _millions(run: Run) -> str:
    return f"{run.checkpoint.num_parameters / 1e6:.1f} M"


def _model(run: Run, *, mixed: bool) -> str:
    """Name, architecture, parameters, tokens that its own tokenizer makes of a text, and what its accuracy is worth.

    ``mixed``: not all models have random weights, else another line says so of all.
    """
    checkpoint = run.checkpoint
    size = f"{checkpoint.model_type}, {_millions(run)} parameters"
    worth = ["random weights"] * (mixed and checkpoint.random_weights) + ["demonstration"] * checkpoint.demonstration
    return f"{short(checkpoint.name)}: {'; '.join([size, *text_tokens(run), *worth])}"


def text_tokens(run: Run) -> list[str]:
    """Tokens of the labelled texts, or of those that were timed, special tokens included; a limit cuts longer ones."""
    known = [one.tokens for one in read_answers(run).values() if one.tokens is not None]
    counts = np.concatenate(known) if known else np.asarray(run.plan.text_lengths)
    if not len(counts):
        return []
    scored = [one.workload for one in run.measurements if one.metric in ("accuracy", "scoring_time") and one.workload]
    limit = min(one.sequence_length for one in scored) if scored else run.checkpoint.max_length
    cut = float((counts > limit).mean()) if limit else 0.0
    told = f"median text {np.median(counts):.0f} tokens"
    return [f"{told}, {format_percent(cut)} of texts cut to {limit}" if cut else told]


def _accuracy(runs: tuple[Run, ...]) -> list[str]:
    best, found = most_accurate(runs), accuracies(runs)
    if best is None:
        return accuracy_notes(runs)
    name = best.checkpoint.name
    others = [one for one in accuracy_differences(runs) if name in (one.model, one.against)]
    sets = ", ".join(f"{short(one.name)} ({scored_texts(one)})" for one in runs[0].sets)
    told = listed(f"{short(model, _NAME)} {format_share(value)}" for model, value in found.items())
    differences = (
        short_difference(
            replace(one, model=short(one.model, _NAME), against=short(one.against, _NAME)), short(name, _NAME)
        )
        for one in others
    )
    metric = deciding_metric(runs)
    interval = "95 %, McNemar's p" if metric == "accuracy" else "95 % of resampled texts"
    against = f"against {short(name, _NAME)} ({interval}): {listed(differences)}"
    measured = [f"{loss_name(metric)} of torch-eager: {told}; on {sets} together", *([against] if others else [])]
    return [*measured, *unknown_accuracies(runs)]


def _timed(runs: Sequence[Run]) -> str:
    """Lengths of the texts that were timed: the same texts are of another length in each model."""
    lengths = {timed_lengths(run) for run in runs}
    if len(lengths) == 1:
        return lengths.pop()
    return "the set's own" if runs[0].plan.text_lengths else "each model's full length"


def _memory_batch(runs: Sequence[Run]) -> str:
    lengths = [max(run.plan.sequence_lengths) for run in runs]
    of = f"{min(lengths)}–" * (min(lengths) < max(lengths)) + f"{max(lengths)} tokens"
    return f"{runs[0].plan.memory_batch_size} × {of}"


def _commands(runs: tuple[Run, ...], selection: Selection, work_dir: Path | None) -> list[str]:
    file, model = pasted(runs[0].path), of_pair(runs, selection.candidates[0].variant)[0].checkpoint.name
    return [
        f"all tables: deploybench report {file}",
        f"one model: deploybench report {file} --model {shlex.quote(model)}",
        recommend_command(file, selection, work_dir),
    ]
