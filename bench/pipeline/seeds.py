"""The same recipe trained from several seeds: how much the accuracy, or the metric of another task, depends on the seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...exporters.checkpoints.checkpoint import SEEDS_FILE, TRAINING_FILE
from ...exporters.files import whole_file
from ...exporters.training.tasks import METRICS
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
    """Accuracy (macro F1, Spearman) on one labelled set by seed, and the 95 % prediction interval of one more training."""

    values: tuple[float, ...]
    band: tuple[float, float]


def seeded_recipes(recipe: Recipe, count: int) -> list[Recipe]:
    """``count`` recipes, with the recipe's own seed and those that follow it."""
    return [replace(recipe, seed=(recipe.seed + number) % _SEEDS) for number in range(count)]


def seed_folder(output: Path, recipe: Recipe) -> Path:
    """Folder of the checkpoint of one seed."""
    return output / f"seed-{recipe.seed}"


def seed_band(values: Sequence[float], texts: int, lowest: float = 0.0) -> tuple[float, float]:
    """95 % prediction interval of the accuracy, ``lowest`` to 1, of one more training, from those of two seeds or more."""
    low, high = prediction_interval(values, 1 / texts)
    return max(low, lowest), min(high, 1.0)


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
    metrics = METRICS[recipes[0].task]
    scores: dict[str, dict[str, Any]] = {
        name: {
            "sha256": one.sha256,
            **{metric: [_score(record, name, metric) for record in records] for metric in metrics},
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
    lowest = -1.0 if recipes[0].task == "score" else 0.0
    return {
        name: Seeded(values=tuple(one[metrics[0]]), band=seed_band(one[metrics[0]], len(sets[name].texts), lowest))
        for name, one in scores.items()
    }


def _score(record: Mapping[str, Any], name: str, metric: str) -> float:
    """One score of a training on one set; an undefined correlation counts as 0."""
    others = record.get("scores", {}).get(name)
    found = record[metric][name] if others is None else others[metric]
    return 0.0 if found is None else float(found)


def _record(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
