"""``arch:NAME``: the architecture of a published model with seeded random weights, to measure it without its weights."""

from __future__ import annotations

import json
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, did_you_mean
from .checkpoint import RANDOM_WEIGHTS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PREFIX = "arch:"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_MINILM = {"model_type": "bert", "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}


def _albert(*, hidden: int, layers: int, heads: int) -> dict[str, Any]:
    """ALBERT version 2: one layer, applied ``layers`` times."""
    return {
        "model_type": "albert",
        "vocab_size": 30000,
        "embedding_size": 128,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_hidden_groups": 1,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


# The published configurations; other fields have the model type's default in transformers.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "albert-base-v2": _albert(hidden=768, layers=12, heads=12),
    "albert-large-v2": _albert(hidden=1024, layers=24, heads=16),
    "albert-xlarge-v2": _albert(hidden=2048, layers=24, heads=16),
    "albert-xxlarge-v2": _albert(hidden=4096, layers=12, heads=64),
    "bert-base-uncased": {"model_type": "bert"},
    "distilbert-base-uncased": {"model_type": "distilbert"},
    "minilm-l6-h384-uncased": {**_MINILM, "num_hidden_layers": 6},
    "minilm-l12-h384-uncased": {**_MINILM, "num_hidden_layers": 12},
    "mobilebert-uncased": {"model_type": "mobilebert"},
    "roberta-base": {
        "model_type": "roberta",
        "vocab_size": 50265,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 0,  # that of the tokenizer built here
    },
    "tinybert-4-312": {
        "model_type": "bert",
        "hidden_size": 312,
        "num_hidden_layers": 4,
        "num_attention_heads": 12,
        "intermediate_size": 1200,
    },
}
SEED = 0


def check_architecture(name: str) -> None:
    """Raise CheckpointError, with the nearest name, unless ``name`` is one of ARCHITECTURES."""
    if name in ARCHITECTURES:
        return
    hint = did_you_mean(name, ARCHITECTURES, f"{PREFIX}{{}}")
    raise CheckpointError(f"unknown architecture {name!r}; {hint}known: {', '.join(ARCHITECTURES)}")


def configuration(name: str, changes: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """The transformers configuration of a classifier with two labels; ``changes`` replace fields."""
    from transformers import AutoConfig

    fields = {**ARCHITECTURES[name], **changes}
    return AutoConfig.for_model(fields.pop("model_type"), num_labels=2, **fields)


def build_architecture(
    name: str, texts: Sequence[str], out_dir: Path, changes: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Write a checkpoint of architecture ``name``, two labels, with random weights and a tokenizer for ``texts``.

    ``changes`` replace fields of its configuration.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    config = configuration(name, changes)
    config.id2label = {0: "real", 1: "fake"}
    config.label2id = {"real": 0, "fake": 1}
    torch.manual_seed(SEED)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(out_dir, safe_serialization=True)
    _make_tokenizer(texts, config.vocab_size).save_pretrained(out_dir)
    (out_dir / RANDOM_WEIGHTS_FILE).write_text(
        json.dumps({"architecture": name, "seed": SEED, **changes}), encoding="utf-8"
    )


def _make_tokenizer(texts: Sequence[str], vocab_size: int) -> Any:
    """A lower-casing WordPiece tokenizer: with random weights only the number of tokens and the range of ids matter.

    Its pieces are the characters and the most frequent words of ``texts``. The trainer of tokenizers breaks ties at random,
    which would make every build another checkpoint.
    """
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    splitter = BertWordPieceTokenizer()
    words = Counter(
        word
        for text in texts
        for word, _ in splitter.pre_tokenizer.pre_tokenize_str(splitter.normalizer.normalize_str(text))
    )
    characters = sorted({character for word in words for character in word})
    common = sorted(words, key=lambda word: (-words[word], word))
    pieces = dict.fromkeys([*_SPECIAL, *characters, *(f"##{one}" for one in characters), *common])
    vocabulary = {piece: index for index, piece in enumerate([*pieces][:vocab_size])}
    tokenizer = BertWordPieceTokenizer(vocabulary)
    return BertTokenizerFast(tokenizer_object=tokenizer._tokenizer, model_max_length=512)  # noqa: SLF001 - no public accessor
