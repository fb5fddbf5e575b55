"""Tiny checkpoints of every architecture for text classification, and the logits of plain transformers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ....bench.texts.demonstration import corpus
from ....exporters.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

POSITIONS, LIMIT = 48, 20  # tokens: of the model, and of a tokenizer that has a limit
_PAD, _UNKNOWN, _FIRST, _END = 0, 1, 2, 3
_SIZE, _LAYERS = 32, 2
_WIDTHS = ("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embed_dim", "embedding_size", "entity_emb_size")
_DEPTHS = (
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "encoder_layers",
    "decoder_layers",
    "num_decoder_layers",
)
_HEADS = (
    *("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads"),
    *("num_key_value_heads", "num_experts"),
)
_INNER = (
    *("intermediate_size", "d_ff", "n_inner", "encoder_ffn_dim", "decoder_ffn_dim", "ffn_dim", "hidden_dim", "d_inner"),
    "moe_intermediate_size",
)
_PER_HEAD = ("d_kv", "d_head", "head_dim")
_POSITIONS = (
    *("max_position_embeddings", "n_positions", "max_encoder_position_embeddings", "max_decoder_position_embeddings"),
    *("max_seq_len", "max_positions"),
)
_OWN: dict[str, dict[str, Any]] = {  # further fields that a type needs
    "deepseek_v2": {
        "n_routed_experts": 2,
        "q_lora_rank": 8,
        "kv_lora_rank": 8,
        "qk_rope_head_dim": 8,
        "v_head_dim": 16,
    },
    "funnel": {"block_sizes": [1, 1]},
    "gpt_neo": {"attention_types": [[["global"], 2]]},
    "led": {"attention_window": 8},
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 10},
    "mobilebert": {"intra_bottleneck_size": _SIZE},
    "perceiver": {
        "num_latents": 8,
        "d_latents": _SIZE,
        "num_blocks": 1,
        "num_self_attends_per_block": 2,
        "num_self_attention_heads": 2,
        "num_cross_attention_heads": 2,
    },
    "reformer": {"axial_pos_embds_dim": (16, 16), "axial_pos_shape": (8, POSITIONS // 8)},
    "gptj": {"rotary_dim": 8},
    "helium": {"head_dim": 16},
    "lilt": {"hidden_size": 24},
}
_NOT_SET = {
    "falcon": ("head_dim",),
    "funnel": ("num_hidden_layers", "num_layers"),
    **dict.fromkeys(("transfo-xl", "xlnet"), _POSITIONS),
}  # read-only properties
_LARGE = ("gemma3", "qwen3_next", "t5gemma")  # parts of fixed size


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a checkpoint is saved."""

    padding_side: str
    truncation_side: str
    limited: bool  # whether the tokenizer names a length
    padded: bool  # whether config.json names a padding id

    def __str__(self) -> str:
        limit, pad = "limit" if self.limited else "no limit", "pad id" if self.padded else "no pad id"
        return f"pads {self.padding_side}, cuts {self.truncation_side}, {limit}, {pad}"


SETTINGS = tuple(
    Setting(padding_side=pads, truncation_side=cuts, limited=limited, padded=padded)
    for pads, cuts, limited, padded in product(("right", "left"), ("right", "left"), (True, False), (True, False))
)


def architecture_names() -> list[str]:
    """Model types that AutoModelForSequenceClassification maps."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

    return list(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)


def build(model_type: str, folder: Path) -> str:
    """Write a checkpoint of two layers of width 32 with random weights; the reason if that fails, else ""."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    if model_type in _LARGE:
        return "too large with two layers"
    try:
        usual = AutoConfig.for_model(model_type)
        tokenizer = make_tokenizer(ends=_ends(usual))
        config = AutoConfig.for_model(model_type, **_sizes(model_type, usual, len(tokenizer)))
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config).eval()
        for weight in model.parameters():  # with the usual 0.02 all texts have nearly the same logits
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.2)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        answer(folder, [2, 9, 7, 9, 3])
    except Exception as error:  # noqa: BLE001 - architectures fail in many ways
        return first_line(error) or type(error).__name__
    return ""


def _sizes(model_type: str, usual: Any, pieces: int) -> dict[str, Any]:
    sizes = {
        **dict.fromkeys(_WIDTHS, _SIZE),
        **dict.fromkeys(_DEPTHS, _LAYERS),
        **dict.fromkeys(_HEADS, 2),
        **dict.fromkeys(_INNER, 2 * _SIZE),
        **dict.fromkeys(_PER_HEAD, _SIZE // 2),
        **dict.fromkeys(_POSITIONS, POSITIONS),
        "vocab_size": pieces,
        "decoder_start_token_id": _FIRST,
    }
    known = {
        name: size for name, size in sizes.items() if hasattr(usual, name) and name not in _NOT_SET.get(model_type, ())
    }
    return {**known, **_OWN.get(model_type, {}), "pad_token_id": _PAD, "bos_token_id": _FIRST, "eos_token_id": _END}


def _ends(usual: Any) -> bool:
    """Whether texts begin and end with special tokens; not for decoder-only models."""
    return not (getattr(usual, "is_decoder", False) or usual.pad_token_id is None)


def make_tokenizer(*, ends: bool) -> Any:
    """A word tokenizer for the bundled corpus, with special tokens around a text if ``ends``."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in corpus.corpus("train")[0][:60] for word in text.lower().split()})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    fast = Tokenizer(models.WordLevel({word: index for index, word in enumerate([*special, *words])}, "[UNK]"))
    fast.normalizer = normalizers.Lowercase()
    fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if ends:
        fast.post_processor = processors.TemplateProcessing(
            "[CLS] $A [SEP]", None, [("[CLS]", _FIRST), ("[SEP]", _END)]
        )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=fast, model_input_names=inputs, **names)


def save_as(folder: Path, setting: Setting) -> None:
    """Apply ``setting`` to the configuration files in ``folder``."""
    sides = {"padding_side": setting.padding_side, "truncation_side": setting.truncation_side}
    limit = {"model_max_length": LIMIT if setting.limited else int(1e30)}
    _change(folder / "tokenizer_config.json", {**sides, **limit})
    _change(folder / "config.json", {"pad_token_id": _PAD if setting.padded else None})


def _change(path: Path, fields: dict[str, Any]) -> None:
    found = {**json.loads(path.read_text(encoding="utf-8")), **fields}
    kept = {name: value for name, value in found.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def plain_model(folder: Path) -> Any:
    """The classifier as transformers loads it."""
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(folder).eval()


def answer(folder: Path, ids: Sequence[int]) -> Any:
    """Logits of one text."""
    import torch

    with torch.inference_mode():
        return plain_model(folder)(input_ids=torch.tensor([ids])).logits


def plain_limit(model: Any) -> int | None:
    """Most tokens that a model takes, found by trying, at most what its configuration declares; None if it declares nothing."""
    declared = [getattr(model.config, name, None) for name in _POSITIONS]
    said = min((one for one in declared if isinstance(one, int) and one > 0), default=None)
    return next((length for length in range(said, 0, -1) if _takes(model, length)), 0) if said else None


def _takes(model: Any, length: int) -> bool:
    import torch

    try:
        with torch.inference_mode():
            model(input_ids=torch.tensor([[*[9] * (length - 1), _END]]))
    except Exception:  # noqa: BLE001 - an IndexError, most often
        return False
    return True


def plain_answers(folder: Path, model: Any, limit: int | None, texts: Sequence[str]) -> Iterator[Any]:
    """Logits of plain transformers for each text, cut at ``limit`` tokens if the tokenizer has no limit."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    own = tokenizer.model_max_length if tokenizer.model_max_length < POSITIONS else limit
    cut = {} if own is None else {"truncation": True, "max_length": min(own, limit or own)}
    for text in texts:
        with torch.inference_mode():
            yield model(**tokenizer(text, return_tensors="pt", **cut)).logits[0].numpy()
