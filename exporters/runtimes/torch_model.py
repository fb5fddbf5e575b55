"""The checkpoint as a PyTorch module; shared by every variant that is exported from or runs in PyTorch."""

from __future__ import annotations

import io
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal
from unittest.mock import patch

from ..checkpoints.classifier import load_classifier
from ..checkpoints.tokenization import read_fast, reads_types
from ..errors import ExportError, first_line
from ..variant import Program
from .feed import INPUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..texts import Text
    from ..variant import Float32Array, Int64Array, Predictor

EXAMPLE_TEXTS = ("The minister said on Tuesday that the budget had passed.", "They hide it.")
_ATOL = 1e-3  # of logits: rounding


def limit_threads(threads: int) -> None:
    """Give PyTorch ``threads`` threads for one operation and one operation at a time."""
    import torch

    torch.set_num_threads(threads)
    if torch.get_num_interop_threads() != 1:  # it can be set only once in a process
        torch.set_num_interop_threads(1)


def logits_alone(checkpoint: Path) -> Any:
    """The checkpoint's module, returning a tensor of logits: a trace or an export cannot return transformers' output class."""
    import torch

    class Logits(torch.nn.Module):
        """The arrays of a batch to logits."""

        def __init__(self) -> None:
            super().__init__()
            self.model = load_classifier(checkpoint)
            self.model.config.use_cache = False  # OpenVINO cannot convert a decoder's empty cache

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
        ) -> torch.Tensor:
            types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            with _traceable_masks():
                logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **types).logits
            return logits

    return Logits().eval()


@contextmanager
def _traceable_masks() -> Iterator[None]:
    """While a model is traced, its masks are made so that every runtime can: transformers is left as it was.

    transformers 4 makes a decoder's mask by vmap, which cannot be traced. And the padding on the left of a decoder reads no token:
    PyTorch answers zeros there, OpenVINO NaN, which spreads to the text; so that padding reads all tokens.
    """
    import torch
    from transformers import masking_utils

    if not torch.jit.is_tracing():  # type: ignore[attr-defined] # its documented place
        yield
        return
    masks = masking_utils.ALL_MASK_ATTENTION_FUNCTIONS
    stock = masks["sdpa"]

    def mask_of(*arguments: Any, **keywords: Any) -> Any:
        mask = stock(*arguments, **keywords)
        return mask if mask is None else mask | ~mask.any(-1, keepdim=True)

    instead: dict[str, Any] = {"_vmap_for_bhqkv": _broadcast_mask, "TransformGetItemToIndex": nullcontext}
    known = {name: one for name, one in instead.items() if hasattr(masking_utils, name)}  # not all in transformers 5
    masks["sdpa"] = mask_of
    try:
        with patch.multiple(masking_utils, **known):
            yield
    finally:
        del masks["sdpa"]  # what is set lies over transformers' own


def _broadcast_mask(mask_function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
    """A function of four vectors of indices to the mask ``(batch, heads, queries, keys)`` that ``mask_function`` gives for each."""

    def mask(batch: Any, head: Any, query: Any, key: Any) -> Any:
        indices = batch[:, None, None, None], head[:, None, None], query[:, None], key
        return mask_function(*indices).expand(*(one.shape[0] for one in (batch, head, query, key)))

    return mask


def trace(model: Any, tokenizer: Path) -> Any:
    """The module of ``logits_alone`` traced on example texts; ExportError unless the trace answers others as the model does."""
    import torch

    name, others = type(model.model).__name__, example_inputs(tokenizer, [" ".join([*EXAMPLE_TEXTS, *EXAMPLE_TEXTS])])
    with torch.inference_mode():
        try:
            traced = torch.jit.trace(model, example_inputs(tokenizer), check_trace=False)
        except RuntimeError as error:
            raise ExportError(
                f"PyTorch cannot trace {name}, as TorchScript, ONNX and OpenVINO need ({first_line(error)})"
            ) from error
        try:
            same = torch.allclose(traced(*others), model(*others), atol=_ATOL)
        except RuntimeError:
            same = False
    if not same:
        raise ExportError(
            f"{name} computes with the sizes of a batch in Python, so that a trace holds those of its example; TorchScript, ONNX "
            "and OpenVINO need a trace for all sizes"
        )
    return traced


def write_through_memory(write: Callable[[io.BytesIO], object], file: Path) -> None:
    """Have ``write`` fill a buffer, then write the file: PyTorch's own writer can end the process when the disk is full."""
    buffer = io.BytesIO()
    write(buffer)
    file.write_bytes(buffer.getbuffer())


def run_classifier(model: Any) -> Predictor:
    """A predictor that calls a transformers classifier."""
    import torch

    def predict(*batch: Int64Array) -> Float32Array:
        with torch.inference_mode():
            output = model(**dict(zip(INPUTS, map(torch.from_numpy, batch), strict=False)))
        logits: Float32Array = output.logits.float().numpy()
        return logits

    return predict


def program_of_classifier(*, dtype: Literal["float32", "bfloat16"] = "float32", compiled: str = "") -> Program:
    """How to serve what ``load_classifier`` loads; ``compiled`` is a last line of loading."""
    return program_of_tensors(
        ("from transformers import AutoModelForSequenceClassification",),
        f"model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.{dtype}).eval(){compiled}",
        "model(**tensors).logits",
    )


def program_of_tensors(imports: tuple[str, ...], load: str, logits: str) -> Program:
    """How to serve what ``load`` loads; ``logits`` is an expression of ``tensors``, the inputs by name."""
    return Program(
        imports=("import torch", *imports),
        load=f"torch.set_num_threads(threads)\n{load}",
        predict=f"""\
tensors = {{name: torch.from_numpy(array) for name, array in inputs.items()}}
with torch.inference_mode():
    logits = {logits}.float().numpy()""",
    )


def example_inputs(tokenizer: Path, texts: Sequence[Text] = EXAMPLE_TEXTS) -> tuple[Any, ...]:
    """A batch ``(texts, tokens)`` as tensors, to trace a model with; it contains padding, so that a trace keeps the mask.

    Tokenised by the tokenizer in a folder, since an architecture may need its special tokens (BART).
    """
    import torch

    fast = read_fast(tokenizer)
    if fast.padding is None:
        fast.enable_padding()
    encoded = fast.encode_batch(list(texts))
    parts = [[one.ids for one in encoded], [one.attention_mask for one in encoded], [one.type_ids for one in encoded]]
    return tuple(map(torch.tensor, parts[: 2 + reads_types(tokenizer)]))
