"""What each ALBERT of the study of sharing reaches, small and trained from scratch by one recipe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bench.prepare import labelled_sets, reading
from bench.progress import say
from bench.texts.data import read_labelled_file
from bench.units import format_duration, format_share
from bench.worker import call_in_child
from exporters.checkpoint import TRAINING_FILE
from exporters.errors import UserError
from exporters.training.recipe import read_recipe
from exporters.whole_folder import sha256_file
from suites.studies.sharing_grid import LAYERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.options import Options
    from bench.texts.data import LabelledSet
    from exporters.training.recipe import Recipe
    from suites.studies.sharing_grid import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every model is trained on, and by."""

    recipe: Recipe
    train: LabelledSet
    external: tuple[LabelledSet, ...]
    tokenizer: Path | None
    options: Options


def read_task(recipe: str, train: Path | None, tokenizer: Path | None, options: Options) -> Task:
    """Read all of it; raises UserError for what the person can mend."""
    if train is None or not options.external:
        raise UserError("accuracy: expected --train FILE and --external [NAME=]FILE; pass both, or --only costs")
    read = read_recipe(recipe)
    sizes = read.architecture
    if sizes is None or sizes.model_type != "albert" or sizes.num_hidden_layers != LAYERS:
        raise UserError(f"--recipe: {recipe} is of another model, expected an ALBERT of {LAYERS} layers from scratch")
    texts = read_labelled_file(train, **reading(options))
    external = labelled_sets(options, texts.label_names)
    return Task(recipe=read, train=texts, external=external, tokenizer=tokenizer, options=options)


def measure_accuracy(grid: Sequence[Model], task: Task) -> dict[str, Any]:
    """Train each model, or take over what an earlier call trained on the same; one row for each."""
    sizes = task.recipe.architecture
    assert sizes is not None
    rows = []
    for model in grid:
        if model.embedding > sizes.hidden_size:  # it would be no factorisation
            continue
        found = _train(model, task)
        rows.append({**model._asdict(), **found})
        reached = ", ".join(f"{format_share(share)} on {name}" for name, share in found["accuracy"].items())
        say(f"{model}: {reached}, trained in {format_duration(found['seconds'])}")
    sets = {one.name: {"texts": len(one.texts), "sha256": one.sha256} for one in task.external}
    return {"threads": task.options.threads, "recipe": asdict(task.recipe), "sets": sets, "rows": rows}


def _train(model: Model, task: Task) -> dict[str, Any]:
    assert task.recipe.architecture is not None
    sizes = replace(task.recipe.architecture, num_hidden_groups=model.groups, embedding_size=model.embedding)
    recipe = replace(task.recipe, architecture=sizes)
    folder = task.options.work_dir / "checkpoints" / f"sharing-trained-{_digest(recipe, task)}"
    if not (folder / TRAINING_FILE).is_file():
        call_in_child(
            "exporters.training.train:train",
            recipe,
            threads=task.options.threads,
            label=f"training {model}",
            visible=True,
            keywords={
                "texts": task.train.texts,
                "labels": task.train.labels,
                "label_names": task.train.label_names,
                "out_dir": folder,
                "evaluation": {one.name: (one.texts, one.labels) for one in task.external},
                "tokenizer_dir": task.tokenizer,
                "demonstration": False,
                "progress": True,
            },
        )
    training = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    return {"parameters": training["num_parameters"], **{name: training[name] for name in ("accuracy", "seconds")}}


def _digest(recipe: Recipe, task: Task) -> str:
    """Everything that an accuracy hangs on, but the versions of libraries."""
    files = sorted(task.tokenizer.iterdir()) if task.tokenizer else ()
    facts = [
        recipe.sha256,
        task.train.sha256,
        [(one.name, one.sha256) for one in task.external],
        [(file.name, sha256_file(file)) for file in files if file.is_file()],
        task.options.threads,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
