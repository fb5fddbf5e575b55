"""Every architecture that the field compares: fused where it can be, each weight once, and still the same model."""

import filecmp
import json

import numpy as np
import pytest

from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.artifacts.artifact import Origin, export_artifact
from deploybench.exporters.checkpoints.architectures import ARCHITECTURES, build_architecture, check_architecture
from deploybench.exporters.errors import CheckpointError
from deploybench.exporters.inspection.stored import stored_weights
from deploybench.exporters.runtimes.onnx_graph import count_operators
from deploybench.exporters.variant import MANIFEST

LAYERS = 2
SMALL = {"vocab_size": 500, "max_position_embeddings": 64, "num_labels": 2}
SIZED = {**SMALL, "hidden_size": 48, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": 96}
MODELS = {
    "albert": {**SIZED, "embedding_size": 16},
    "albert-groups": {
        **SIZED,
        "embedding_size": 16,
        "num_hidden_groups": 2,
        "inner_group_num": 2,
        "num_hidden_layers": 4,
    },
    "bert": SIZED,
    "distilbert": {**SMALL, "dim": 48, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 96},
    "gpt2": {
        "vocab_size": 500,
        "num_labels": 2,
        "n_positions": 64,
        "pad_token_id": 0,
        "n_embd": 48,
        "n_layer": LAYERS,
        "n_head": 4,
    },  # its mask is of truth values
    "mobilebert": {**SIZED, "embedding_size": 16, "intra_bottleneck_size": 32, "true_hidden_size": 32},
    "roberta": {**SIZED, "type_vocab_size": 1, "pad_token_id": 0},
}
ATTENTIONS = {"albert-groups": 8, "gpt2": 0, "mobilebert": 0}  # the rest: one a layer


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory, checkpoint_folder):
    """A small model of an architecture with random weights: its name, and its artifacts by variant."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    config = AutoConfig.for_model(request.param.partition("-")[0], **MODELS[request.param])
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder / "checkpoint")
    origin = Origin(
        checkpoint=folder / "checkpoint",
        checkpoint_sha256="",
        tokenizer=checkpoint_folder,
        calibration=tuple(tuple(ids) for ids in np.random.default_rng(1).integers(5, 200, (8, 20)).tolist()),
        calibration_source="random",
    )
    return request.param, lambda name: call_in_child(export_artifact, name, origin, folder, threads=1, forked=True).path


def logits(name, artifact):
    random, found = np.random.default_rng(0), []
    with Worker(name, 1) as worker:
        worker.start(name, artifact, 1)
        for shape in ((1, 5), (1, 60), (3, 17)):
            ids = random.integers(5, 200, shape)
            mask = np.ones_like(ids)
            mask[-1, shape[1] // 2 :] = 0
            found += [one for one, _ in worker.predict([(ids, mask)])]
    return np.concatenate(found)


def test_fused_it_is_the_same_model(model):
    name, artifact = model
    folder = artifact("onnx-fp32-fused")
    notes = json.loads((folder / MANIFEST).read_text())["notes"]

    expected = ATTENTIONS.get(name, LAYERS)
    assert count_operators(folder / "model.onnx")["If"] == expected
    assert bool(notes) == (expected == 0)
    assert logits("onnx-fp32-fused", folder) == pytest.approx(logits("torch-eager", artifact("torch-eager")), abs=1e-4)


@pytest.mark.parametrize("model", ["albert-groups"], indirect=True)
def test_groups_of_layers_stay_shared_in_int8(model):
    _, artifact = model
    eager = logits("torch-eager", artifact("torch-eager"))
    for variant in ("onnx-int8-dynamic", "openvino-int8", "openvino-fp32-int8-weights", "openvino-int8-dynamic"):
        assert call_in_child(stored_weights, artifact(variant), threads=1).doubles == {}, variant
        assert abs(logits(variant, artifact(variant)) - eager).max() < 0.3 * max(1.0, abs(eager).max()), variant


def test_architectures_that_are_named_by_the_field_are_known():
    for name in ("albert-base-v2", "albert-large-v2", "albert-xlarge-v2", "albert-xxlarge-v2", "bert-base-uncased"):
        check_architecture(name)
    for name in ("distilbert-base-uncased", "mobilebert-uncased", "tinybert-4-312", "roberta-base"):
        check_architecture(name)
    with pytest.raises(CheckpointError, match="did you mean arch:roberta-base"):
        check_architecture("roberta-bas")


def test_one_name_is_one_checkpoint_on_every_machine(tmp_path):
    """Else no run of an architecture could be compared with one of another checkout."""
    texts = ("the cat sat on the mat", "a dog saw the cat", "MATS and hats")
    for name in ("one", "other"):  # each in a process of its own, where chance falls otherwise
        (tmp_path / name).mkdir()
        call_in_child(build_architecture, "tinybert-4-312", texts, tmp_path / name, threads=1)

    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert "tokenizer.json" in files
    assert filecmp.cmpfiles(tmp_path / "one", tmp_path / "other", files, shallow=False) == (files, [], [])


@pytest.mark.parametrize(
    ("name", "millions"),  # of the published encoders, with a pooler and two outputs
    [("albert-base-v2", 11.7), ("albert-large-v2", 17.7), ("roberta-base", 124.6), ("minilm-l6-h384-uncased", 22.7)],
)
def test_parameters_are_those_that_were_published(name, millions):
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    fields = dict(ARCHITECTURES[name])
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(AutoConfig.for_model(fields.pop("model_type"), **fields))

    assert model.num_parameters() / 1e6 == pytest.approx(millions, abs=0.1)
