"""The same recipe trained from several seeds: how much the accuracy depends on the seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...exporters.checkpoints.checkpoint import SEEDS_FILE, TRAINING_FILE
from ...exporters.files import whole_file
from ..statistics import prediction_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...exporters.training.recipe import Recipe
    from ..texts.data import LabelledSet

SCHEMA_VERSION = 1
# 1 - first version
_SEEDS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """Accuracies on one labelled set by seed, and the 95 % prediction interval of one more training."""

    accuracies: tuple[float, ...]
    band: tuple[float, float]


def seeded_recipes(recipe: Recipe, count: int) -> list[Recipe]:
    """``count`` recipes, with the recipe's own seed and those that follow it."""
    return [replace(recipe, seed=(recipe.seed + number) % _SEEDS) for number in range(count)]


def seed_folder(output: Path, recipe: Recipe) -> Path:
    """Folder of the checkpoint of one seed."""
    return output / f"seed-{recipe.seed}"


def seed_band(accuracies: Sequence[float], texts: int) -> tuple[float, float]:
    """95 % prediction interval of the accuracy of one more training, from those of two seeds or more."""
    low, high = prediction_interval(accuracies, 1 / texts)
    return max(low, 0.0), min(high, 1.0)


def is_finished(
    folder: Path, recipe: Recipe, trained: LabelledSet, sets: Mapping[str, LabelledSet], base_sha256: str | None
) -> bool:
    """Whether ``folder`` holds the checkpoint of exactly this training, with scores of exactly these sets."""
    record = _record(folder)
    found = [record.get(name) for name in ("recipe_sha256", "data_sha256", "base_sha256")]
    same = found == [recipe.sha256, trained.sha256, base_sha256]
    scored = record.get("sets_sha256", {})
    return same and all(scored.get(name) == one.sha256 for name, one in sets.items())


def keep_seeds(output: Path, recipes: Sequence[Recipe], sets: Mapping[str, LabelledSet]) -> dict[str, Seeded]:
    """Collect the scores of all seeds; writes them beside the checkpoints and into each, for runs that measure one."""
    folders = [seed_folder(output, one) for one in recipes]
    records = [_record(folder) for folder in folders]
    scores = {
        name: {
            "sha256": one.sha256,
            **{metric: [record[metric][name] for record in records] for metric in ("accuracy", "f1")},
        }
        for name, one in sets.items()
    }
    content = {
        "schema_version": SCHEMA_VERSION,
        "recipe": recipes[0].name,
        "seeds": [one.seed for one in recipes],
        "data_sha256": records[0]["data_sha256"],
        "sets": scores,
    }
    for folder in (output, *folders):
        with whole_file(folder / SEEDS_FILE) as stream:
            stream.write((json.dumps(content, indent=1) + "\n").encode())
    return {
        name: Seeded(accuracies=tuple(one["accuracy"]), band=seed_band(one["accuracy"], len(sets[name].texts)))
        for name, one in scores.items()
    }


def _record(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
