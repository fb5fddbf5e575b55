"""Stored weights: every weight once; one stored twice is named."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deploybench.exporters.artifacts.catalogue import find_variant, variant_names
from deploybench.exporters.errors import ExportError
from deploybench.exporters.inspection.stored import stored_weights
from deploybench.exporters.variant import MANIFEST


def artifact_of(folder, *files):
    (folder / MANIFEST).write_text(json.dumps({"files": {name: {} for name in files}}))
    return folder


@pytest.mark.parametrize("name", variant_names())
def test_every_variant_stores_a_shared_weight_once(artifacts, checkpoint, name):
    stored = stored_weights(artifacts(name))

    assert (stored.doubled, stored.doubles) == (0, {})
    assert stored.size >= checkpoint.num_parameters
    if find_variant(name).logits_atol is not None:
        assert stored.size <= checkpoint.num_parameters * 4 * 1.01


@pytest.mark.parametrize("name", ["openvino-fp32-int8-weights", "openvino-int8-dynamic"])
def test_int8_weights_are_a_quarter(artifacts, name):
    """Plus scales and zero points, one for each row."""
    assert stored_weights(artifacts(name)).size < 0.35 * stored_weights(artifacts("openvino-fp32")).size


def test_what_is_there_twice_is_named(tmp_path):
    weight = np.random.default_rng(0).standard_normal((32, 32)).astype(np.float32)
    tensors = {
        "first": weight,
        "second": weight.copy(),
        "third": weight.copy(),
        "other": weight + 1,
        "small": weight[:1],
    }
    tensors["small_again"] = weight[:1]
    graph = helper.make_graph(
        [helper.make_node("Sum", ["first", "second", "third", "other"], ["y"])],
        "doubled",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [32, 32])],
        [numpy_helper.from_array(tensor, name) for name, tensor in tensors.items()],
    )
    onnx.save(helper.make_model(graph), tmp_path / "model.onnx")

    stored = stored_weights(artifact_of(tmp_path, "model.onnx"))

    assert stored.doubles == {"first": 3}
    assert stored.doubled == 2 * weight.nbytes
    assert stored.size == 4 * weight.nbytes + 2 * weight[:1].nbytes


def test_weights_outside_the_file_count(artifacts, tmp_path):
    inside = artifacts("onnx-fp32")
    onnx.save(
        onnx.load(inside / "model.onnx"),
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="model.onnx.data",
    )

    assert stored_weights(artifact_of(tmp_path, "model.onnx", "model.onnx.data")) == stored_weights(inside)


def test_openvino_shares_one_place_in_its_file(artifacts, tmp_path):
    """Two constants at one place are stored once; the same bytes at two places are stored twice."""
    shutil.copytree(artifacts("openvino-fp32"), tmp_path / "copy")
    weights = (tmp_path / "copy" / "model.bin").read_bytes()
    lines = (tmp_path / "copy" / "model.xml").read_text()
    before = stored_weights(tmp_path / "copy")
    (tmp_path / "copy" / "model.bin").write_bytes(weights + weights[:4096])
    twin = '<layer id="99999" name="twin" type="Const"><data offset="{}" size="4096" element_type="f32" shape="1024"/></layer>'
    at_both = twin.format(0) + twin.format(len(weights))
    (tmp_path / "copy" / "model.xml").write_text(lines.replace("</layers>", at_both + "</layers>"))

    after = stored_weights(tmp_path / "copy")

    assert after.size - before.size == 2 * 4096  # the first is part of another constant
    assert after.doubles == {"twin": 2}


def test_a_file_of_another_kind_is_said(tmp_path):
    with pytest.raises(ExportError, match="model.gguf: expected one of .onnx, "):
        stored_weights(artifact_of(tmp_path, "model.gguf"))
