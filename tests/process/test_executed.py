"""Executed precision: every variant computes in the precision of its name, and one that does not is detected."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from fakes import calls
from onnxruntime.quantization import QuantType, quantize_dynamic

from deploybench.bench.analysis.precision import executed_details, main_precision, precision_problem
from deploybench.bench.machine.environment import describe_environment
from deploybench.bench.pipeline.execution import _cores_used
from deploybench.bench.pipeline.execution import executed as executed_by
from deploybench.bench.runs.store import VariantInfo
from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.artifacts.artifact import Artifact
from deploybench.exporters.artifacts.catalogue import find_variant, is_worth_while, variant_names
from deploybench.exporters.artifacts.parity import compare_logits
from deploybench.exporters.inspection.executed import executed_precision
from deploybench.exporters.inspection.operators import profile, seconds_by_kind
from deploybench.exporters.variant import BF16, REFERENCE, VNNI

LENGTH, LAYERS, HIDDEN, INNER, EMBEDDED = 32, 2, 64, 128, 32  # of the tiny checkpoint
LAYER = 4 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER  # query, key, value, output and the two of the feed-forward block
WEIGHTS = LENGTH * (EMBEDDED * HIDDEN + LAYERS * LAYER) + HIDDEN * HIDDEN + 2 * HIDDEN  # and pooler and classifier
ATTENTION = LAYERS * 2 * LENGTH * LENGTH * HIDDEN
SPARED_WEIGHTS = (LENGTH - 1) * (
    2 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER
)  # of the last layer, for tokens that nothing reads
SPARED_ATTENTION = (LENGTH - 1) * 2 * LENGTH * HIDDEN
UNSEEN = {"torch-aot"}  # its library calls PyTorch's kernels without the dispatcher, which hides shapes and types
NO_CHOICE = {"linear-tokens"}  # NumPy multiplies in the format of the arrays
BATCH = (np.full((1, LENGTH), 7, dtype=np.int64), np.ones((1, LENGTH), dtype=np.int64))


def executed(name, folder):
    return call_in_child(executed_precision, name, folder, 1, BATCH, threads=1)


def sparing(name):
    """Whether the last layer computes one token."""
    return name != "onnx-fp32" and find_variant(name).runtime in ("onnxruntime", "openvino")


def problem(name, found):
    return precision_problem(name, found["weights"], found["attention"])


def needs(*features):
    if not {*features} & {*describe_environment()["isa"]}:
        pytest.skip(f"nothing runs so on a CPU without {' or '.join(features)}")


def needs_bf16():
    needs(*BF16)


@pytest.mark.parametrize("name", [name for name in variant_names() if name not in UNSEEN | NO_CHOICE])
def test_a_variant_runs_what_it_is_called(artifacts, name):
    if find_variant(name).needs:
        needs(*find_variant(name).needs)
    found = executed(name, artifacts(name))

    assert found["weights"] == {find_variant(name).precision: WEIGHTS - sparing(name) * SPARED_WEIGHTS}
    assert sum(found["attention"].values()) == ATTENTION - sparing(name) * SPARED_ATTENTION
    assert problem(find_variant(name).precision, found) == ""


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime", "openvino"])
def test_every_variant_is_the_same_model(artifacts, runtime):
    """Of a runtime in one process; ``prepare`` compares each variant in its own."""
    features = {*describe_environment()["isa"]}
    names = [name for name in variant_names() if is_worth_while(find_variant(name), features)]
    names = [name for name in names if find_variant(name).runtime == runtime or name == REFERENCE]
    ids = np.random.default_rng(0).integers(5, 200, (64, 24))
    mask = np.ones_like(ids)
    mask[1::2, 12:] = 0
    folders = {name: artifacts(name) for name in names}
    found = call_in_child(calls.logits_of, folders, [(ids, mask), (ids[:1, :9], mask[:1, :9])], threads=1)

    assert len(found) >= 3  # of OpenVINO on a CPU without VNNI and bf16
    for name in names:
        assert compare_logits(find_variant(name), found[REFERENCE], found[name]).examples == 65, name


def test_where_there_is_no_choice_nothing_is_said(artifacts):
    with Worker("watching", 1) as worker:
        assert (
            executed_by(
                worker,
                Artifact(path=artifacts("linear-tokens"), variant="linear-tokens", fingerprint="", size=0),
                BATCH,
                1,
            )
            == {}
        )


@pytest.mark.parametrize("name", sorted(UNSEEN))
def test_what_cannot_be_seen_is_said_not_to_be_known(artifacts, name):
    artifact = Artifact(path=artifacts(name), variant=name, fingerprint="", size=0)
    with Worker("watching", 1) as worker:
        found = executed_by(worker, artifact, BATCH, 1)

    assert found == {"executed_unknown": "no matrix product was seen in torch"}


def test_what_is_seen_is_what_was_compiled(artifacts):
    """Under another mode, torch.compile silently falls back to the eager module."""
    found = executed("fakes.compiled_to_bf16", artifacts("torch-eager"))

    assert found["weights"] == {"bf16": WEIGHTS}


def test_openvinos_default_precision_is_not_fp32(artifacts):
    needs_bf16()
    found = executed("fakes.default_precision", artifacts("openvino-fp32"))

    sparing = {"weights": {"bf16": WEIGHTS - SPARED_WEIGHTS}, "attention": {"bf16": ATTENTION - SPARED_ATTENTION}}
    assert found == sparing
    assert problem("fp32", found) == "runs bf16 in 100 % of its multiply-adds, called fp32"


@pytest.mark.parametrize(
    ("name", "other"),
    [("openvino-int8-dynamic", "openvino-fp32-int8-weights"), ("openvino-fp32-int8-weights", "openvino-int8-dynamic")],
)
def test_what_weights_are_stored_as_is_not_what_is_computed(artifacts, name, other):
    """The same file and runtime model: only the settings decide whether activations are quantised."""
    needs(*VNNI)
    found = executed(name, artifacts(other))

    assert found["weights"] == {find_variant(name).precision: WEIGHTS - SPARED_WEIGHTS}
    assert found["attention"] == {"fp32": ATTENTION - SPARED_ATTENTION}


def test_pytorch_that_rounds_inside_its_products_is_not_fp32(artifacts):
    needs_bf16()
    found = executed("fakes.rounded_products", artifacts("torch-eager"))

    assert problem("fp32", found) == "runs bf16 in 100 % of its multiply-adds, called fp32"


def test_a_quantiser_that_left_most_products_in_fp32_is_found_out(artifacts, tmp_path):
    base = artifacts("onnx-fp32") / "model.onnx"
    nodes = [node.name for node in onnx.load(base).graph.node if "albert_layers" in node.name]
    quantize_dynamic(base, tmp_path / "model.onnx", weight_type=QuantType.QInt8, nodes_to_exclude=nodes)
    found = executed("onnx-int8-dynamic", tmp_path)

    assert found["weights"]["fp32"] == LENGTH * LAYERS * LAYER
    assert sum(found["weights"].values()) == WEIGHTS
    assert "only 3.22 % of its multiply-adds with weights run in int8" in problem("int8", found)


@pytest.mark.parametrize("name", ["torch-eager", "torch-aot", "onnx-int8-dynamic", "openvino-fp32"])
def test_where_the_time_goes(artifacts, name):
    found = call_in_child(profile, name, artifacts(name), 1, BATCH, threads=1)
    kinds = seconds_by_kind(found)

    assert kinds["products"] > 0
    assert kinds["other"] < 0.5 * sum(kinds.values()), found
    assert 10 < sum(one.count for one in found.values()) < 500


@pytest.mark.parametrize(
    ("precision", "weights", "attention", "expected"),
    [
        ("fp32", {"fp32": 10}, {"fp32": 1}, ""),
        ("fp32", {"fp32": 10}, {"bf16": 10}, "runs bf16 in 50 % of its multiply-adds, called fp32"),
        ("fp32", {"fp32": 8, "int8": 1}, {"bf16": 1}, "runs int8 and bf16 in 20 % of its multiply-adds, called fp32"),
        ("int8", {"int8": 9, "fp32": 1}, {"fp32": 100}, ""),
        ("int8", {"int8": 89.9, "fp32": 10.1}, {}, "only 89.9 % of its multiply-adds with weights run in int8"),
        ("int8", {"bf16": 1}, {}, "only 0 % of its multiply-adds with weights run in int8, at least 90 % expected"),
        ("bf16", {"bf16": 1}, {"fp32": 1}, ""),
        ("fp32", {}, {}, ""),  # not known
    ],
)
def test_the_rule(precision, weights, attention, expected):
    found = precision_problem(precision, weights, attention)

    assert found.startswith(expected)
    assert bool(found) == bool(expected)


def test_what_ran_is_said_shortly():
    mixed = {"executed": {"fp32": 1.0, "int8": 24.0}, "executed_attention": {"fp32": 3.0}}
    info = VariantInfo(runtime="torch", precision="int8", **mixed)

    assert (main_precision(info), executed_details(info)) == ("int8", "4 % fp32, attention fp32")
    assert main_precision(VariantInfo(runtime="torch", precision="fp32")) == "fp32"


@pytest.mark.parametrize(
    ("variant", "reason"),
    [("fakes.steady", "there is no trace of the runtime 'fake'"), ("fakes.refusing", "there is no trace")],
)
def test_not_knowing_is_no_failure(variant, reason):
    artifact = Artifact(path=Path("/nowhere"), variant=variant, fingerprint="", size=0)
    with Worker("watching", 1) as worker:
        found = executed_by(worker, artifact, BATCH, 1)

    assert list(found) == ["executed_unknown"]
    assert reason in found["executed_unknown"]


def test_a_load_that_fails_under_watch_is_no_failure(tmp_path):
    artifact = Artifact(path=tmp_path, variant="onnx-fp32", fingerprint="", size=0)

    with Worker("watching", 1) as worker:
        assert "model.onnx" in executed_by(worker, artifact, BATCH, 1)["executed_unknown"]


def test_the_cores_that_a_runtime_uses_are_those_of_its_busiest_batch():
    """One text may be too little for all cores; the worker here uses as many cores as there are texts."""

    class Spreading:
        def ask(self, command, *arguments):
            if command == "warm_up":
                self.texts = len(arguments[0][0][0])
                return 100
            return [(100, 100 * self.texts)] * 5

    one, wide = BATCH, tuple(np.repeat(array, 8, axis=0) for array in BATCH)

    assert _cores_used(Spreading(), [one]) == 1.0
    assert _cores_used(Spreading(), [one, wide]) == _cores_used(Spreading(), [wide, one]) == 8.0
