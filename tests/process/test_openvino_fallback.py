"""Static int8 leaves in fp32 what it would spoil: no more than that, and nothing where labels hold."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from bench.texts.demonstration import corpus
from bench.worker.client import call_in_child
from exporters.artifacts.artifact import Origin, export_artifact, read_artifact
from exporters.inspection.stored import stored_weights
from exporters.runtimes import openvino_sensitive
from exporters.runtimes.feed import text_feed
from exporters.runtimes.openvino_model import MODEL_FILE, load_compiled
from exporters.runtimes.openvino_sensitive import _logits, _quantised, quantise

OUTLIER = 3000.0  # times as large as its neighbours, as LayerNorms of large models make some channels
HUGE = [3, -24]  # one in each head of the attention
ENCODER = "__module.model.albert.encoder"
DENSE = f"{ENCODER}.albert_layer_groups.0.albert_layers.0.attention.dense/aten::linear/MatMul"
SENSITIVE = {
    "layer-norm": {f"{ENCODER}.embedding_hidden_mapping_in/aten::linear/MatMul"},
    "shared": {DENSE, f"{DENSE}_1"},
}


@pytest.fixture(scope="module")
def texts(checkpoint_folder):
    """Token ids: those to calibrate with, and others."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder)
    others = tokenizer(list(corpus.corpus("test")[0][:64]), truncation=True, max_length=64)["input_ids"]
    return json.loads((checkpoint_folder / "calibration.json").read_text())["input_ids"][:32], others


@pytest.fixture(scope="module", params=SENSITIVE)
def spoilt(request, checkpoint_folder, texts, tmp_path_factory):
    """The tiny ALBERT with two huge channels, undone by the next weight: the same function, but not in int8."""
    import torch
    from transformers import AlbertForSequenceClassification

    model = AlbertForSequenceClassification.from_pretrained(checkpoint_folder)
    attention = model.albert.encoder.albert_layer_groups[0].albert_layers[0].attention
    before, after = {
        "layer-norm": (model.albert.embeddings.LayerNorm, model.albert.encoder.embedding_hidden_mapping_in),
        "shared": (attention.value, attention.dense),
    }[request.param]
    with torch.no_grad():
        before.weight[HUGE] *= OUTLIER
        before.bias[HUGE] *= OUTLIER
        after.weight[:, HUGE] /= OUTLIER
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder / "checkpoint")
    origin = Origin(
        checkpoint=folder / "checkpoint",
        checkpoint_sha256="",
        tokenizer=checkpoint_folder,
        calibration=tuple(map(tuple, texts[0])),
        calibration_source="training texts",
    )
    artifact = call_in_child(export_artifact, "openvino-int8", origin, folder, threads=1, forked=True)
    return SimpleNamespace(name=request.param, artifact=artifact, base=folder / "openvino-fp32")


def labels(artifact, texts):
    predict = load_compiled(artifact, 1)
    return np.array([predict(np.array([ids]), np.ones((1, len(ids)), np.int64)).argmax() for ids in texts])


def read(artifact, texts):
    """The model, and texts as it is fed them."""
    import openvino

    model = openvino.Core().read_model(artifact / MODEL_FILE)
    names = {name for port in model.inputs for name in port.names}
    return model, [text_feed(names, ids) for ids in texts]


def test_what_int8_would_spoil_stays_in_fp32(spoilt, texts):
    calibration, others = texts
    model, feeds = read(spoilt.base, calibration)
    plain = _logits(_quantised(model, feeds, []), feeds).argmax(axis=1)

    assert (plain == _logits(model, feeds).argmax(axis=1)).mean() < 0.95
    assert (labels(spoilt.artifact.path, others) == labels(spoilt.base, others)).mean() >= 0.95
    (note,) = spoilt.artifact.notes
    left = note.partition("(")[2].rstrip(")").split(", ")
    assert note.startswith(f"{len(left)} of the matrix products stay in fp32: ")
    assert {*left} >= SENSITIVE[spoilt.name]
    assert len(left) <= 4  # of 17


def test_a_weight_that_layers_share_is_stored_as_one(spoilt):
    found = stored_weights(spoilt.artifact.path)

    assert found.doubles == {}
    assert found.size < 0.5 * stored_weights(spoilt.base).size


def test_labels_that_hold_cost_one_look(artifacts, texts, monkeypatch):
    model, feeds = read(artifacts("openvino-fp32"), texts[0])
    looks = []
    monkeypatch.setattr(openvino_sensitive, "_logits", lambda one, fed: looks.append(len(fed)) or _logits(one, fed))
    monkeypatch.setattr(openvino_sensitive, "_by_damage", lambda *_: pytest.fail("searched"))

    assert quantise(model, texts[0])[1] == []
    assert looks == [len(feeds)] * 2  # in fp32 and in int8
    assert not any("fp32" in note for note in read_artifact(artifacts("openvino-int8")).notes)


@pytest.mark.parametrize(("count", "changed", "holds"), [(8, 1, True), (8, 2, False), (300, 3, True), (300, 4, False)])
def test_the_bound(count, changed, holds):
    expected = np.tile([0.0, 1.0], (count, 1)).astype(np.float32)
    found = expected.copy()
    found[:changed] = found[:changed, ::-1]

    assert openvino_sensitive._holds(expected, found) == holds


def test_where_nothing_holds_all_are_left(artifacts, texts, monkeypatch):
    model, _ = read(artifacts("openvino-fp32"), texts[0])
    monkeypatch.setattr(openvino_sensitive, "_holds", lambda *_: False)
    monkeypatch.setattr(openvino_sensitive, "_quantised", lambda one, *_: one)

    left = quantise(model, texts[0][:2])[1]

    assert len(left) == len({*left}) == 17  # 2 layers of 6 and an attention, the embedding's, pooler and classifier
