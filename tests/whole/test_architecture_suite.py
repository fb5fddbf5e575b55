"""What an architecture stores, uses, computes and keeps: by formula as on the model that is built, and as published."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from documents import blocks, made
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from deploybench.bench import cli
from deploybench.bench.pipeline import architectures
from deploybench.bench.report.messages.architectures import render_architectures
from deploybench.exporters.counting import built
from deploybench.exporters.counting.built import count_checkpoint
from deploybench.exporters.counting.count import count_architectures
from deploybench.exporters.counting.counts import Counted, Counts
from deploybench.exporters.counting.formulas import count_by_formula
from deploybench.exporters.errors import CheckpointError

GOLDEN = Path(__file__).parents[1] / "data"
BASE = ("albert-base-v2", "albert-xlarge-v2", "distilbert-base-uncased")


def command(capsys, *arguments):
    code = cli.main(["architectures", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def published():
    return dict(zip(BASE, count_architectures(BASE, (128,)), strict=True))


@pytest.fixture
def gpt2_folder(tmp_path):
    """The configuration of a classifier without a formula."""
    folder = tmp_path / "gpt2-posts"
    folder.mkdir()
    fields = {"model_type": "gpt2", "architectures": ["GPT2ForSequenceClassification"], "pad_token_id": 0}
    sizes = {"vocab_size": 90, "n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2}
    (folder / "config.json").write_text(json.dumps(fields | sizes))
    return folder


def test_published_counts_hold(published):
    for of_name in published.values():
        assert of_name.differences == ()
    albert, xlarge = published["albert-base-v2"].built, published["albert-xlarge-v2"].built

    assert albert.parameters == 11_685_122
    assert published["distilbert-base-uncased"].built.parameters == 66_955_010
    assert xlarge.embedding == 30_000 * 128 + 128 * 2_048 == 4_102_144
    assert xlarge.unfactored == 30_000 * 2_048


def test_a_shared_layer_counts_at_each_of_its_uses(published):
    layer = 4 * (768 * 768 + 768) + (768 * 3072 + 3072) + (3072 * 768 + 768) + 4 * 768
    albert, distilbert = published["albert-base-v2"].built, published["distilbert-base-uncased"].built

    assert albert.effective == 11_685_122 + 11 * layer
    assert distilbert.effective == distilbert.parameters


def test_what_training_keeps_is_what_autograd_takes_of_memory():
    """By another way than the formula's: the storages that the graph of a real forward pass keeps alive."""
    import torch
    from transformers import AlbertConfig, AlbertForSequenceClassification

    config = AlbertConfig(
        vocab_size=50,
        embedding_size=8,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=32,
        hidden_dropout_prob=0.1,
    )
    config._attn_implementation = "eager"
    model = AlbertForSequenceClassification(config).train()
    weights = {one.untyped_storage().data_ptr() for one in (*model.parameters(), *model.buffers())}
    kept = {}

    def keep(tensor):
        if tensor.is_floating_point() and tensor.dim():
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(input_ids=torch.ones((1, 20), dtype=torch.int64))
    sizes = (one.untyped_storage().nbytes() for address, one in kept.items() if address not in weights)

    assert sum(sizes) == count_by_formula(config, (20,)).kept[20]


def test_a_table_that_is_read_twice_counts_once():
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.layer = torch.nn.Embedding(10, 4), torch.nn.Linear(4, 4)

        def forward(self, input_ids, attention_mask):
            return SimpleNamespace(logits=self.layer(self.layer(self.table(input_ids) + self.table(attention_mask))))

    assert built._used(Model().to("meta"), (1, 1)) == 10 * 4 + 2 * (4 * 4 + 4)


def test_a_run_counts_the_same_operations_and_effective_parameters(tmp_path):
    """Of DistilBERT, which makes a tensor on its way that must have no contents either."""
    from transformers import DistilBertConfig

    config = DistilBertConfig(vocab_size=50, max_position_embeddings=20, dim=24, n_layers=2, n_heads=2, hidden_dim=40)
    config.save_pretrained(tmp_path)

    formula = count_by_formula(config, (16,))
    assert count_checkpoint(tmp_path, [(1, 16)]) == ([formula.operations[16]], formula.effective)


sizes = st.integers(1, 6).map(lambda number: 8 * number)
probabilities = st.sampled_from([0.0, 0.1])
activations = st.sampled_from(["gelu", "gelu_new", "relu"])
common = {
    "vocab_size": st.integers(5, 300),
    "max_position_embeddings": st.integers(20, 40),
    "num_labels": st.integers(2, 5),
}
sized = {
    **common,
    "type_vocab_size": st.integers(1, 3),
    "hidden_size": sizes,
    "intermediate_size": sizes,
    "num_hidden_layers": st.integers(1, 4),
    "num_attention_heads": st.sampled_from([1, 2, 4]),
    "hidden_act": activations,
    "hidden_dropout_prob": probabilities,
    "attention_probs_dropout_prob": probabilities,
}
head = {"classifier_dropout": st.none() | probabilities}
FAMILIES = {
    "albert": {
        **sized,
        "num_hidden_layers": st.just(6),
        "num_hidden_groups": st.sampled_from([1, 2, 3]),
        "inner_group_num": st.sampled_from([1, 2]),
        "embedding_size": sizes,
        "classifier_dropout_prob": probabilities,
    },
    "bert": {**sized, **head},
    "distilbert": {
        **common,
        "dim": sizes,
        "hidden_dim": sizes,
        "n_layers": st.integers(1, 4),
        "n_heads": st.sampled_from([1, 2, 4]),
        "activation": st.sampled_from(["gelu", "relu"]),  # the model knows no other
        "dropout": probabilities,
        "attention_dropout": probabilities,
        "seq_classif_dropout": probabilities,
    },
    "mobilebert": {
        **sized,
        **head,
        "embedding_size": sizes,
        "intra_bottleneck_size": sizes,
        "num_feedforward_networks": st.integers(1, 3),
        "trigram_input": st.booleans(),
        "normalization_type": st.sampled_from(["no_norm", "layer_norm"]),
        "classifier_activation": st.booleans(),
    },
    "roberta": {**sized, **head, "pad_token_id": st.just(0)},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_formula_and_built_model_agree(family):
    from transformers import AutoConfig

    from deploybench.exporters.counting.built import build, count_built

    @settings(max_examples=8, phases=[Phase.generate], derandomize=True)  # to shrink would take minutes
    @given(fields=st.fixed_dictionaries(FAMILIES[family]), length=st.integers(2, 19))
    def agree(fields, length):
        config = AutoConfig.for_model(family, **fields)
        assert count_by_formula(config, (length,)) == count_built(build(config), (length,))

    agree()


def test_the_table_is_the_golden_one(capsys, gpt2_folder):
    code, out, _ = command(capsys, "arch:tinybert-4-312", str(gpt2_folder), "--sequence-lengths", "64,600")

    assert code == 0
    assert out == (GOLDEN / "architectures.txt").read_text(encoding="utf-8")


def test_the_readme_shows_what_is_printed():
    [block] = [one for one in blocks() if one.command.startswith("deploybench architectures ")]

    assert block.text.strip() == made(block.command).strip()
    assert block.text.count("\n| ") == 1 + 5


def counts(**fields):
    numbers = {"parameters": 10, "effective": 20, "embedding": 3, "unfactored": 5}
    by_length = {"operations": {8: 80}, "live": {8: 800}, "kept": {8: 8000}}
    return Counts(**{**numbers, **by_length, **fields})


def test_what_differs_is_said_and_marked():
    of_model, formula = counts(), counts(parameters=11, live={8: 801})
    found = {
        "one": Counted(built=of_model, formula=formula, max_length=16),
        "two\n": Counted(built=of_model, formula=None, max_length=16, no_formula="no\nformula"),
    }
    text = render_architectures(found, (8,), "text")

    assert found["one"].differences == (
        "parameters 11 by formula, 10 built",
        "live at 8 tokens 801 by formula, 800 built",
    )
    assert "\none! " in text
    assert "! one: parameters 11 by formula, 10 built\n! one: live at 8 tokens 801 by formula, 800 built\n" in text
    assert "configuration: 0 of 1" in text
    assert "two\\n: no\\nformula" in text


def test_a_difference_is_no_success(capsys, monkeypatch):
    found = {"one": Counted(built=counts(), formula=counts(kept={8: 1}), max_length=16)}
    monkeypatch.setattr("deploybench.bench.pipeline.architectures.count_architectures", lambda *_: found)

    assert command(capsys, "tinybert-4-312", "--sequence-lengths", "8")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["albert-bas-v2"], "unknown architecture 'albert-bas-v2'; did you mean arch:albert-base-v2? known: "),
        (["arch:nonsense"], "unknown architecture 'nonsense'; known: "),
        (["no/such/folder"], "no/such/folder: does not exist, expected the folder of a fine-tuned sequence classifier"),
        (["bert-base-uncased", "--sequence-lengths", "0"], "--sequence-lengths: found '0', expected "),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, message):
    code, out, err = command(capsys, *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_two_folders_of_one_name_are_two_rows(monkeypatch, gpt2_folder):
    other = shutil.copytree(gpt2_folder, gpt2_folder.parent / "other" / gpt2_folder.name)
    monkeypatch.setattr(architectures, "call_in_child", lambda _target, sources, _lengths, **_: sources)
    names = [str(gpt2_folder), "arch:albert-base-v2", str(other), "albert-base-v2"]

    assert architectures.count_architectures(names, (8,)) == {
        gpt2_folder.name: gpt2_folder,
        "albert-base-v2": "albert-base-v2",
        str(other): other,
    }


def test_a_configuration_that_cannot_be_built_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nonsense"}))
    with pytest.raises(CheckpointError, match="no classifier can be built from its configuration") as raised:
        count_architectures([tmp_path], (8,))

    assert "\n" not in str(raised.value)
