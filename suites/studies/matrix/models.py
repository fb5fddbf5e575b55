"""Tiny checkpoints of the architectures that people deploy, each with a tokenizer of the form of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.texts.demonstration import corpus
from ....exporters.checkpoints.checkpoint import read_checkpoint
from ....exporters.checkpoints.classifier import load_classifier
from ....exporters.checkpoints.inputs import write_inputs
from ....exporters.texts import Pair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ....exporters.texts import Text

POSITIONS = 80  # tokens
LABELS = 3
_KEPT = 48  # texts of each kind
_SPREAD = 0.15  # standard deviation of weights: with the usual 0.02 all texts have nearly the same logits
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}
_DECODER = {**_SIZES, "num_key_value_heads": 1, "head_dim": 16}
_DISENTANGLED = {**_SIZES, "relative_attention": True, "position_biased_input": False, "type_vocab_size": 0}


@dataclass(frozen=True, slots=True)
class Form:
    """What a tokenizer makes of texts."""

    special: tuple[str, ...]  # beginning, padding, end, unknown
    single: str  # template of the package tokenizers; empty: nothing is added
    pair: str = ""  # empty: the architecture's tokenizer has no form of pairs
    side: str = "right"  # of padding
    typed: bool = False  # whether it gives token types
    padding_type: int = 0


_BERT_TOKENS = ("[CLS]", "[PAD]", "[SEP]", "[UNK]")
_ROBERTA_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
_TYPED = Form(_BERT_TOKENS, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", typed=True)
_UNTYPED = Form(_BERT_TOKENS, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]")
_ROBERTA = Form(_ROBERTA_TOKENS, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
_XLNET = Form(
    ("<cls>", "<pad>", "<sep>", "<unk>"), "$A <sep> <cls>:2", "$A <sep> $B:1 <sep>:1 <cls>:2", "left", True, 3
)  # fmt: skip
_GPT2 = Form(_ROBERTA_TOKENS, "")
_LLAMA = Form(_ROBERTA_TOKENS, "<s> $A", side="left")
_QWEN = Form(_ROBERTA_TOKENS, "", side="left")


@dataclass(frozen=True, slots=True)
class Architecture:
    """A row of the matrix."""

    model_type: str
    form: Form
    fields: dict[str, Any] = field(default_factory=lambda: _SIZES)


ARCHITECTURES = {
    "ALBERT": Architecture("albert", _TYPED, {**_SIZES, "embedding_size": 16}),
    "BERT": Architecture("bert", _TYPED),
    "DistilBERT": Architecture(
        "distilbert",
        _UNTYPED,
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": POSITIONS},
    ),
    "MobileBERT": Architecture(
        "mobilebert", _TYPED, {**_SIZES, "embedding_size": 32, "intra_bottleneck_size": 32, "true_hidden_size": 32}
    ),
    "ELECTRA": Architecture("electra", _TYPED, {**_SIZES, "embedding_size": 16}),
    "RoBERTa": Architecture("roberta", _ROBERTA),
    "XLM-RoBERTa": Architecture("xlm-roberta", _ROBERTA),
    "CamemBERT": Architecture("camembert", _ROBERTA),
    "MPNet": Architecture("mpnet", _ROBERTA),
    "DeBERTa": Architecture("deberta", _TYPED, {**_DISENTANGLED, "pos_att_type": ["c2p", "p2c"]}),
    "DeBERTa-v3": Architecture(
        "deberta-v2",
        _TYPED,
        {
            **_DISENTANGLED,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
        },
    ),
    "ModernBERT": Architecture(
        "modernbert", _UNTYPED, {**_SIZES, "local_attention": 16, "global_attn_every_n_layers": 2}
    ),
    "XLNet": Architecture("xlnet", _XLNET, {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64}),
    "Longformer": Architecture("longformer", _ROBERTA, {**_SIZES, "attention_window": 16}),
    "BigBird": Architecture("big_bird", _TYPED),
    "BART": Architecture(
        "bart",
        _ROBERTA,
        {
            "d_model": 32,
            "max_position_embeddings": POSITIONS,
            **dict.fromkeys(
                ("encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads"), 2
            ),
            **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 64),
        },
    ),
    "GPT-2": Architecture("gpt2", _GPT2, {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS}),
    "Llama": Architecture("llama", _LLAMA, _DECODER),
    "Qwen2": Architecture("qwen2", _QWEN, _DECODER),
    "Qwen3": Architecture("qwen3", _QWEN, _DECODER),
}


def prepare(name: str, folder: Path) -> list[list[Text]]:
    """Write a checkpoint and its inputs into ``folder``; single texts and, if its tokenizer has a form for them, pairs.

    Of each kind, the half that lies farthest from another class: rounding decides the class of the others, as weights are random.
    """
    architecture = ARCHITECTURES[name]
    kinds = [_texts(), *([_pairs()] if architecture.form.pair else [])]
    build(architecture, folder / "model", [text for texts in kinds for text in texts])
    (folder / "inputs").mkdir()
    write_inputs(read_checkpoint(folder / "model"), kinds[-1][:8], folder / "inputs")
    return [_clearest(folder, texts) for texts in kinds]


def _texts() -> list[Text]:
    """Different texts of 3 to 36 words."""
    words = " ".join(corpus.corpus("test")[0][:200]).split()
    return [" ".join(words[11 * index : 11 * index + 3 + (index * 7) % 34]) for index in range(2 * _KEPT)]


def _pairs() -> list[Text]:
    texts = _texts()
    return [Pair(str(first), str(second)) for first, second in zip(texts, [*texts[5:], *texts[:5]], strict=True)]


def build(architecture: Architecture, folder: Path, texts: Sequence[Text]) -> None:
    """Write a checkpoint of two layers with random weights into ``folder``, whose answers to ``texts`` have several classes."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    tokenizer = _tokenizer(architecture.form)
    first, pad, end, _ = range(4)
    ids = {"bos_token_id": first, "pad_token_id": pad, "eos_token_id": end, "decoder_start_token_id": end}
    sizes = {"vocab_size": len(tokenizer), "num_labels": LABELS, **ids, **architecture.fields}
    config = AutoConfig.for_model(architecture.model_type, **sizes)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=_SPREAD)
    _balance(model.eval(), tokenizer, texts)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _balance(model: Any, tokenizer: Any, texts: Sequence[Text]) -> None:
    """Take what is the same for all ``texts`` from the head: else they have one class, and equal labels prove nothing."""
    import torch

    [*_, head] = [one for one in model.modules() if isinstance(one, torch.nn.Linear) and one.out_features == LABELS]
    features: list[Any] = []
    hook = head.register_forward_hook(lambda _, given, __: features.append(given[0].reshape(-1, head.in_features)[-1]))
    _logits(model, tokenizer, texts)
    hook.remove()
    common = torch.stack(features).mean(0)
    with torch.no_grad():
        head.weight -= torch.outer(head.weight @ common, common) / common.dot(common)


def _logits(model: Any, tokenizer: Any, texts: Sequence[Text]) -> Any:
    """Of each text alone, ``(texts, LABELS)``."""
    import torch

    parts = ([text] if isinstance(text, str) else text for text in texts)
    with torch.inference_mode():
        return torch.cat(
            [model(**tokenizer(*one, truncation=True, return_tensors="pt")).logits for one in parts]
        ).numpy()


def _clearest(folder: Path, texts: Sequence[Text]) -> list[Text]:
    from transformers import AutoTokenizer

    model, tokenizer = load_classifier(folder / "model"), AutoTokenizer.from_pretrained(folder / "model")
    second, first = np.sort(_logits(model, tokenizer, texts), axis=1)[:, -2:].T
    return [texts[index] for index in np.argsort(second - first)[:_KEPT]]


def _tokenizer(form: Form) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in corpus.corpus("train")[0][:200] for word in text.lower().split()})
    ids = {word: index for index, word in enumerate([*form.special, *words])}
    first, pad, end, unknown = form.special
    fast = Tokenizer(models.WordLevel(ids, unknown))
    fast.normalizer = normalizers.Lowercase()
    fast.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if form.single:
        fast.post_processor = processors.TemplateProcessing(
            form.single, form.pair or None, [(name, ids[name]) for name in (first, end)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        model_input_names=["input_ids", "attention_mask", *(["token_type_ids"] * form.typed)],
        padding_side=form.side,
        pad_token_type_id=form.padding_type,
        model_max_length=POSITIONS - 2,  # RoBERTa's positions begin after the padding id
        bos_token=first,
        cls_token=first,
        pad_token=pad,
        eos_token=end,
        sep_token=end,
        unk_token=unknown,
    )
