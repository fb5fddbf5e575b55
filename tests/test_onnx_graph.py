"""ONNX graphs of models that share weights: nothing of the sharing may be lost."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.worker import call_in_child
from exporters.artifact import Origin
from exporters.onnx_graph import use_weights_by_name


@pytest.fixture(scope="module")
def int8_folder(checkpoint, checkpoint_folder, tmp_path_factory):
    origin = Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=(),
        calibration_source="",
    )
    root = tmp_path_factory.mktemp("artifacts")
    return call_in_child("exporters.artifact:export_artifact", "onnx-int8-dynamic", origin, root, threads=1).path


def test_every_use_of_a_shared_weight_runs_in_int8(int8_folder):
    graph = onnx.load(int8_folder / "model.onnx").graph
    weights = {weight.name for weight in graph.initializer}
    kinds = Counter(node.op_type for node in graph.node)
    fp32 = [node.name for node in graph.node if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights]

    assert kinds["MatMulInteger"] == 2 * 6 + 3  # two layers of six, the embedding's projection, pooler and classifier
    assert fp32 == []


def test_no_fp32_original_stays_beside_its_int8_weight(int8_folder):
    graph = onnx.load(int8_folder / "model.onnx").graph
    matrices = [weight for weight in graph.initializer if len(weight.dims) == 2 and min(weight.dims) > 1]

    assert {weight.data_type for weight in matrices if weight.dims[0] > 2} <= {TensorProto.INT8, TensorProto.UINT8}


def test_logits_are_the_same_to_the_last_bit(tmp_path):
    weight = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Identity", ["w"], ["w_again"]),
        helper.make_node("MatMul", ["a", "w_again"], ["b"]),
        helper.make_node("Identity", ["b"], ["y"]),  # of an activation: stays
    ]
    shape = [None, 4]
    graph = helper.make_graph(
        nodes,
        "shared",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weight, "w")],
    )
    file = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), file)
    texts = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)

    before = onnxruntime.InferenceSession(file).run(None, {"x": texts})[0]
    use_weights_by_name(file)
    after = onnxruntime.InferenceSession(file).run(None, {"x": texts})[0]

    assert [node.op_type for node in onnx.load(file).graph.node] == ["MatMul", "MatMul", "Identity"]
    assert (before == after).all()
