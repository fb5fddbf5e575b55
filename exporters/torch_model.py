"""The checkpoint as a PyTorch module; what every variant that starts or runs in PyTorch shares."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Literal

from exporters.checkpoint import INDEX_FILE, weights_files
from exporters.errors import CheckpointError
from exporters.tokenization import read_fast
from exporters.variant import Example

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from exporters.variant import Float32Array, Int64Array, Predictor

EXAMPLE_TEXTS = ("The minister said on Tuesday that the budget had passed.", "They hide it.")


def limit_threads(threads: int) -> None:
    """Give PyTorch ``threads`` threads for one operation and one operation at a time."""
    import torch

    torch.set_num_threads(threads)
    if torch.get_num_interop_threads() != 1:  # it may be set once only in a process
        torch.set_num_interop_threads(1)


def load_classifier(folder: Path, *, dtype: Literal["float32", "bfloat16"] = "float32") -> Any:
    """The checkpoint's module in eval mode, in ``dtype``, with PyTorch's fused attention where the architecture has it.

    Raises CheckpointError when the weights do not fill the whole architecture.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder,
        dtype=getattr(torch, dtype),
        use_safetensors=True,
        output_loading_info=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    check_whole(folder, info)
    return model.eval()


def copy_classifier(checkpoint: Path, out_dir: Path) -> None:
    """Copy what ``load_classifier`` reads."""
    weights = weights_files(checkpoint)
    index = [checkpoint / INDEX_FILE] if len(weights) > 1 or weights[0].name != "model.safetensors" else []
    for source in [checkpoint / "config.json", *weights, *index]:
        shutil.copyfile(source, out_dir / source.name)


def logits_alone(checkpoint: Path) -> Any:
    """The checkpoint's module as ids and mask to logits: neither a trace nor an export returns transformers' output class."""
    import torch

    class Logits(torch.nn.Module):
        """Ids and mask to logits alone."""

        def __init__(self) -> None:
            super().__init__()
            self.model = load_classifier(checkpoint)
            self.model.config.use_cache = False  # a decoder's empty cache is a tensor that OpenVINO cannot convert

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
            return logits

    return Logits().eval()


def made_up(info: Mapping[str, Any]) -> list[str]:
    """Names of weights that ``from_pretrained`` did not find, or not of the model's shape, by its loading info."""
    # Names with transformers 4, names with both shapes with 5.
    of_another_shape = (one if isinstance(one, str) else one[0] for one in info["mismatched_keys"])
    return sorted({*info["missing_keys"], *of_another_shape})


def check_whole(folder: Path, info: Mapping[str, Any]) -> None:
    """Refuse, by ``from_pretrained``'s loading info, weights that leave some out: transformers makes those up at random."""
    missing = made_up(info)
    if missing:
        raise CheckpointError(
            f"{folder}: {len(missing)} weights are missing or of another shape, {missing[0]!r} first; "
            "expected a classifier that was fine-tuned and saved whole"
        )


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
    """How to serve what ``load_classifier`` loads, called by way of the expression ``model``."""
    return Example(
        imports=("import torch", "from transformers import AutoModelForSequenceClassification"),
        answer=f"""\
model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.{dtype}).eval()
{example_answer(f"{model}(input_ids=ids, attention_mask=torch.ones_like(ids)).logits")}""",
    )


def example_answer(logits: str) -> str:
    """The lines of an example that come after the model, by the expression that gives the ``logits`` of a tensor of ids."""
    return f"""\
ids = torch.tensor(ids)
with torch.inference_mode():
    chances = {logits}[0].float().softmax(-1)"""


def example_inputs(tokenizer: Path, texts: Sequence[str] = EXAMPLE_TEXTS) -> tuple[Any, Any]:
    """Ids and mask ``(texts, tokens)`` as tensors: what a trace is made of, with padding, so that it keeps the mask.

    By the tokenizer in a folder: an architecture may need its special tokens (BART).
    """
    import torch

    fast = read_fast(tokenizer)
    if fast.padding is None:
        fast.enable_padding()
    encoded = fast.encode_batch(list(texts))
    return torch.tensor([one.ids for one in encoded]), torch.tensor([one.attention_mask for one in encoded])
