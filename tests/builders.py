"""Tiny checkpoints, with random weights or trained for a second, and the answers of plain transformers to hold them against."""

import dataclasses
import json

import numpy as np

from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.training.recipe import Architecture, Recipe, TokenizerRecipe
from deploybench.exporters.training.train import train
from deploybench.exporters.variant import TrainingTexts

TINY = Recipe(
    name="tiny",
    description="for tests",
    demonstration=True,
    architecture=Architecture(
        model_type="albert",
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_hidden_groups=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=80,
    ),
    tokenizer=TokenizerRecipe(vocab_size=300),
    max_length=48,
    batch_size=8,
    epochs=2,
    learning_rate=1e-2,
)
# A BERT drops units by chance, so that the state of the generators counts.
DROPPING = dataclasses.replace(
    TINY,
    architecture=dataclasses.replace(TINY.architecture, model_type="bert", embedding_size=None, num_hidden_groups=None),
)
TEXTS, CLASSES = (column[:60] for column in corpus.corpus("train"))
HELD_OUT = tuple(column[:20] for column in corpus.corpus("test"))
JUDGED = {"test": HELD_OUT, "validation": HELD_OUT}


def train_tiny(out_dir, recipe=TINY, **changes):
    """Train on 60 texts of the demonstration; gives the report."""
    given = {
        "texts": TEXTS,
        "labels": CLASSES,
        "label_names": corpus.LABELS,
        "evaluation": {"test": HELD_OUT},
        **changes,
    }
    return train(recipe, out_dir=out_dir, **given)


def starting_from(checkpoint, **changes):
    """The recipe of one that goes on from a checkpoint."""
    return dataclasses.replace(TINY, architecture=None, tokenizer=None, checkpoint=str(checkpoint), **changes)


def fail_with(error):
    """A function that raises ``error`` whatever it is given."""

    def fail(*_, **__):
        raise error

    return fail


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
    from deploybench.exporters.checkpoints.architectures import _make_tokenizer

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

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        each = ([one] if isinstance(one, str) else one for one in some)  # a text, or a pair
        found = [
            model(**tokenizer(*one, truncation=True, max_length=max_length, return_tensors="pt")).logits for one in each
        ]
    return np.concatenate([one.numpy() for one in found])


def trained_albert(folder):
    """Train an ALBERT of two shared layers and 64 positions on the demonstration; save its calibration texts as well."""
    import torch
    from transformers import AlbertConfig, AlbertForSequenceClassification

    texts, labels = corpus.corpus("train")
    tokenizer = word_tokenizer(model_max_length=64)
    config = AlbertConfig(
        **{**BERT, "hidden_size": 64, "intermediate_size": 128},
        vocab_size=len(tokenizer),
        embedding_size=32,
        id2label={0: "real", 1: "fake"},
        label2id={"real": 0, "fake": 1},
    )
    torch.manual_seed(1)
    model = AlbertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for start in [*range(0, 3000, 32), *range(0, 3000, 32)]:
        batch = tokenizer(list(texts[start : start + 32]), truncation=True, padding=True, return_tensors="pt")
        model(**batch, labels=torch.tensor(labels[start : start + 32])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    calibration = tokenizer(list(texts[:64]), truncation=True)["input_ids"]
    (folder / "calibration.json").write_text(json.dumps({"source": "training texts", "input_ids": calibration}))


def training_texts(checkpoint):
    """Token ids and classes of 600 texts of the demonstration, as another model is trained on."""
    from transformers import AutoTokenizer

    texts, labels = (column[:600] for column in corpus.corpus("train"))
    ids = AutoTokenizer.from_pretrained(checkpoint)(list(texts), truncation=True)["input_ids"]
    return TrainingTexts.of(ids, labels, "labelled texts of the demonstration")


def fragile_copy(checkpoint, folder):
    """Save ``checkpoint`` with two output rows that hardly differ, so that rounding to int8 decides the label."""
    import torch
    from transformers import AlbertForSequenceClassification, AutoTokenizer

    torch.manual_seed(1)
    model = AlbertForSequenceClassification.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    texts = list(corpus.corpus("test")[0][:64])
    batch = tokenizer(texts, truncation=True, max_length=64, padding=True, return_tensors="pt")
    with torch.no_grad():
        weight = torch.randn(1, model.config.hidden_size)
        model.classifier.weight.copy_(torch.cat([weight, weight + 1e-5 * torch.randn_like(weight)]))
        logits = model(**batch).logits
        model.classifier.bias += torch.stack([torch.zeros(()), (logits[:, 0] - logits[:, 1]).median()])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
