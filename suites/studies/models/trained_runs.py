"""What runs of trained models say: accuracy by model and set, and what a linear model on words reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....bench.analysis.accuracy_loss import accuracy_drops
from ....bench.report.run_figures import RunFigures
from ....bench.runs.predictions import read_scored
from ....exporters.errors import UserError
from ....exporters.variant import REFERENCE
from .claims import NOT_MEASURED, Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ....bench.runs.store import Run
    from .claims import Claim

ALBERT, WORDS = "albert", "linear-tokens"


def words_rows(claims: Mapping[str, Claim], runs: tuple[Run, ...]) -> Iterator[dict[str, Any]]:
    """Accuracy of the linear model less that of ALBERT, on each labelled set of a run."""
    run = next((one for one in runs if one.checkpoint.name == ALBERT), None)
    if run is None or not run.sets:
        raise UserError(
            f"--trained: {runs[0].path} has no model {ALBERT} with labelled sets, expected the models that "
            "--only train made under their names; it prints the command that measures them"
        )
    drops = {one.on: one for one in accuracy_drops(run, read_scored(run), on_each_set=True).get(WORDS, ())}
    for one in run.sets:
        drop = drops.get(one.name)
        found = Found(-drop.share + 0.0, -drop.most + 0.0, -drop.least + 0.0) if drop else NOT_MEASURED
        yield claims["words"].row(f"{WORDS} - ALBERT, {one.name} ({_number(run)})", found, least=0.0)


def accuracies(runs: tuple[Run, ...]) -> dict[str, Any]:
    """Accuracy of each model's torch-eager, and of ALBERT's linear model, on each labelled set; JSON-able."""
    rows = {run.checkpoint.name: _row(run, REFERENCE) for run in runs}
    albert = next((run for run in runs if run.checkpoint.name == ALBERT and WORDS in run.plan.variants), None)
    if albert:
        rows[WORDS] = _row(albert, WORDS)
    words = [f"{WORDS}: {note}" for note in albert.variants[WORDS].notes] if albert else []
    return {
        "run": runs[0].path.name,
        "number": _number(runs[0]),
        "sets": {one.name: one.rows for one in runs[0].sets},
        "rows": rows,
        "notes": words,
    }


def _number(run: Run) -> str:
    """Of its file, ``0001``: runs may have sets of the same name."""
    return run.path.name.partition("_")[0]


def _row(run: Run, variant: str) -> dict[str, Any]:
    cells = RunFigures(run)
    figures = {one.name: cells.of_set("accuracy", one)(variant) for one in run.sets}
    found = {name: Found(one.value, one.low, one.high, one.reason)._asdict() for name, one in figures.items()}
    return {"parameters": run.checkpoint.num_parameters if variant == REFERENCE else None, "accuracy": found}
