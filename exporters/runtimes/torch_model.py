"""The checkpoint as a PyTorch module; shared by every variant that is exported from or runs in PyTorch."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

from deploybench.exporters.checkpoints.classifier import load_classifier
from deploybench.exporters.checkpoints.tokenization import read_fast
from deploybench.exporters.variant import Example

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploybench.exporters.variant import Float32Array, Int64Array, Predictor

EXAMPLE_TEXTS = ("The minister said on Tuesday that the budget had passed.", "They hide it.")


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
        """Ids and mask to logits."""

        def __init__(self) -> None:
            super().__init__()
            self.model = load_classifier(checkpoint)
            self.model.config.use_cache = False  # OpenVINO cannot convert a decoder's empty cache

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
            return logits

    return Logits().eval()


def write_through_memory(write: Callable[[io.BytesIO], object], file: Path) -> None:
    """Have ``write`` fill a buffer, then write the file: PyTorch's own writer can end the process when the disk is full."""
    buffer = io.BytesIO()
    write(buffer)
    file.write_bytes(buffer.getbuffer())


def run_classifier(model: Any) -> Predictor:
    """A predictor that calls a transformers classifier."""
    import torch

    def predict(input_ids: Int64Array, attention_mask: Int64Array) -> Float32Array:
        with torch.inference_mode():
            output = model(input_ids=torch.from_numpy(input_ids), attention_mask=torch.from_numpy(attention_mask))
        logits: Float32Array = output.logits.float().numpy()
        return logits

    return predict


def example_of_classifier(*, dtype: Literal["float32", "bfloat16"] = "float32", model: str = "model") -> Example:
    """How to serve what ``load_classifier`` loads, called through the expression ``model``."""
    return Example(
        imports=("import torch", "from transformers import AutoModelForSequenceClassification"),
        answer=f"""\
model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.{dtype}).eval()
{example_answer(f"{model}(input_ids=ids, attention_mask=torch.ones_like(ids)).logits")}""",
    )


def example_answer(logits: str) -> str:
    """The last lines of an example; ``logits`` is an expression of the tensor ``ids``."""
    return f"""\
ids = torch.tensor(ids)
with torch.inference_mode():
    chances = {logits}[0].float().softmax(-1)"""


def example_inputs(tokenizer: Path, texts: Sequence[str] = EXAMPLE_TEXTS) -> tuple[Any, Any]:
    """Ids and mask ``(texts, tokens)`` as tensors, to trace a model with; they contain padding, so that a trace keeps the mask.

    Tokenised by the tokenizer in a folder, since an architecture may need its special tokens (BART).
    """
    import torch

    fast = read_fast(tokenizer)
    if fast.padding is None:
        fast.enable_padding()
    encoded = fast.encode_batch(list(texts))
    return torch.tensor([one.ids for one in encoded]), torch.tensor([one.attention_mask for one in encoded])
