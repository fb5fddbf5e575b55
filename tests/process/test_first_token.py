"""The last layer computes only the token that the classifier reads, unless others are read as well."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from onnx import TensorProto, helper, numpy_helper
from openvino import opset13

from deploybench.exporters.runtimes import onnx_first_token, openvino_first_token

BATCH, LENGTH, SIZE = 2, 9, 8
SPARED = 4  # products of a layer: query, output projection, and the two after it
X = np.random.default_rng(1).standard_normal((BATCH, LENGTH, SIZE)).astype(np.float32)
WEIGHTS = np.random.default_rng(0).standard_normal((4, SIZE, SIZE)).astype(np.float32)


def products_of_one_token_onnx(file, tmp_path):
    """Number of matrix products of one token of each text that ONNX Runtime executes."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(file, options)
    ids = np.full((BATCH, LENGTH), 7)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    session.run(["logits"], feed)
    events = json.loads(Path(session.end_profiling()).read_text())
    shapes = [
        next(iter(event["args"]["output_type_shape"][0].values()))
        for event in events
        if event["name"].endswith("_kernel_time") and "MatMul" in event["args"]["op_name"]
    ]
    return sum(len(shape) == 3 and shape[1] == 1 for shape in shapes)


def products_of_one_token_openvino(file):
    model = openvino.Core().read_model(file)
    model.reshape({name: [BATCH, LENGTH] for name in ("input_ids", "attention_mask")})
    shapes = [list(node.get_output_shape(0)) for node in model.get_ops() if node.get_type_name() == "MatMul"]
    return sum(len(shape) == 3 and shape[1] == 1 for shape in shapes)


@pytest.mark.parametrize("name", ["onnx-fp32-fused", "onnx-int8-dynamic", "onnx-int8-static"])
def test_onnx_spares_the_last_layer_all_tokens_but_one(artifacts, tmp_path, name):
    assert products_of_one_token_onnx(artifacts(name) / "model.onnx", tmp_path) == SPARED


@pytest.mark.parametrize("name", ["openvino-fp32", "openvino-int8", "openvino-int8-dynamic"])
def test_openvino_spares_the_last_layer_all_tokens_but_one(artifacts, name):
    assert products_of_one_token_openvino(artifacts(name) / "model.xml") == SPARED


def onnx_graph(file, nodes, outputs=("y",)):
    """A graph of ``nodes`` over ``x`` and weights ``w0`` to ``w3``."""
    info = helper.make_tensor_value_info
    weights = [numpy_helper.from_array(weight, f"w{index}") for index, weight in enumerate(WEIGHTS)]
    numbers = {"zero": 0, "two": 2, "zeros": [0], "bias": np.ones(SIZE, dtype=np.float32)}
    weights += [numpy_helper.from_array(np.array(number), name) for name, number in numbers.items()]
    graph = helper.make_graph(
        [helper.make_node(operator, inputs, [output], **more) for operator, inputs, output, more in nodes],
        "classifier",
        [info("x", TensorProto.FLOAT, [None, None, SIZE]), info("mask", TensorProto.FLOAT, [None, 1, None, None])],
        [info(name, TensorProto.FLOAT, None) for name in outputs],
        weights,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), file)


def run(file):
    mask = np.where(np.arange(LENGTH) < 7, 0, -1e9).astype(np.float32) * np.ones((BATCH, 1, LENGTH, 1), np.float32)
    return onnxruntime.InferenceSession(file).run(None, {"x": X, "mask": mask})


ATTENTION = [
    *[("MatMul", ["x", f"w{index}"], name, {}) for index, name in enumerate("qkv")],
    ("MultiHeadAttention", ["q", "k", "v", "", "", "mask"], "a", {"domain": "com.microsoft", "num_heads": 2}),
    ("MatMul", ["a", "w3"], "d", {}),
    ("Add", ["bias", "d"], "b", {}),
    ("Add", ["x", "b"], "h", {}),
]
FIRST = ("Gather", ["h", "zero"], "y", {"axis": 1})


def test_it_is_the_same_to_rounding(tmp_path):
    file = tmp_path / "model.onnx"
    onnx_graph(file, [*ATTENTION, FIRST])
    [before] = run(file)

    assert onnx_first_token.keep_first_token(file)
    [after] = run(file)
    assert after == pytest.approx(before, abs=1e-5)
    assert [node.op_type for node in onnx.load(file).graph.node].count("Slice") == 3  # query, mask and the residual


@pytest.mark.parametrize(
    ("nodes", "outputs"),
    [
        ([*ATTENTION, ("ReduceMean", ["h"], "y", {})], ["y"]),  # all tokens are read
        ([*ATTENTION, ("Gather", ["h", "two"], "y", {"axis": 1})], ["y"]),  # another one
        ([*ATTENTION, ("Gather", ["h", "zeros"], "y", {"axis": 1})], ["y"]),  # its axis stays
        ([*ATTENTION, ("Gather", ["h", "zero"], "y", {"axis": 0})], ["y"]),  # the first text
        ([*ATTENTION, ("Gather", ["h", "zero"], "y", {})], ["y"]),
        ([*ATTENTION, FIRST], ["y", "h"]),  # all tokens are an answer as well
        ([*ATTENTION, FIRST, ("ReduceMax", ["h"], "z", {})], ["y", "z"]),
        ([("Add", ["x", "bias"], "h", {}), FIRST], ["y"]),  # nothing to spare
    ],
)
def test_a_graph_that_reads_anything_else_stays_as_it_is(tmp_path, nodes, outputs):
    file = tmp_path / "model.onnx"
    onnx_graph(file, nodes, outputs)
    before = file.read_bytes()

    assert not onnx_first_token.keep_first_token(file)
    assert file.read_bytes() == before


def test_what_others_read_is_computed_for_all_tokens(tmp_path):
    """Here the attention's result is an output too, so computation is saved only after it."""
    file = tmp_path / "model.onnx"
    onnx_graph(file, [*ATTENTION, FIRST], ["y", "a"])
    before = run(file)

    assert onnx_first_token.keep_first_token(file)
    for one, other in zip(run(file), before, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def openvino_model(read="first"):
    """Attention written out over ``x``, with its result read by ``read``."""
    op, size = opset13, np.int64
    x = op.parameter([-1, -1, SIZE], np.float32)
    heads, whole = op.constant([0, 0, 2, SIZE // 2], size), op.constant([0, 0, SIZE], size)
    turn = op.constant([0, 2, 1, 3], size)
    q, k, v = (
        op.transpose(op.reshape(op.matmul(x, op.constant(weight), False, False), heads, True), turn)
        for weight in WEIGHTS[:3]
    )
    scores = op.softmax(op.matmul(q, k, False, True), 3)
    back = op.reshape(op.transpose(op.matmul(scores, v, False, False), turn), whole, True)
    h = op.add(x, op.matmul(back, op.constant(WEIGHTS[3]), False, False))
    results = {
        "first": [op.gather(h, op.constant(0, size), op.constant(1, size))],
        "second": [op.gather(h, op.constant(1, size), op.constant(1, size))],
        "mean": [op.reduce_mean(h, op.constant([1], size))],
        "both": [op.gather(h, op.constant(0, size), op.constant(1, size)), h],
    }
    return openvino.Model(results[read], [x])


def answers(model):
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled(X).values())


def test_openvino_is_the_same_through_attention_that_is_written_out():
    model, [expected] = openvino_model(), answers(openvino_model())

    assert openvino_first_token.keep_first_token(model)
    assert answers(model)[0] == pytest.approx(expected, abs=1e-5)
    model.reshape([BATCH, LENGTH, SIZE])
    shapes = [list(node.get_output_shape(0)) for node in model.get_ordered_ops() if node.get_type_name() == "MatMul"]
    assert sum(shape[-2] == 1 for shape in shapes) == 4  # query, scores, their sum of values, and the last one


@pytest.mark.parametrize("read", ["second", "mean", "both"])
def test_openvino_leaves_what_reads_anything_else(read):
    model = openvino_model(read)
    before = len(model.get_ops())

    assert not openvino_first_token.keep_first_token(model)
    assert len(model.get_ops()) == before
