"""The HTML page of a run of several models: which pair of model and variant to take, and how the models compare.

What is shown of one model alone is on that model's own page.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ...analysis.figures import timed_lengths
from ...analysis.models.pairs import of_pair
from ...analysis.models.selection import default_models_selection, pair_figures
from ..formats.escapes import shown
from ..messages.models_screen import text_tokens, workloads
from ..models_notes import accuracy_notes
from ..notes import checkpoint_note
from ..tables import OF_SEVERAL, build_models
from .answer import answer, reservations
from .facts import machine_facts
from .grid import Grid, grid_of
from .models_pareto import models_pareto_plots
from .page import Section, document, standings
from .plot import write_plots

if TYPE_CHECKING:
    from pathlib import Path

    from ...runs.store import Run

_OF_ONE_MODEL = ("tokenizer_sha256",)  # in the environment


def render_models_page(runs: tuple[Run, ...]) -> str:
    """One HTML document as ``render_page`` makes of a run of one model."""
    selection = default_models_selection(runs)
    run, _ = of_pair(runs, selection.candidates[0].variant)
    best = answer(selection, [one for one in pair_figures(runs) if one.value is not None], timed_lengths(run))
    told = [best, *reservations(selection), *accuracy_notes(runs)]
    names = ", ".join(run.checkpoint.name for run in runs)
    return document(names, runs[0].path.name, told, _sections(runs))


def write_models_plots(runs: tuple[Run, ...], folder: Path) -> list[Path]:
    """Write every plot of the page into ``folder``, as SVG and as PNG."""
    return write_plots(models_pareto_plots(runs), folder)


def _sections(runs: tuple[Run, ...]) -> list[Section]:
    return [_models(runs), _trade_off(runs), _of_each(runs), _provenance(runs)]


def _models(runs: tuple[Run, ...]) -> Section:
    best = default_models_selection(runs).best
    tables = [table for found in build_models(runs, OF_SEVERAL).values() for table in found]
    return Section(
        title="Models",
        grids=tuple(grid_of(table, shown(best.variant) if best else "") for table in tables),
        notes=(*("; ".join([checkpoint_note(run.checkpoint), *text_tokens(run)]) for run in runs), *workloads(runs)),
    )


def _trade_off(runs: tuple[Run, ...]) -> Section:
    selection = default_models_selection(runs)
    costs = "latency, memory and size" if selection.by_costs else "accuracy, latency, memory and size"
    interval = "" if selection.by_costs else ", with the 95 % intervals of their accuracy loss"
    return Section(
        title="Models and variants",
        text="Each point is a variant of a model; lower left is better. Filled: on the Pareto front, where no other one is as "
        f"good in {costs}, and better in one of them. Named: the best variant of each model, and points that no other one is "
        f"left of and below{interval}.",
        plots=models_pareto_plots(runs),
        grids=(standings(selection),),
    )


def _of_each(runs: tuple[Run, ...]) -> Section:
    command = f"deploybench report {shlex.quote(runs[0].path.name)} --format html -o page.html --model"
    return Section(
        title="Pages of one model",
        text="Latency by batch, memory by length, accuracy, misclassified texts and provenance of a model are on its own page.",
        grids=(
            Grid(
                title="Commands",
                heads=("model", "its page"),
                rows=tuple((run.checkpoint.name, f"{command} {shlex.quote(run.checkpoint.name)}") for run in runs),
                words=True,
            ),
        ),
    )


def _provenance(runs: tuple[Run, ...]) -> Section:
    environment = {name: value for name, value in runs[0].environment.items() if name not in _OF_ONE_MODEL}
    return Section(title="Environment and provenance", grids=(machine_facts(environment),))
