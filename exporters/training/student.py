"""A student: a trained model with fewer of its layers, which then learns the outputs of the whole one.

Layers are dropped as DistilBERT drops them (Sanh et al. 2019): evenly, the first and the last are kept. A model whose layers share
their weights, as ALBERT's do, applies them fewer times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import RecipeError

if TYPE_CHECKING:
    from ..labels import Task

_TEMPERATURE = 2.0  # of the classes' probabilities that are learnt: DistilBERT's


class Kept(NamedTuple):
    """Which layers a student has."""

    layers: tuple[int, ...]  # of the teacher, from 0; of shared ones as many as are applied
    of: int  # layers of the teacher


def keep_layers(model: Any, count: int) -> Kept:
    """Leave ``count`` of the layers of a transformers classifier, in place.

    Raises RecipeError where it has no more, or is not a stack of equal layers.
    """
    from torch import nn

    every = model.config.num_hidden_layers
    if not 0 < count < every:
        raise RecipeError(f"--layers: is {count}, expected 1 to {every - 1}: the teacher has {every} layers")
    if getattr(model.config, "num_hidden_groups", 0) == 1:
        kept = Kept(tuple(range(count)), every)
    else:
        stacks = [
            (parent, name)
            for parent in model.modules()
            for name, one in parent.named_children()
            if isinstance(one, nn.ModuleList) and len(one) == every
        ]
        if len(stacks) != 1 or _lists_layers(model.config, every):
            raise RecipeError(
                f"--layers: {type(model).__name__} is no stack of {every} equal layers, expected a model such as BERT, RoBERTa or "
                "ALBERT with one group; take a smaller model instead"
            )
        [(parent, name)] = stacks
        kept = Kept(evenly(every, count), every)
        setattr(parent, name, nn.ModuleList([getattr(parent, name)[index] for index in kept.layers]))
    model.config.num_hidden_layers = count
    return kept


def evenly(every: int, count: int) -> tuple[int, ...]:
    """``count`` of the numbers from 0 to ``every`` - 1, with both ends.

    >>> evenly(12, 6)  # DistilBERT's
    (0, 2, 4, 7, 9, 11)
    >>> evenly(6, 1)
    (0,)
    """
    return tuple(round(place * (every - 1) / max(1, count - 1)) for place in range(count))


def learning_loss(task: Task, outputs: Any, teacher: Any) -> Any:
    """How far ``outputs`` are from the ``teacher``'s, both logits ``(texts, outputs)``.

    Of classes: Kullback-Leibler divergence at a temperature (Hinton et al. 2015); of labels: cross-entropy of each; of a score: the
    squared difference.
    """
    import torch.nn.functional as F  # noqa: N812 - PyTorch's own habit

    if task == "score":
        return F.mse_loss(outputs, teacher)
    if task == "multi-label":
        return F.binary_cross_entropy_with_logits(outputs, teacher.sigmoid())
    soft = F.log_softmax(outputs / _TEMPERATURE, dim=-1), F.log_softmax(teacher / _TEMPERATURE, dim=-1)
    return F.kl_div(*soft, reduction="batchmean", log_target=True) * _TEMPERATURE**2


def learning_trainer(task: Task) -> Any:
    """Trainer of transformers that learns the outputs of a teacher from texts that have them, and labels from the others."""
    from transformers import Trainer

    class LearningTrainer(Trainer):
        """Trainer of a student, or of any other model."""

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            if "teacher" not in inputs:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            outputs = model(**{name: value for name, value in inputs.items() if name not in {"labels", "teacher"}})
            loss = learning_loss(task, outputs.logits, inputs["teacher"])
            return (loss, outputs) if return_outputs else loss

    return LearningTrainer


def _lists_layers(config: Any, every: int) -> bool:
    """Whether the configuration says something of each layer, which would then be of others."""
    return any(isinstance(value, list) and len(value) == every for value in config.to_dict().values())
