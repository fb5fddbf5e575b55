"""Training in batches of like length against padding every text to max_length: time, and what is reached.

    python -m suites.studies.grouped --train train.csv --external test=test.csv --tokenizer DIR
    python -m suites.studies.grouped --max-length 1024 --seeds 2 --train train.csv --external test=test.csv --tokenizer DIR

Whole trainings by one recipe, alternately padded either way, from several seeds. The ratio of time is that of the steps, median of
the seeds'; that of tokens says what it would be if every token cost the same. The accuracies are the same as far as can be told
where the mean of the one lies in the band of the other: where one more training from another seed would.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import tabulate

from bench.console import say
from bench.machine.alone import alone
from bench.pipeline.options import read_options
from bench.pipeline.seeds import seed_band, seeded_recipes
from bench.units import format_duration, format_share
from exporters.errors import UserError
from exporters.training.recipe import read_recipe
from suites.studies.study import Answer, run_study, study_parser
from suites.studies.trained import Task, read_task, trained

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from exporters.training.recipe import Recipe

_PADDINGS = ("bucketed", "max_length")
_FLAGS = ("--external", "--text-columns", "--drop-bad-rows", "--threads", "--work-dir")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print and save; the exit code."""
    parser = study_parser(__doc__, _FLAGS)
    parser.add_argument("--recipe", default="albert-news", metavar="RECIPE", help="(default: albert-news)")
    parser.add_argument("--train", type=Path, metavar="FILE", help="labelled texts to train on")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="where the recipe trains none")
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens (default: the recipe's)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="trainings of each kind (default: 3)")
    parsed = parser.parse_args(arguments)
    return run_study("grouped", lambda: _answer(parsed))


def _answer(parsed: argparse.Namespace) -> Answer:
    if parsed.seeds < 2:  # noqa: PLR2004 - a spread
        raise UserError(f"--seeds: found {parsed.seeds}, expected 2 or more")
    recipe = read_recipe(parsed.recipe)
    if parsed.max_length:
        recipe = _reading(recipe, parsed.max_length)
    task = read_task(recipe, parsed.train, parsed.tokenizer, read_options(parsed))
    with alone():
        figures = measure(task, parsed.seeds)
    return Answer(f"grouped-{task.external[0].name}-{task.recipe.max_length}", figures, show(figures))


def _reading(recipe: Recipe, max_length: int) -> Recipe:
    """The recipe with texts cut elsewhere, and with positions for so many tokens."""
    sizes = recipe.architecture
    if sizes and sizes.max_position_embeddings < max_length:
        sizes = replace(sizes, max_position_embeddings=max_length)
    return replace(recipe, max_length=max_length, architecture=sizes)


def measure(task: Task, seeds: int) -> dict[str, Any]:
    """Train from each seed, padded either way; seconds, tokens and accuracies of each training."""
    rows = []
    for number, recipe in enumerate(seeded_recipes(task.recipe, seeds)):
        for padding in _PADDINGS if number % 2 else _PADDINGS[::-1]:  # neither is always the warmer one
            record = trained(replace(recipe, padding=padding), task, f"{padding}, seed {recipe.seed}")
            found = {name: record[name] for name in ("training_seconds", "padding_share", "accuracy")}
            rows.append({"padding": padding, "seed": recipe.seed, **found})
            reached = ", ".join(f"{format_share(share)} on {name}" for name, share in found["accuracy"].items())
            say(f"{padding}, seed {recipe.seed}: {format_duration(found['training_seconds'])} of steps, {reached}")
    facts = {"threads": task.options.threads, "recipe": asdict(task.recipe), "sets": task.sets}
    return {**facts, "rows": rows, **compared(rows, {one.name: len(one.texts) for one in task.external})}


def compared(rows: Sequence[Mapping[str, Any]], texts: Mapping[str, int]) -> dict[str, Any]:
    """Bucketed against padded to max_length: times, tokens, and the accuracies by set, which has so many texts."""
    bucketed, padded = (sorted((row for row in rows if row["padding"] == one), key=_seed) for one in _PADDINGS)
    pairs = list(zip(bucketed, padded, strict=True))
    ratios = [one["training_seconds"] / other["training_seconds"] for one, other in pairs]
    return {
        "time_ratio": median(ratios),
        "time_ratios": ratios,
        # Both compute the same texts, so that what is no padding is as much in either.
        "token_ratio": (1 - padded[0]["padding_share"]) / (1 - bucketed[0]["padding_share"]),
        "accuracy": {name: _held(bucketed, padded, name, count) for name, count in texts.items()},
    }


def _held(
    bucketed: Sequence[Mapping[str, Any]], padded: Sequence[Mapping[str, Any]], name: str, texts: int
) -> dict[str, Any]:
    of_bucketed, of_padded = ([row["accuracy"][name] for row in rows] for rows in (bucketed, padded))
    return {"bucketed": fmean(of_bucketed), "max_length": fmean(of_padded), "band": seed_band(of_padded, texts)}


def _seed(row: Mapping[str, Any]) -> int:
    seed: int = row["seed"]
    return seed


def show(figures: Mapping[str, Any]) -> str:
    """The trainings as a table, and what comes of them."""
    sets = list(figures["sets"])
    heads = ["seed", "padding", "steps took", "padding share", *(f"accuracy on {name}" for name in sets)]
    rows = [
        [
            row["seed"],
            row["padding"],
            format_duration(row["training_seconds"]),
            f"{100 * row['padding_share']:.1f} %",
            *(format_share(row["accuracy"][name]) for name in sets),
        ]
        for row in figures["rows"]
    ]
    ratio = (
        f"bucketed over max_length of {figures['recipe']['max_length']} tokens: {figures['time_ratio']:.2f} of the time, "
        f"by seed {', '.join(f'{one:.2f}' for one in figures['time_ratios'])}; {figures['token_ratio']:.2f} of the tokens"
    )
    lines = [tabulate.tabulate(rows, heads, disable_numparse=True), "", ratio]
    for name, one in figures["accuracy"].items():
        low, high = one["band"]
        verdict = "within" if low <= one["bucketed"] <= high else "outside"
        lines.append(
            f"accuracy on {name}, mean of seeds: {format_share(one['bucketed'])} bucketed, "
            f"{format_share(one['max_length'])} padded: {verdict} the seeds' band, {format_share(low)} to {format_share(high)}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
