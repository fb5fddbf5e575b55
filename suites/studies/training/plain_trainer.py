"""The Trainer of transformers with its defaults, as a tutorial calls it: what a recipe must not be worse than."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from ....exporters.head import Head
from ....exporters.training.model import quiet_transformers
from ....exporters.training.scores import Scores, predict_logits
from ....exporters.training.tasks import METRICS, PROBLEM_TYPES, target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ....exporters.labels import Label
    from ....exporters.texts import Text
    from ....exporters.training.recipe import Recipe


def train_plainly(
    recipe: Recipe,
    base: Path,
    *,
    texts: Sequence[Text],
    labels: Sequence[Label],
    label_names: Sequence[str],
    evaluation: Mapping[str, tuple[Sequence[Text], Sequence[Label]]],
) -> dict[str, dict[str, float | None]]:
    """Scores by set and metric; of ``recipe`` only task, epochs, batch size, rate, seed and length are used."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    with quiet_transformers(), tempfile.TemporaryDirectory() as folder:
        set_seed(recipe.seed)
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = AutoModelForSequenceClassification.from_pretrained(
            base,
            num_labels=len(label_names),
            problem_type=PROBLEM_TYPES[recipe.task],
            ignore_mismatched_sizes=True,  # a base may have a head of its own
        )
        examples = [
            {**encoded, "labels": target(recipe.task, label, len(label_names))}
            for encoded, label in zip(_encoded(tokenizer, recipe, texts), labels, strict=True)
        ]
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            seed=recipe.seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        Trainer(
            model=model,
            args=arguments,
            train_dataset=examples,
            data_collator=DataCollatorWithPadding(tokenizer),
            processing_class=tokenizer,
        ).train()
    scores, head = Scores(), Head(task=recipe.task, labels=tuple(label_names))
    for name, (some, true) in evaluation.items():
        ids = [one["input_ids"] for one in _encoded(tokenizer, recipe, some)]
        logits = predict_logits(model, tokenizer, ids)
        if recipe.task == "single-label":
            scores.add(name, label_names, true, logits.argmax(axis=1).tolist())  # type: ignore[arg-type] # class indices
        else:
            scores.add_outputs(name, head, true, logits)
    return {name: reached(recipe, scores.figures, name) for name in evaluation}


def reached(recipe: Recipe, figures: Mapping[str, Any], name: str) -> dict[str, float | None]:
    """The metrics of the task on the set ``name``, from a training's record or from ``Scores``."""
    if recipe.task == "single-label":
        return {metric: figures[metric][name] for metric in METRICS[recipe.task]}
    found: dict[str, float | None] = figures["scores"][name]
    return found


def _encoded(tokenizer: Any, recipe: Recipe, texts: Sequence[Text]) -> list[dict[str, list[int]]]:
    columns = [list(texts)] if isinstance(texts[0], str) else [list(one) for one in zip(*texts, strict=True)]
    found = tokenizer(*columns, truncation=True, max_length=recipe.max_length)
    return [dict(zip(found, one, strict=True)) for one in zip(*found.values(), strict=True)]
