"""Careful int8 leaves in floats what int8 would spoil: no more than that, and nothing where classes hold."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from deploybench.bench.texts.demonstration import corpus
from deploybench.bench.worker.client import call_in_child
from deploybench.exporters.artifacts.artifact import Origin, export_artifact, read_artifact
from deploybench.exporters.checkpoints.checkpoint import RANDOM_WEIGHTS_FILE
from deploybench.exporters.head import SINGLE_LABEL
from deploybench.exporters.inspection.stored import stored_weights
from deploybench.exporters.runtimes import calibration_texts, careful
from deploybench.exporters.runtimes.careful import Group
from deploybench.exporters.runtimes.onnx_session import load_session
from deploybench.exporters.runtimes.openvino_mixed import mixed_openvino
from deploybench.exporters.runtimes.openvino_model import load_compiled

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
    made = {
        name: call_in_child(export_artifact, name, origin, folder, threads=1, forked=True)
        for name in ("openvino-int8-careful", "onnx-int8-careful")
    }
    return SimpleNamespace(name=request.param, made=made, folder=folder, origin=origin)


def classes(folder, texts):
    load = load_compiled if folder.name.startswith("openvino") else load_session
    predict = load(folder, 1)
    return np.array([predict(np.array([ids]), np.ones((1, len(ids)), np.int64)).argmax() for ids in texts])


def test_what_int8_would_spoil_stays_in_floats(spoilt, texts):
    calibration, others = texts
    fp32, plain, found = (
        classes(spoilt.folder / name, others) for name in ("openvino-fp32", "openvino-int8", "openvino-int8-careful")
    )
    _, choice = mixed_openvino(
        spoilt.folder / "openvino-fp32", spoilt.folder / "openvino-int8", calibration, SINGLE_LABEL
    )

    assert (plain == fp32).mean() < 0.95
    assert (found == fp32).mean() >= 0.98
    assert {*choice.left} >= SENSITIVE[spoilt.name]
    assert len(choice.left) <= 10  # of 17
    artifact = spoilt.made["openvino-int8-careful"]
    assert artifact.notes == (choice.note,)
    assert choice.note.startswith(f"{len(choice.left)} of 17 matrix products are not int8: ")
    assert artifact.unneeded == ""


def test_a_weight_that_layers_share_is_stored_as_one(spoilt):
    found = stored_weights(spoilt.made["openvino-int8-careful"].path)

    assert found.doubles == {}
    assert found.size < 0.8 * stored_weights(spoilt.folder / "openvino-fp32").size


def test_onnx_keeps_more_of_its_classes(spoilt, texts):
    """It may leave a sixth of the weights in fp32: in this small model not all that are spoilt."""
    names = ("onnx-fp32-fused", "onnx-int8-dynamic", "onnx-int8-careful")
    fp32, plain, found = (classes(spoilt.folder / name, texts[1]) for name in names)

    assert (plain == fp32).mean() < 1
    assert (found == fp32).mean() >= (plain == fp32).mean()
    assert "matrix products are not int8" in " ".join(spoilt.made["onnx-int8-careful"].notes)


@pytest.mark.parametrize("name", ["openvino-int8-careful", "onnx-int8-careful"])
def test_where_plain_int8_keeps_the_classes_the_careful_artifact_is_unneeded(artifacts, name):
    found = read_artifact(artifacts(name))

    assert found.unneeded == "plain int8 keeps the classes"
    assert not any("are not int8" in note for note in found.notes)


@pytest.mark.parametrize("name", ["openvino-int8-careful", "onnx-int8-careful"])
def test_random_weights_have_no_classes_to_keep(spoilt, name, tmp_path):
    checkpoint = shutil.copytree(spoilt.origin.checkpoint, tmp_path / "checkpoint")
    (checkpoint / RANDOM_WEIGHTS_FILE).touch()
    origin = replace(spoilt.origin, checkpoint=checkpoint, checkpoint_sha256="random")
    artifact = call_in_child(export_artifact, name, origin, tmp_path, threads=1, forked=True)

    assert artifact.unneeded == careful.NO_CLASSES


GROUPS = [Group(("a", "a_1"), 60), Group(("b",), 20), Group(("c",), 10), Group(("d",), 10)]
DAMAGE = {"a": 0.01, "a_1": 0.01, "b": 0.02, "c": 0.1, "d": 0.3}
MARGINS = np.linspace(0.01, 4, 100)
EXPECTED = np.stack([MARGINS, np.zeros(len(MARGINS))], axis=1).astype(np.float32)


def simulated(log):
    """Logits of 100 texts, the margins less by the damages of all products that are in int8."""

    def logits(left, count):
        log.append((frozenset(left), count))
        lost = sum(damage for name, damage in DAMAGE.items() if name not in left)
        return np.stack([MARGINS - lost, np.zeros(len(MARGINS))], axis=1)[:count].astype(np.float32)

    return logits


@pytest.mark.parametrize(
    ("most", "left"), [(0.1, "d"), (0.2, "dc"), (0.3, "dc"), (0.4, "dcb"), (0.05, ""), (1.0, "dcb")]
)
def test_the_most_damaging_for_their_size_are_left_within_the_room(most, left):
    choice = careful.choose(GROUPS, simulated([]), EXPECTED, most)

    assert choice.left[: len(left)] == tuple(left)
    assert len(choice.left) == (5 if most == 1.0 else len(left))
    assert choice.note.startswith(f"{len(choice.left)} of 5 matrix products are not int8: ")


def test_where_plain_int8_keeps_the_classes_nothing_is_tried():
    log = []
    far = EXPECTED + np.array([100, 0], dtype=np.float32)
    choice = careful.choose(GROUPS, lambda left, count: log.append(left) or far[:count] - 0.001, far, 0.5)

    assert choice == ((), "plain int8 keeps the classes")
    assert log == [()]


def test_what_cannot_be_tried_in_time_stays_int8():
    ticks = iter(range(0, 10_000, 20))
    choice = careful.choose(GROUPS, simulated([]), EXPECTED, 1.0, clock=lambda: next(ticks))

    assert {*choice.left} == {"a", "a_1"}
    assert choice.note.endswith("; 3 were not tried within 20 s")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.02, 0.1, 0.5])
def test_the_estimate_is_near_the_share_that_changes(seed, noise):
    """Of many texts, a small sample estimates within what its size allows, and no less than half of it."""
    random = np.random.default_rng(seed)
    margins, changes = random.uniform(0, 2, 20_000), random.normal(0, noise, 20_000)
    expected = np.stack([margins, np.zeros(len(margins))], axis=1).astype(np.float32)
    found = np.stack([margins + changes, np.zeros(len(margins))], axis=1).astype(np.float32)
    truth = (margins + changes < 0).mean()
    estimate = careful.changed_share(expected, found)

    assert truth * 0.9 <= estimate <= truth * 3 + 0.001


def test_equal_logits_change_no_class():
    assert careful.changed_share(EXPECTED, EXPECTED.copy()) == 0.0
    assert careful.changed_share(EXPECTED, EXPECTED[:, ::-1].copy()) == 1.0


def test_judging_texts_are_not_those_that_calibrate_and_end_as_texts_do():
    texts = [[1, *range(10, 10 + 100 * number), 2] for number in range(1, 5)]

    assert calibration_texts.calibrating(texts) == [texts[0], texts[2]]
    assert [len(one) for one in calibration_texts.judging(texts)] == [128, 128]
    assert {one[-1] for one in calibration_texts.judging(texts)} == {2}
