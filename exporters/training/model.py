"""The model of a recipe before training."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ..checkpoints.architectures import ARCHITECTURES
from ..checkpoints.classifier import missing_weights, read_configuration
from ..checkpoints.task import forget_answers
from ..errors import CheckpointError, RecipeError, first_line
from .base import check_encoder, match_head
from .tasks import PROBLEM_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .recipe import Recipe


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Within the block, transformers prints errors only: neither warnings nor progress bars."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


class Start(NamedTuple):
    """The model that a training starts with."""

    model: Any  # a transformers sequence classifier
    new_weights: tuple[str, ...]  # randomly initialised: missing in the base checkpoint, or of other classes


def build_model(recipe: Recipe, tokenizer: Any, label_names: Sequence[str], base: Path | None) -> Start:
    """Classifier with seeded random weights, or with those of the checkpoint folder ``base`` and a new head if it needs one.

    Raises CheckpointError for a base that is no model or lacks weights of its encoder, RecipeError for a tokenizer with more
    pieces than the architecture's vocabulary. Seeds Python, NumPy and PyTorch.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification, set_seed

    labels = dict(enumerate(label_names))
    head = {
        "id2label": labels,
        "label2id": {name: index for index, name in labels.items()},
        "problem_type": PROBLEM_TYPES[recipe.task],
    }
    set_seed(recipe.seed)
    if base is not None:
        return _load_base(base, head)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    sizes = _sizes(recipe, len(tokenizer)) | {name: value for name, value in ids.items() if value is not None}
    config = AutoConfig.for_model(sizes.pop("model_type"), **sizes, **head)
    return Start(AutoModelForSequenceClassification.from_config(config), ())


def _sizes(recipe: Recipe, pieces: int) -> dict[str, Any]:
    """Configuration of a model from scratch for a tokenizer of ``pieces``; that of a published architecture is unchanged."""
    if recipe.architecture is not None:
        own = dataclasses.asdict(recipe.architecture)
        if own["model_type"] == "distilbert":
            own["hidden_dim"] = own.pop(
                "intermediate_size"
            )  # the one size that its configuration has under no other name
        return {"vocab_size": pieces, **{name: value for name, value in own.items() if value is not None}}
    from transformers import AutoConfig

    sizes = dict(ARCHITECTURES[recipe.architecture_name or ""])
    room = sizes.get("vocab_size") or AutoConfig.for_model(sizes["model_type"]).vocab_size
    if pieces > room:
        raise RecipeError(
            f"recipe {recipe.name!r}: the tokenizer has {pieces} pieces, {recipe.checkpoint} takes at most {room}; "
            "pass the tokenizer of the published model, or train one with [tokenizer]"
        )
    return sizes


def _load_base(base: Path, head: dict[str, Any]) -> Start:
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification

    try:
        before = read_configuration(base).id2label
        model, info = AutoModelForSequenceClassification.from_pretrained(
            base,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # a head of another number of labels is replaced
            dtype="float32",
            **head,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{base}: cannot be loaded as the start of a training ({first_line(error)}); "
            "pass a folder with a complete model.safetensors"
        ) from error
    forget_answers(model.config)
    new = missing_weights(info)
    check_encoder(base, model, new)
    return Start(model, tuple(new or match_head(model, before, tuple(head["id2label"].values()))))
