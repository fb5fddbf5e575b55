"""Passes over ONNX graphs: shared weights stay shared, and logits stay the same."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from fakes import calls
from onnx import TensorProto, helper, numpy_helper

from deploybench.bench.worker.client import call_in_child
from deploybench.exporters.runtimes.onnx_graph import (
    attend_without_mask,
    count_operators,
    drop_round_trips,
    drop_unread,
    use_weights_by_name,
)

LAYERS = 2  # of the tiny checkpoint
LENGTHS = ((1, 3), (1, 64), (3, 17))


def logits(file, *, unmasked=False):
    """Of texts of several shapes, the last of each batch padded."""
    session = onnxruntime.InferenceSession(file)
    random, found = np.random.default_rng(0), []
    for shape in LENGTHS:
        ids = random.integers(5, 100, shape)
        mask = np.ones_like(ids)
        mask[-1, shape[1] // 2 :] = unmasked
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        found.append(session.run(["logits"], feed)[0])
    return found


def test_every_use_of_a_shared_weight_runs_in_int8(artifacts):
    graph = onnx.load(artifacts("onnx-int8-dynamic") / "model.onnx").graph
    weights = {weight.name for weight in graph.initializer}
    kinds = Counter(node.op_type for node in graph.node)
    fp32 = [node.name for node in graph.node if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights]

    assert kinds["MatMulInteger"] == 2 * 6 + 3  # two layers of six, the embedding's projection, pooler and classifier
    assert fp32 == []


def test_no_fp32_original_stays_beside_its_int8_weight(artifacts):
    graph = onnx.load(artifacts("onnx-int8-dynamic") / "model.onnx").graph
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


def executed(file, optimised, **options):
    """Operators that a session of ``file`` runs, and its logits."""
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(optimised)
    session = onnxruntime.InferenceSession(file, settings, **options)
    ids = np.random.default_rng(0).integers(5, 100, (3, 17))
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    return count_operators(optimised), session.run(["logits"], feed)[0]


def test_what_a_normalisation_reads_is_not_fused_with_it(artifacts, tmp_path):
    file, plain = artifacts("onnx-int8-dynamic") / "model.onnx", tmp_path / "plain.onnx"
    model = onnx.load(file)
    drop_unread(model.graph)
    onnx.save(model, plain)

    operators, found = executed(file, tmp_path / "run.onnx")
    fused, _ = executed(plain, tmp_path / "run.onnx")
    _, expected = executed(plain, tmp_path / "run.onnx", disabled_optimizers=["SkipLayerNormFusion"])

    assert fused["SkipLayerNormalization"] > 0
    assert operators["SkipLayerNormalization"] == 0
    assert (found == expected).all()


def test_every_attention_is_one_node(artifacts):
    plain, fused = (count_operators(artifacts(name) / "model.onnx") for name in ("onnx-fp32", "onnx-fp32-fused"))

    assert plain["Softmax"] == fused["If"] == LAYERS
    assert fused["MultiHeadAttention"] == 2 * LAYERS  # for batches with padding, and for those without
    assert fused["Softmax"] == fused["Transpose"] == 0
    assert fused["Reshape"] < 2  # splitting heads and joining them


def test_a_fused_attention_gives_the_same_logits_at_every_shape_and_padding(artifacts):
    plain, fused = (artifacts(name) / "model.onnx" for name in ("onnx-fp32", "onnx-fp32-fused"))

    for before, after in zip(logits(plain), logits(fused), strict=True):
        assert after == pytest.approx(before, abs=1e-5)
    assert any(abs(a - b).max() > 1e-3 for a, b in zip(logits(fused), logits(fused, unmasked=True), strict=True))


@pytest.mark.parametrize("hidden", [0, 1])
def test_attention_reads_a_mask_where_one_hides_something(artifacts, tmp_path, hidden):
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(artifacts("onnx-fp32-fused") / "model.onnx", options)
    ids, mask = np.full((2, 9), 7), np.ones((2, 9), dtype=np.int64)
    mask[0, 9 - hidden :] = 0
    session.run(["logits"], {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
    events = json.loads(Path(session.end_profiling()).read_text())
    read = [
        len(event["args"]["input_type_shape"])
        for event in events
        if event["name"].endswith("_kernel_time") and event["args"]["op_name"] == "MultiHeadAttention"
    ]

    assert len(read) == LAYERS
    assert {number > 3 for number in read} == {hidden > 0}  # query, key and value come first


def test_a_mask_of_other_numbers_than_zero_is_applied(tmp_path):
    """A number added to the scores may be no mask, but a relative position."""
    nodes = [
        helper.make_node(
            "MultiHeadAttention", ["x", "x", "x", "", "", "bias"], ["y"], domain="com.microsoft", num_heads=2
        )
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "biased",
        [info("x", TensorProto.FLOAT, [1, 3, 8]), info("bias", TensorProto.FLOAT, [1, 2, 3, 3])],
        [info("y", TensorProto.FLOAT, None)],
    )
    file, random = tmp_path / "model.onnx", np.random.default_rng(0)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), file)
    x = random.standard_normal((1, 3, 8)).astype(np.float32)
    biases = [np.zeros((1, 2, 3, 3)), random.random((1, 2, 3, 3)), -random.random((1, 2, 3, 3))]
    feeds = [{"x": x, "bias": bias.astype(np.float32)} for bias in biases]

    before = [onnxruntime.InferenceSession(file).run(None, feed)[0] for feed in feeds]
    attend_without_mask(file)
    after = [onnxruntime.InferenceSession(file).run(None, feed)[0] for feed in feeds]

    assert after[0] == pytest.approx(before[0], abs=1e-6)
    assert all((one == other).all() for one, other in zip(before[1:], after[1:], strict=True))


def test_dropping_round_trips_changes_no_bit(checkpoint_folder, tmp_path):
    call_in_child(calls.export_unpolished, checkpoint_folder, tmp_path, threads=1)
    file = tmp_path / "model.onnx"
    before, reshapes = logits(file), count_operators(file)["Reshape"]
    drop_round_trips(file)

    assert reshapes - count_operators(file)["Reshape"] == 2 * LAYERS
    assert all((one == other).all() for one, other in zip(before, logits(file), strict=True))


@pytest.mark.parametrize(("axes", "left"), [(3, 2), (2, 4)])
def test_a_reshape_that_joins_no_heads_stays(tmp_path, axes, left):
    """Flattened to one row for each token, an attention's result has another shape."""
    nodes = [
        helper.make_node("MultiHeadAttention", ["x", "x", "x"], ["a"], domain="com.microsoft", num_heads=2),
        helper.make_node("Reshape", ["a", "heads"], ["b"]),
        helper.make_node("Concat", ["minus", *["eight"] * (axes - 1)][-axes:], ["shape"], axis=0),
        helper.make_node("Reshape", ["b", "shape"], ["c"]),
        helper.make_node("Neg", ["c"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "turned",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.array(n), k)
            for k, n in (("heads", [0, 0, 2, 4]), ("minus", [-1]), ("eight", [8]))
        ],
    )
    file = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), file)
    drop_round_trips(file)

    assert len([node for node in onnx.load(file).graph.node if node.op_type != "Concat"]) == left


def test_what_only_a_branch_reads_stays(tmp_path):
    """An If reads outer names that its inputs do not list."""
    info = helper.make_tensor_value_info
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(operator, ["doubled"], [f"from_{name}"])],
            name,
            [],
            [info(f"from_{name}", TensorProto.FLOAT, [2])],
        )
        for name, operator in (("then", "Neg"), ("else", "Abs"))
    }
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["doubled"]), helper.make_node("If", ["choice"], ["y"], **branches)],
        "branching",
        [info("x", TensorProto.FLOAT, [2]), info("choice", TensorProto.BOOL, [])],
        [info("y", TensorProto.FLOAT, [2])],
    )
    file = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), file)
    use_weights_by_name(file)

    assert [node.op_type for node in onnx.load(file).graph.node] == ["Add", "If"]
