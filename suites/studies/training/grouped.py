"""What batches of similar length save in training, compared with padding every text to max_length.

    python -m deploybench.suites.studies.training.grouped --train train.csv --external test=test.csv --tokenizer DIR
    python -m deploybench.suites.studies.training.grouped --seeds 2 --train train.csv --external test=test.csv --tokenizer DIR

Complete trainings by one recipe from several seeds, padded both ways in turn. The time ratio is that of the training steps, median
over seeds; the token ratio is what it would be if every token cost the same. Accuracies count as equal if the mean of bucketed
trainings is within the prediction interval of one more training padded to max_length.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from ....bench.machine.alone import alone
from ....bench.pipeline.options import read_options
from ....bench.pipeline.seeds import seed_band, seeded_recipes
from ....bench.units import format_duration, format_share
from ....exporters.errors import UserError
from ....exporters.training.recipe import read_recipe
from ..study import Answer, render_rows, run_study, study_parser
from ..trained import Task, add_task_flags, read_task, say_reached, trained

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ....exporters.training.recipe import Recipe

_PADDINGS = ("bucketed", "max_length")
_FLAGS = ("--external", "--text-columns", "--drop-bad-rows", "--threads", "--work-dir")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__, _FLAGS)
    add_task_flags(parser, "albert-news")
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
    """The recipe with texts cut at ``max_length`` tokens, and as many positions in the model."""
    sizes = recipe.architecture
    if sizes and sizes.max_position_embeddings < max_length:
        sizes = replace(sizes, max_position_embeddings=max_length)
    return replace(recipe, max_length=max_length, architecture=sizes)


def measure(task: Task, seeds: int) -> dict[str, Any]:
    """Train from each seed, padded both ways; seconds, tokens and accuracies of each training."""
    rows = []
    for number, recipe in enumerate(seeded_recipes(task.recipe, seeds)):
        for padding in _PADDINGS if number % 2 else _PADDINGS[::-1]:  # so that neither always comes first
            record = trained(replace(recipe, padding=padding), task, f"{padding}, seed {recipe.seed}")
            found = {name: record[name] for name in ("training_seconds", "padding_share", "accuracy")}
            rows.append({"padding": padding, "seed": recipe.seed, **found})
            say_reached(f"{padding}, seed {recipe.seed}", found["accuracy"], found["training_seconds"])
    facts = {"threads": task.options.threads, "recipe": asdict(task.recipe), "sets": task.sets}
    return {**facts, "rows": rows, **compared(rows, {one.name: len(one.texts) for one in task.external})}


def compared(rows: Sequence[Mapping[str, Any]], texts: Mapping[str, int]) -> dict[str, Any]:
    """Compare bucketed with max_length: times, tokens, and accuracies by set; ``texts``: size of each set."""
    bucketed, padded = (sorted((row for row in rows if row["padding"] == one), key=_seed) for one in _PADDINGS)
    pairs = list(zip(bucketed, padded, strict=True))
    ratios = [one["training_seconds"] / other["training_seconds"] for one, other in pairs]
    return {
        "time_ratio": median(ratios),
        "time_ratios": ratios,
        # Both compute the same texts, so that the number of tokens without padding is equal.
        "token_ratio": (1 - padded[0]["padding_share"]) / (1 - bucketed[0]["padding_share"]),
        "accuracy": {name: _accuracies(bucketed, padded, name, count) for name, count in texts.items()},
    }


def _accuracies(
    bucketed: Sequence[Mapping[str, Any]], padded: Sequence[Mapping[str, Any]], name: str, texts: int
) -> dict[str, Any]:
    of_bucketed, of_padded = ([row["accuracy"][name] for row in rows] for rows in (bucketed, padded))
    return {"bucketed": fmean(of_bucketed), "max_length": fmean(of_padded), "band": seed_band(of_padded, texts)}


def _seed(row: Mapping[str, Any]) -> int:
    seed: int = row["seed"]
    return seed


def show(figures: Mapping[str, Any]) -> str:
    """The trainings as a table, and the comparison."""
    sets = list(figures["sets"])
    heads = ["seed", "padding", "steps took", "padding share", *(f"accuracy on {name}" for name in sets)]
    rows = [
        [
            str(row["seed"]),
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
    lines = ["", ratio]
    for name, one in figures["accuracy"].items():
        low, high = one["band"]
        verdict = "within" if low <= one["bucketed"] <= high else "outside"
        lines.append(
            f"accuracy on {name}, mean of seeds: {format_share(one['bucketed'])} bucketed, "
            f"{format_share(one['max_length'])} padded: {verdict} the seeds' band, {format_share(low)} to {format_share(high)}"
        )
    return render_rows(heads, rows, lines)


if __name__ == "__main__":
    sys.exit(main())
