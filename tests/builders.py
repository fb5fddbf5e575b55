"""Tiny checkpoints of one or two layers with random weights, and what plain transformers says of texts by them."""

import json

import numpy as np

from bench.texts.demonstration import corpus


def texts(count=40, words=100):
    """Different texts of many lengths, ``words`` at most."""
    whole = " ".join(corpus.corpus("test")[0][:count]).split()
    return [" ".join(whole[7 * index : 7 * index + 5 + (index * 37) % words]) for index in range(count)]


def change(path, **fields):
    """Change fields of a JSON file; those that are None are taken out."""
    found = {**(json.loads(path.read_text()) if path.is_file() else {}), **fields}
    path.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))


def widen(model, std=0.2):
    """Random weights that are large enough for texts to differ by more than roundings."""
    import torch

    torch.manual_seed(0)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=std)
    return model.eval()


def word_tokenizer(**settings):
    """A lower-casing BERT tokenizer with words of the bundled corpus."""
    from exporters.checkpoints.architectures import _make_tokenizer

    tokenizer = _make_tokenizer(corpus.corpus("train")[0][:300], 500)
    return type(tokenizer)(tokenizer_object=tokenizer.backend_tokenizer, **settings)


def ids_and_mask_tokenizer(**settings):
    """The same for a model that takes no token types."""
    return word_tokenizer(model_input_names=["input_ids", "attention_mask"], **settings)


def save(folder, config_class, *, tokenizer=None, **fields):
    """Write a checkpoint of ``config_class`` into ``folder``, two classes unless told; gives the folder."""
    from transformers import AutoModelForSequenceClassification

    tokenizer = tokenizer or word_tokenizer()
    config = config_class(**{"vocab_size": len(tokenizer), **fields})
    widen(AutoModelForSequenceClassification.from_config(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def bert(folder, *, tokenizer=None, **fields):
    """A BERT of two layers and 64 positions."""
    from transformers import BertConfig

    return save(folder, BertConfig, tokenizer=tokenizer, **{**BERT, **fields})


def plain(folder, some, max_length=None):
    """Logits of each text alone by transformers itself, cut where its tokenizer says, or at ``max_length``."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        found = [
            model(**tokenizer(one, truncation=True, max_length=max_length, return_tensors="pt")).logits for one in some
        ]
    return np.concatenate([one.numpy() for one in found])
