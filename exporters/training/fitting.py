"""Model and training loop of a recipe: transformers' own Trainer, kept quiet."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from exporters.architectures import ARCHITECTURES
from exporters.errors import CheckpointError, RecipeError, first_line
from exporters.training.batching import LengthGroupedOrder
from exporters.training.precision import chosen_precision, this_device, training_arguments
from exporters.training.steps import steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from exporters.training.recipe import Recipe

_SCORED_TOGETHER = 64  # texts
_SIZES = (
    *("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("max_position_embeddings", "embedding_size", "num_hidden_groups"),
)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the advice of transformers off the terminal: errors alone are shown until the block ends."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def build_model(recipe: Recipe, tokenizer: Any, label_names: Sequence[str], base: Path | None) -> Any:
    """Sequence classifier with seeded random weights, or with those of the checkpoint folder ``base`` and a new head.

    Raises CheckpointError for a base that is no model, RecipeError for a tokenizer that an architecture has no room for. Seeds
    Python, NumPy and PyTorch.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification, set_seed

    labels = dict(enumerate(label_names))
    head = {
        "id2label": labels,
        "label2id": {name: index for index, name in labels.items()},
        "problem_type": "single_label_classification",
    }
    set_seed(recipe.seed)
    if base is not None:
        return _load_base(base, head)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    sizes = _sizes(recipe, len(tokenizer)) | {name: value for name, value in ids.items() if value is not None}
    config = AutoConfig.for_model(sizes.pop("model_type"), **sizes, **head)
    return AutoModelForSequenceClassification.from_config(config)


def _sizes(recipe: Recipe, pieces: int) -> dict[str, Any]:
    """Configuration of a model from scratch, for a tokenizer of so many pieces; a published architecture is left as it is."""
    if recipe.architecture is not None:
        own = {name: getattr(recipe.architecture, name) for name in _SIZES}
        return {"vocab_size": pieces, **{name: value for name, value in own.items() if value is not None}}
    from transformers import AutoConfig

    sizes = dict(ARCHITECTURES[recipe.architecture_name or ""])
    room = sizes.get("vocab_size") or AutoConfig.for_model(sizes["model_type"]).vocab_size
    if pieces > room:
        raise RecipeError(
            f"recipe {recipe.name!r}: the tokenizer has {pieces} pieces, {recipe.checkpoint} takes at most {room}; "
            "pass that of the published model, or train one with [tokenizer]"
        )
    return sizes


def fit(model: Any, tokenizer: Any, recipe: Recipe, examples: list[dict[str, Any]], *, progress: bool) -> None:
    """Train ``model`` in place on ``examples`` of ``input_ids`` and ``labels``.

    Raises RecipeError where the loss diverges, and for what model or device cannot do.
    """
    from transformers import DataCollatorWithPadding, PrinterCallback

    if recipe.gradient_checkpointing and not model.supports_gradient_checkpointing:
        raise RecipeError(
            f"recipe {recipe.name!r}: 'gradient_checkpointing' is true, which transformers has not for "
            f"{model.config.model_type!r}; leave it out, and lower per_device_batch_size where memory is short"
        )
    trainer = _trainer_class(recipe, [len(example["input_ids"]) for example in examples])(
        model=model,
        args=_arguments(recipe, len(examples)),
        train_dataset=examples,
        data_collator=DataCollatorWithPadding(tokenizer, **_padding(recipe)),
        processing_class=tokenizer,
        callbacks=[_progress_bar()] if progress and sys.stderr.isatty() else [],
    )
    trainer.remove_callback(PrinterCallback)  # it prints the final figures to standard output
    loss = trainer.train().training_loss
    if not math.isfinite(loss):
        raise RecipeError(f"recipe {recipe.name!r}: the loss became {loss}, expected a finite one; lower learning_rate")


def _trainer_class(recipe: Recipe, lengths: list[int]) -> Any:
    """Trainer of transformers, with this project's order of batches where the recipe groups by length."""
    from transformers import Trainer

    if recipe.padding != "bucketed":
        return Trainer

    class LengthGroupedTrainer(Trainer):
        """Trainer whose batches of like length come in random order."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ARG002 - the Trainer's
            return LengthGroupedOrder(lengths, self.args.train_batch_size, recipe.seed)

    return LengthGroupedTrainer


def _padding(recipe: Recipe) -> dict[str, Any]:
    """How a batch becomes a rectangle: to the longest of its texts, unless every one is to have the full length."""
    return {"padding": "max_length", "max_length": recipe.max_length} if recipe.padding == "max_length" else {}


def _arguments(recipe: Recipe, rows: int) -> Any:
    import torch
    from transformers import TrainingArguments

    # Processes that accelerate has started have a device each; one process alone has them all.
    plan = steps(rows, recipe, int(os.environ.get("WORLD_SIZE", "0")) or max(1, torch.cuda.device_count()))
    device = this_device()
    return TrainingArguments(
        output_dir=tempfile.gettempdir(),  # must exist; with these settings nothing is written there
        per_device_train_batch_size=plan.per_device,
        gradient_accumulation_steps=plan.accumulation,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_steps=plan.warmup,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        lr_scheduler_type="linear",
        seed=recipe.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device.gpu,
        gradient_checkpointing=recipe.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if recipe.gradient_checkpointing else None,
        **training_arguments(chosen_precision(recipe, device), device),
    )


def predict_labels(
    model: Any, tokenizer: Any, input_ids: Sequence[list[int]], batch_size: int = _SCORED_TOGETHER
) -> list[int]:
    """Class index for each list of token ids; texts of like length go together, so that little is padding."""
    import torch

    model.eval()
    order = sorted(range(len(input_ids)), key=lambda index: len(input_ids[index]))
    found = [0] * len(input_ids)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = tokenizer.pad({"input_ids": [input_ids[index] for index in chosen]}, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**batch.to(model.device)).logits
        for index, label in zip(chosen, logits.argmax(-1).tolist(), strict=True):
            found[index] = label
    return found


def _load_base(base: Path, head: dict[str, Any]) -> Any:
    from transformers import AutoModelForSequenceClassification

    try:
        return AutoModelForSequenceClassification.from_pretrained(
            base,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # a head of another number of labels is replaced
            dtype="float32",
            **head,
        )
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{base}: cannot be loaded to train on from ({first_line(error)}); pass a folder with model.safetensors"
        ) from error


def _progress_bar() -> Any:
    """Make a callback that draws one bar on standard error; that of transformers prints to standard output as well."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class ProgressBar(TrainerCallback):
        """One step of the bar for one step of training."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the Trainer's
            """Open the bar."""
            self.bar = tqdm(total=state.max_steps, desc="training", unit="step", leave=False)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            """Move it."""
            self.bar.update(state.global_step - self.bar.n)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            """Remove it."""
            self.bar.close()

    return ProgressBar()
