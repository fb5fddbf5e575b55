"""Speed and memory of training and inference of one architecture in one precision on a device.

With random weights and full batches of random tokens, which do not change the amount of computation. To be called in a child:
the precision of fp32 matrix products is set for the whole process, and the device's memory is freed when it ends.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from ..errors import first_line
from ..training.out_of_memory import none_if_oom
from .matrix_rate import dtype_of, matrix_rate, set_products
from .stopwatch import each_timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..training.recipe import Recipe
    from .stopwatch import Timed

MOST = 1024  # texts; beyond it, 512 tokens × 3,072 have more elements than 32 bits can count, and kernels fail
_LOW_ID = 5  # lower ids are special tokens, such as padding
_PASSES = 3  # matrix products of a training step: forward, and backward for the inputs and for the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured, and on which device."""

    architecture: str  # of ARCHITECTURES
    precision: str  # "fp32", "tf32", "bf16", "fp16"
    device: str  # "cuda" or "cpu"
    recipe: Recipe  # gives length, batch size, learning rate, weight decay and gradient clipping
    batches: tuple[int, ...]  # texts classified at once
    times: int  # timed steps, and timed forward passes of each batch
    compiled: bool = False  # with torch.compile

    @property
    def batch(self) -> int:
        """Texts of a training step on one device."""
        return self.recipe.per_device_batch_size or self.recipe.batch_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Training steps, or forward passes, of one batch; without ``seconds`` if memory was too small."""

    batch: int  # texts
    length: int  # tokens of each
    operations: float  # of the matrix products of one step or pass, 2 per multiply-add; a training step has 3 × forward
    seconds: tuple[float, ...] = ()  # of each
    peak_memory: int | None = None  # bytes of the device that tensors held at once; None on a CPU

    @property
    def samples_per_second(self) -> float:
        """By the median duration."""
        return self.batch / median(self.seconds)

    @property
    def tokens_per_second(self) -> float:
        """By the median duration; there is no padding."""
        return self.samples_per_second * self.length

    @property
    def rate(self) -> float:
        """Operations/s, by the median duration."""
        return self.operations / median(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One architecture in one precision."""

    matrix_rate: float  # operations/s of a product of large matrices, in the same precision and process
    largest: int | None  # most texts of a training step that fit, up to MOST; None: not searched
    not_searched: str  # why
    training: Speed
    inference: tuple[Speed, ...]  # by batch


def measure(setting: Setting) -> Measured:
    """Training steps of the recipe's batch, the device's rate, forward passes by batch, and the largest batch that fits.

    Timing comes first: the search fills the memory repeatedly, which may raise other errors than those of too little memory,
    and heats the device. If the recipe's batch does not fit, the largest one is timed instead.
    """
    training = training_speed(setting, setting.batch)
    rate = matrix_rate(setting.precision, setting.device)  # between training and inference, which are compared with it
    inference = tuple(inference_speed(setting, size) for size in setting.batches)
    largest, not_searched = _searched(setting)
    if largest and not training.seconds:
        training = training_speed(setting, largest)
    return Measured(
        matrix_rate=rate, largest=largest, not_searched=not_searched, training=training, inference=inference
    )


def _searched(setting: Setting) -> tuple[int | None, str]:
    """The largest batch, or None and the reason."""
    not_searched = _not_searched(setting)
    if not_searched:
        return None, not_searched
    try:
        return largest_batch(lambda batch: fits(setting, batch), MOST), ""
    except RuntimeError as error:  # keep what was timed
        return None, f"the search ended in an error: {first_line(error)}"


def _not_searched(setting: Setting) -> str:
    """Why the largest batch is not searched; empty if it is."""
    if setting.device != "cuda":
        return "a CPU that is short of memory ends the process, or swaps"
    return "each batch would be compiled anew" if setting.compiled else ""


def largest_batch(fits: Callable[[int], bool], most: int) -> int:
    """The largest number of texts from 1 to ``most`` for which ``fits``; 0 if one text is too many.

    ``fits`` must be monotonic. Tries at most 2 log2(``most``) + 1 batches.
    """
    fitting, tried = 0, 1
    while fitting < most and fits(tried):
        fitting, tried = tried, min(2 * tried, most)
    if fitting == most:
        return most
    while tried - fitting > 1:
        middle = (fitting + tried) // 2
        fitting, tried = (middle, tried) if fits(middle) else (fitting, middle)
    return fitting


def fits(setting: Setting, batch: int) -> bool:
    """Whether two training steps of ``batch`` texts fit; in the second, the optimizer has its state beside the activations.

    Model and optimizer are built for each try and freed after it; a process for each would spend most of the time on imports.
    """

    def two_steps() -> bool:
        step = TrainingStep(setting, batch)
        step()
        step()
        return True

    return none_if_oom(two_steps) is not None


def training_speed(setting: Setting, batch: int) -> Speed:
    """Steps with AdamW, gradient clipping, and automatic mixed precision for bf16 and fp16, with loss scaling for fp16."""
    timed = none_if_oom(lambda: each_timed(TrainingStep(setting, batch), setting.times, setting.device))
    return _speed(setting, batch, _PASSES, timed)


def inference_speed(setting: Setting, batch: int) -> Speed:
    """Forward passes without gradients, with weights in the precision."""
    timed = none_if_oom(lambda: each_timed(ForwardPass(setting, batch), setting.times, setting.device))
    return _speed(setting, batch, 1, timed)


class TrainingStep:
    """A model in training mode; each call is a step on the same batch."""

    def __init__(self, setting: Setting, batch: int) -> None:
        import torch

        set_products(setting.precision)
        model = _build(setting).train()
        self._model = _compiled(model, setting)
        self._inputs = _inputs(model, setting, batch)
        self._inputs["labels"] = torch.arange(batch, device=setting.device) % model.config.num_labels
        self._parameters = list(model.parameters())
        recipe = setting.recipe
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self._max_norm = recipe.max_grad_norm
        self._scaler = torch.amp.GradScaler(setting.device, enabled=setting.precision == "fp16")
        mixed = setting.precision in ("bf16", "fp16")
        self._autocast = torch.autocast(
            setting.device, dtype=dtype_of(setting.precision) if mixed else None, enabled=mixed
        )

    def __call__(self) -> Any:
        """One step of the optimizer; the loss, still on the device."""
        import torch

        with self._autocast:
            loss = self._model(**self._inputs).loss
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self._parameters, self._max_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad()
        return loss.detach()


class ForwardPass:
    """A model in inference mode; each call is a forward pass of the same batch."""

    def __init__(self, setting: Setting, batch: int) -> None:
        set_products(setting.precision)
        model = _build(setting).eval().to(dtype_of(setting.precision))
        self._model = _compiled(model, setting)
        self._inputs = _inputs(model, setting, batch)

    def __call__(self) -> Any:
        """Logits ``(batch, labels)``, still on the device."""
        import torch

        with torch.inference_mode():
            return self._model(**self._inputs).logits


def _build(setting: Setting) -> Any:
    """The classifier with seeded random weights, fp32, on the device."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from ..checkpoints.architectures import configuration

    torch.manual_seed(setting.recipe.seed)
    with torch.device(setting.device):
        return AutoModelForSequenceClassification.from_config(configuration(setting.architecture))


def _compiled(model: Any, setting: Setting) -> Any:
    import torch

    if not setting.compiled:
        return model
    torch.compiler.reset()  # otherwise it silently stops compiling after several models of one class
    return torch.compile(model, dynamic=False)


def _inputs(model: Any, setting: Setting, batch: int) -> dict[str, Any]:
    """Ids and mask ``(batch, length)``, int64, on the device, without padding."""
    import torch

    shape = (batch, setting.recipe.max_length)
    input_ids = torch.randint(_LOW_ID, model.config.vocab_size, shape, device=setting.device)
    return {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}


def _speed(setting: Setting, batch: int, passes: int, timed: Timed | None) -> Speed:
    length = setting.recipe.max_length
    operations = float(passes * batch * _operations(setting.architecture, length))
    if timed is None:
        return Speed(batch=batch, length=length, operations=operations)
    return Speed(
        batch=batch,
        length=length,
        operations=operations,
        seconds=timed.seconds,
        peak_memory=timed.peak_memory,
    )


@functools.cache
def _operations(architecture: str, length: int) -> int:
    """Operations of the forward pass of one text."""
    from ..counting.count import count_architectures

    [counted] = count_architectures([architecture], [length])
    return counted.built.operations[length]
