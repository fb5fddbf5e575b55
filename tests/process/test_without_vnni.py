"""int8 on CPUs without VNNI: the same labels, or a mark that says so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deploybench.bench.analysis.figures import figures
from deploybench.bench.analysis.precision import vnni_problem
from deploybench.bench.machine.cpu import cpu_features
from deploybench.bench.pipeline.execution import LIMITS, without_vnni
from deploybench.bench.report.notes import run_notes
from deploybench.bench.runs.store import read_run
from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.inspection.saturation import cut_share, pair_sums

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"


def batches(texts=4):
    random = np.random.default_rng(0)
    return [(random.integers(5, 100, (texts, length)), np.ones((texts, length), dtype=np.int64)) for length in (8, 64)]


def logits(name, artifact, environment):
    with Worker(name, 1, environment=environment) as worker:
        worker.start(name, artifact, 1)
        return [found for found, _ in worker.predict(batches())]


def test_seven_bits_are_never_cut(artifacts):
    assert call_in_child(cut_share, artifacts("onnx-int8-7bit"), batches(), threads=1) == 0.0


def test_the_largest_numbers_are_cut(tmp_path):
    """A product of 255 with rows of 127 and of 64: of the three sums of two, the first saturates."""
    weight = np.array([[127], [127], [64], [64], [127], [-127]], dtype=np.int8)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.UINT8),
            helper.make_node("MatMulInteger", ["ids", "w"], ["logits"]),
        ],
        "large",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [None, 6])],
        [helper.make_tensor_value_info("logits", TensorProto.INT32, [None, 1])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "model.onnx")
    full = np.full((3, 6), 255)

    assert cut_share(tmp_path, [(full, full)]) == pytest.approx(1 / 3)
    assert cut_share(tmp_path, [(full // 2, full)]) == 0.0


def test_sums_of_pairs_are_those_of_the_whole_product():
    random = np.random.default_rng(0)
    left, right = random.integers(0, 256, (3, 7)).astype(np.uint8), random.integers(-127, 128, (7, 5)).astype(np.int8)

    assert (pair_sums(left, right).sum(axis=1) == left.astype(int) @ right.astype(int)).all()


@pytest.mark.parametrize("library", ["openvino", "fbgemm", "onednn"])
def test_the_limits_hold_libraries_back(library):
    """Sums that VNNI holds and 16 bits do not: without VNNI every library saturates them."""
    true = 128.0

    def largest(environment):
        with Worker(library, 1, environment=environment) as worker:
            return worker.ask("call", f"fakes.largest_sums:by_{library}", (), {})

    if {"avx512_vnni", "avx_vnni"} & set(cpu_features()):
        assert largest({}) == pytest.approx(true)
    assert largest(LIMITS) < 0.6 * true


@pytest.mark.parametrize("name", ["openvino-int8", "torch-int8-dynamic"])
def test_labels_without_vnni_are_looked_at(artifacts, name):
    reference = logits("torch-eager", artifacts("torch-eager"), {})

    found = without_vnni(name, artifacts(name), batches(), reference, 1)

    limited = logits(name, artifacts(name), LIMITS)
    expected = np.mean([a.argmax(1) == b.argmax(1) for a, b in zip(limited, reference, strict=True)])
    assert found == {"agreement": pytest.approx(expected)}


def test_what_is_no_int8_is_not_looked_at(tmp_path):
    assert without_vnni("onnx-fp32", tmp_path, [], [], 1) == {}


def test_not_knowing_is_no_mark(tmp_path):
    assert without_vnni("openvino-int8", tmp_path, batches(), [], 1) == {}
    assert vnni_problem({}, {"agreement": 1.0}) == ""


@pytest.mark.parametrize(
    ("found", "marked"),
    [({"cut": 0.001}, True), ({"cut": 0.0}, False), ({"agreement": 0.9}, True), ({"agreement": 1.0}, False)],
)
def test_a_variant_that_may_differ_is_marked(found, marked):
    run = read_run(SAMPLE)
    info = replace(run.variants["openvino-int8"], without_vnni=found, parity={"agreement": 0.99})
    run = replace(run, variants={**run.variants, "openvino-int8": info})
    cautions = {figure.caution for figure in figures(run) if figure.variant == "openvino-int8"}

    assert any("without VNNI" in caution for caution in cautions) == marked
    assert any(note.startswith("! openvino-int8: without VNNI") for note in run_notes(run)) == marked
