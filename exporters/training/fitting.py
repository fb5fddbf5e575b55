"""The training loop of a recipe: transformers' Trainer without its output, interruptible and resumable."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError, WorkerError, first_line
from .batching import DeviceBatches, LengthGroupedOrder
from .out_of_memory import is_out_of_memory
from .precision import chosen_precision, overrule_launcher, this_device, training_arguments
from .processes import is_main, process_count
from .scores import validation_scores
from .steps import steps
from .student import learning_trainer
from .tasks import DECIDING, METRIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .precision import Device
    from .recipe import Recipe
    from .steps import Steps
    from .unfinished import Unfinished

    Example = dict[str, Any]  # ``input_ids`` and ``labels`` of one text, and of a student's ``teacher``'s logits

_CONNECTION_LOST = ("connection closed", "connection reset", "connection refused", "timed out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the training texts."""

    number: int  # from 1
    loss: float  # mean of its steps
    seconds: float  # of its steps, without validation
    computed_tokens: int  # including padding
    validation: dict[str, float] | None  # loss, then the metrics of the task; None without a validation set


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A finished training."""

    steps: Steps  # as planned
    made: int  # steps
    epochs: tuple[Epoch, ...]  # fewer than the recipe's after early stopping
    best_epoch: int | None  # whose weights the model has; None: the last one's
    device: str
    precision: str
    devices: int


def fit(  # noqa: PLR0913 - one call says all that the weights depend on
    model: Any,
    tokenizer: Any,
    recipe: Recipe,
    examples: list[Example],
    *,
    validation: list[Example] | None,
    unfinished: Unfinished,
    state: Path | None,
    progress: bool,
) -> Fitted:
    """Train ``model`` in place, resuming from the saved ``state`` if there is one; it ends with the weights to keep.

    ``validation`` is scored after every epoch. Raises RecipeError for a loss that diverges, too little memory, and what the
    model or the device does not support; WorkerError where another process of the training is lost.
    """
    from transformers import DataCollatorWithPadding, PrinterCallback

    _check(model, recipe, validation)
    _make_deterministic(this_device())
    clock, bar, callbacks = _callbacks(recipe, unfinished, progress=progress)
    arguments, planned = _arguments(recipe, len(examples), unfinished.folder, validated=validation is not None)
    trainer = _trainer_class(recipe, [len(example["input_ids"]) for example in examples], clock, bar)(
        model=model,
        args=arguments,
        train_dataset=examples,
        eval_dataset=sorted(validation, key=lambda one: len(one["input_ids"])) if validation else None,
        data_collator=DataCollatorWithPadding(tokenizer, **_padding(recipe)),
        processing_class=tokenizer,
        compute_metrics=partial(validation_scores, recipe.task),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # it prints the final figures to standard output
    try:
        trainer.train(resume_from_checkpoint=str(state) if state else None)
    except (RuntimeError, MemoryError) as error:
        explained = _out_of_memory(recipe, planned, error) or _lost_process(error)
        if explained is None:
            raise
        raise explained from error
    return _fitted(recipe, planned, trainer.state)


def _callbacks(recipe: Recipe, unfinished: Unfinished, *, progress: bool) -> tuple[Any, Any, list[Any]]:
    """The clock, the progress bar or None, and all callbacks of the Trainer."""
    from transformers import EarlyStoppingCallback

    from .callbacks import Clock, Keeper, ProgressBar

    clock, bar = Clock(), ProgressBar() if progress and is_main() and sys.stderr.isatty() else None
    callbacks: list[Any] = [clock, Keeper(unfinished), *([bar] if bar else [])]
    if recipe.early_stopping:
        callbacks.append(EarlyStoppingCallback(recipe.early_stopping.patience, recipe.early_stopping.threshold))
    return clock, bar, callbacks


def _fitted(recipe: Recipe, planned: Steps, state: Any) -> Fitted:
    """Results by the Trainer's final ``state``; RecipeError where the loss diverged."""
    epochs, device = read_epochs(state.log_history), this_device()
    diverged = next((one.loss for one in epochs if not math.isfinite(one.loss)), None)
    if diverged is not None:
        raise RecipeError(
            f"recipe {recipe.name!r}: the loss became {diverged}, expected a finite one; lower learning_rate"
        )
    return Fitted(
        steps=planned,
        made=state.global_step,
        epochs=epochs,
        best_epoch=_best_epoch(epochs, DECIDING[recipe.task]) if recipe.early_stopping else None,
        device=device.name,
        precision=chosen_precision(recipe, device),
        devices=_devices(),
    )


def read_epochs(history: Sequence[dict[str, Any]]) -> tuple[Epoch, ...]:
    """Epochs of the Trainer's log; one may be logged in several parts, before and after a saved state."""
    parts: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    scores: dict[int, dict[str, float]] = {}
    before = 0
    for entry in history:
        number = math.ceil(entry.get("epoch", 0) - 1e-6)
        if "loss" in entry:
            parts.setdefault(number, []).append((entry["step"] - before, entry))
            before = entry["step"]
        elif "eval_loss" in entry:
            names = ("loss", *METRIC_NAMES)
            scores[number] = {name: entry[f"eval_{name}"] for name in names if f"eval_{name}" in entry}
    return tuple(
        Epoch(
            number=number,
            loss=sum(count * one["loss"] for count, one in found) / sum(count for count, _ in found),
            seconds=sum(one.get("seconds", 0.0) for _, one in found),
            computed_tokens=sum(one.get("computed_tokens", 0) for _, one in found),
            validation=scores.get(number),
        )
        for number, found in sorted(parts.items())
    )


def _best_epoch(epochs: Sequence[Epoch], metric: str) -> int | None:
    """The first epoch with the highest ``metric``, as the Trainer chooses it."""
    known = [one for one in epochs if one.validation]
    return max(known, key=lambda one: (one.validation or {})[metric]).number if known else None


def _check(model: Any, recipe: Recipe, validation: list[Example] | None) -> None:
    if recipe.gradient_checkpointing and not model.supports_gradient_checkpointing:
        raise RecipeError(
            f"recipe {recipe.name!r}: 'gradient_checkpointing' is true, which transformers does not support for "
            f"{model.config.model_type!r}; leave it out, and lower per_device_batch_size if memory is short"
        )
    if recipe.early_stopping and not validation:
        raise RecipeError(
            f"recipe {recipe.name!r}: has [early_stopping], expected a validation set to measure it on; pass --validation FILE"
        )


def _make_deterministic(device: Device) -> None:
    """Make training on a GPU deterministic, as it is on a CPU.

    With ``warn_only`` fused attention would use its non-deterministic kernels. For an operator without a deterministic kernel
    PyTorch raises an error that names it.
    """
    if device.gpu:
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # required by cuBLAS
        torch.use_deterministic_algorithms(True)


def _out_of_memory(recipe: Recipe, planned: Steps, error: BaseException) -> RecipeError | None:
    """The error that says what to change; None for any other error."""
    if not is_out_of_memory(error):
        return None
    smaller = planned.per_device // 2
    advice = f"try per_device_batch_size = {smaller}" if smaller else "try a smaller max_length"
    if not recipe.gradient_checkpointing:
        advice += ", or gradient_checkpointing = true"
    return RecipeError(
        f"recipe {recipe.name!r}: memory is too small for batches of {planned.per_device} texts of {recipe.max_length} tokens "
        f"({first_line(error)}); {advice}"
    )


def _lost_process(error: BaseException) -> WorkerError | None:
    """The error where another process of the training ended or no longer answers; None for any other error."""
    from torch.distributed import DistError

    if process_count() == 1:
        return None
    if not isinstance(error, DistError) and not any(word in str(error).lower() for word in _CONNECTION_LOST):
        return None
    return WorkerError(f"training: lost another of its {process_count()} processes ({first_line(error)}); run it again")


def _trainer_class(recipe: Recipe, lengths: list[int], clock: Any, bar: Any) -> Any:
    """Trainer of transformers that counts computed tokens, and groups texts by length where padding is bucketed."""
    import torch

    bucketed = recipe.padding == "bucketed"

    class CountingTrainer(learning_trainer(recipe.task)):  # type: ignore[misc] # a class that is made
        """Trainer that reports each batch to the clock and its loss to the progress bar."""

        def __init__(self, **keywords: Any) -> None:
            super().__init__(**keywords)
            # A classifier accepts the number of texts of a step but ignores it: its loss is the mean of a batch.
            self.model_accepts_loss_kwargs = False

        def training_step(self, model: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
            clock.computed += inputs["input_ids"].numel()
            loss = super().training_step(model, inputs, *arguments, **keywords)
            if bar:
                bar.loss = loss.detach() * self.args.gradient_accumulation_steps
            return loss

        def evaluate(self, *arguments: Any, **keywords: Any) -> Any:
            with torch.random.fork_rng(devices=[]):  # otherwise validation would change the weights
                return super().evaluate(*arguments, **keywords)

        def get_train_dataloader(self) -> Any:
            if process_count() == 1:
                return super().get_train_dataloader()
            from accelerate.data_loader import DataLoaderShard

            together = process_count() * self.args.train_batch_size
            order = LengthGroupedOrder(lengths if bucketed else [1] * len(lengths), together, recipe.seed)
            batches = DeviceBatches(order, together, process_count(), self.args.process_index)
            return DataLoaderShard(
                self.train_dataset, self.args.device, batch_sampler=batches, collate_fn=self.data_collator
            )

    class LengthGroupedTrainer(CountingTrainer):
        """Trainer with batches of similar length in random order."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ARG002 - the Trainer's
            return LengthGroupedOrder(lengths, self.args.train_batch_size, recipe.seed)

    return LengthGroupedTrainer if bucketed else CountingTrainer


def _padding(recipe: Recipe) -> dict[str, Any]:
    """Arguments of the collator: pad to the longest text of a batch, or every text to the full length."""
    return {"padding": "max_length", "max_length": recipe.max_length} if recipe.padding == "max_length" else {}


def _devices() -> int:
    """Number of devices: launched processes have one each, a single process has all GPUs."""
    import torch

    alone = process_count() == 1 and this_device().gpu
    return torch.cuda.device_count() if alone else process_count()


def _arguments(recipe: Recipe, rows: int, folder: Path, *, validated: bool) -> tuple[Any, Steps]:
    from transformers import TrainingArguments

    planned, device = steps(rows, recipe, _devices()), this_device()
    precision = chosen_precision(recipe, device)
    overrule_launcher(precision)
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=planned.per_device,
        per_device_eval_batch_size=recipe.eval_batch_size,
        gradient_accumulation_steps=planned.accumulation,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_steps=planned.warmup,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        lr_scheduler_type="linear",
        seed=recipe.seed,
        save_strategy="epoch",
        eval_strategy="epoch" if validated else "no",
        logging_strategy="epoch",
        load_best_model_at_end=recipe.early_stopping is not None,
        metric_for_best_model=DECIDING[recipe.task] if recipe.early_stopping else None,
        greater_is_better=True if recipe.early_stopping else None,
        logging_nan_inf_filter=False,  # a loss of NaN must be seen
        remove_unused_columns=False,  # a model does not read the teacher's logits
        report_to="none",
        disable_tqdm=True,
        ddp_find_unused_parameters=False,  # a classifier uses all of its weights
        dataloader_pin_memory=device.gpu,
        **_checkpointing(recipe),
        **training_arguments(precision, device),
    )
    return arguments, planned


def _checkpointing(recipe: Recipe) -> dict[str, Any]:
    """Arguments for recomputing activations, under the name that this version of transformers uses."""
    from transformers import TrainingArguments

    if not recipe.gradient_checkpointing:
        return {}
    known = {one.name for one in fields(TrainingArguments)}
    name = "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing"
    return {name: True, f"{name}_kwargs": {"use_reentrant": False}}
