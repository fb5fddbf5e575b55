"""``recommend --copy-to DIR --layout NAME``: what Text Embeddings Inference and OpenVINO Model Server load.

Neither can be installed from a package registry. The tests load the folder as their sources do: backends/ort/src/lib.rs and
router/src/lib.rs of text-embeddings-inference, src/schema.cpp and docs/parameters.md of model_server.
"""

import json
import shutil

import numpy as np
import pytest
from tokenizers import Tokenizer

from deploybench.bench.worker.client import Worker
from deploybench.exporters.checkpoints.tokenization import cut_texts_at
from deploybench.exporters.errors import UserError
from deploybench.exporters.head import Head
from deploybench.exporters.runtimes.feed import feed
from deploybench.exporters.serving.layouts import LAYOUTS, write_layout

LENGTH = 24
TEXTS = [
    "The minister said on Tuesday that the budget had passed.",
    "Rain.",
    "Officials confirmed the figures. " * 30,
]
SETTINGS = {"name", "base_path", "target_device", "plugin_config"}  # of those that model_server's schema allows


@pytest.fixture
def artifact(artifacts, tmp_path):
    """A copy of an artifact, by variant, that cuts and pads texts."""

    def copied(variant, padded=True):
        folder = shutil.copytree(artifacts(variant), tmp_path / variant)
        cut_texts_at(LENGTH, folder / "tokenizer")
        file = str(folder / "tokenizer" / "tokenizer.json")
        tokenizer = Tokenizer.from_file(file)
        if padded:
            tokenizer.enable_padding(pad_id=0)
        else:
            tokenizer.no_padding()
        tokenizer.save(file)
        return folder

    return copied


@pytest.fixture
def laid_out(tmp_path):
    def write(name, artifact):
        target = tmp_path / "best"
        target.mkdir()
        return target, write_layout(LAYOUTS[name], artifact, target, 1)

    return write


def encoded(tokenizer, pad_id, side="right"):
    """Ids and mask of all texts in one batch."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(pad_id=pad_id, direction=side)
    found = tokenizer.encode_batch(TEXTS)
    return np.array([one.ids for one in found]), np.array([one.attention_mask for one in found])


def own_logits(artifact, variant):
    batch = encoded(Tokenizer.from_file(str(artifact / "tokenizer" / "tokenizer.json")), pad_id=0)
    with Worker(variant, 1) as worker:
        worker.start(variant, artifact, 1)
        [(logits, _)] = worker.predict([batch])
    return logits


def as_tei(folder):
    """Logits of the texts, and the operators that run, as its ONNX Runtime backend does."""
    import onnx
    import onnxruntime

    config = json.loads((folder / "config.json").read_text())
    side = json.loads((folder / "tokenizer_config.json").read_text()).get("padding_side", "right")
    assert json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"] == LENGTH
    batch = encoded(Tokenizer.from_file(str(folder / "tokenizer.json")), config["pad_token_id"], side)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(folder / "run.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)
    names = {one.name for one in session.get_inputs()}
    operators = {node.op_type for node in onnx.load(folder / "run.onnx").graph.node}
    return session.run(["logits"], feed(names, *batch))[0], operators


def as_ovms(folder):
    """Logits of the texts, with the settings of its configuration file."""
    import openvino

    [model] = json.loads((folder / "config.json").read_text())["model_config_list"]
    config = model["config"]
    assert set(config) == SETTINGS
    [version] = (folder / config["base_path"]).iterdir()
    assert version.name == "1"
    compiled = openvino.Core().compile_model(version / "model.xml", config["target_device"], config["plugin_config"])
    batch = encoded(Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json")), pad_id=0)
    names = {name for port in compiled.inputs for name in port.names}
    return compiled(feed(names, *batch))["logits"]


@pytest.mark.parametrize("variant", ["onnx-fp32", "onnx-int8-dynamic"])
def test_text_embeddings_inference_computes_the_same(artifact, laid_out, variant):
    source = artifact(variant)
    folder, remarks = laid_out("tei", source)
    config = json.loads((folder / "config.json").read_text())
    found, operators = as_tei(folder)

    assert (own_logits(source, variant) == found).all()
    assert not operators & {"SkipLayerNormalization"}
    assert config["architectures"][0].endswith("Classification")
    assert config["id2label"] == {"0": "real", "1": "fake"}
    assert config["label2id"] == {"real": 0, "fake": 1}
    assert {"model_type", "max_position_embeddings", "hidden_size", "num_hidden_layers"} <= set(config)
    assert "_name_or_path" not in config
    assert remarks == ['ask for {"inputs": "a text"} at /predict']


@pytest.mark.parametrize("variant", ["openvino-fp32", "openvino-fp32-int8-weights"])
def test_openvino_model_server_computes_the_same(artifact, laid_out, variant):
    source = artifact(variant)
    folder, [remark] = laid_out("ovms", source)

    assert (own_logits(source, variant) == as_ovms(folder)).all()
    assert remark.endswith("answers with logits of real, fake")
    assert json.loads((folder / "tokenizer" / "config.json").read_text())["id2label"] == {"0": "real", "1": "fake"}


@pytest.mark.parametrize(
    ("name", "variant", "spoil", "message"),
    [
        ("tei", "openvino-fp32", None, "has no model.onnx"),
        ("ovms", "onnx-fp32", None, "no settings of OpenVINO"),
        (
            "tei",
            "onnx-fp32",
            lambda folder: (folder / "config.json").unlink(),
            "has no config.json; run deploybench export again",
        ),
        ("tei", "onnx-fp32", lambda folder: (folder / "model.onnx").unlink(), "is not whole"),
    ],
)
def test_what_a_server_cannot_load_is_refused(artifact, laid_out, name, variant, spoil, message):
    source = artifact(variant)
    if spoil:
        spoil(source)
    with pytest.raises(UserError, match=message):
        laid_out(name, source)


def test_texts_that_are_computed_alone_are_not_for_a_server_that_pads(artifact, laid_out):
    with pytest.raises(UserError, match="Text Embeddings Inference pads them"):
        laid_out("tei", artifact("onnx-fp32", padded=False))


@pytest.mark.parametrize(
    ("head", "cut", "said"),
    [
        (Head(task="multi-label", labels=("a", "b"), thresholds=(0.5, 0.5), sigmoid=False), {}, "sigmoid of each"),
        (Head(task="score", labels=(), thresholds=(), sigmoid=False), {}, '"raw_scores": true'),
        (Head(task="single-label", labels=("a", "b"), thresholds=(), sigmoid=False), {"direction": "Left"}, "Left"),
    ],
)
def test_what_the_server_does_otherwise_is_said(head, cut, said):
    assert any(said in remark for remark in LAYOUTS["tei"].remarks(head, cut, False))


def test_a_model_of_pairs_is_asked_with_pairs():
    head = Head(task="single-label", labels=("a", "b"), thresholds=(), sigmoid=False)

    assert [*LAYOUTS["tei"].remarks(head, {}, True)] == ['ask for {"inputs": ["a text", "another"]} at /predict']


def test_a_score_with_a_sigmoid_needs_no_word():
    head = Head(task="score", labels=(), thresholds=(), sigmoid=True)

    assert len([*LAYOUTS["tei"].remarks(head, {}, False)]) == 1
