"""The tables of what an artifact stores, and of what its time goes to."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploybench.bench.analysis.figures import figures
from deploybench.bench.report.render import render
from deploybench.bench.runs.decoding import decode
from deploybench.bench.runs.store import Run, read_run, run_block
from deploybench.exporters.inspection.operators import KINDS, Operator, seconds_by_kind
from deploybench.exporters.inspection.stored import Stored

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
SHARED = Stored(size=46_700_000, doubled=0)
LOST = Stored(size=119_000_000, doubled=72_000_000, doubles={"query": 12, "key": 12, "value": 12, "dense": 2, "ffn": 2})
WORK = {
    "MatMulIntegerToFloat": Operator(count=72, seconds=0.040),
    "MultiHeadAttention": Operator(count=12, seconds=0.030),
    "FastGelu": Operator(count=12, seconds=0.010),
    "DynamicQuantizeLinear": Operator(count=48, seconds=0.005),
    "Loop": Operator(count=1, seconds=0.001),
}


@pytest.fixture
def run():
    saved = read_run(SAMPLE)
    names = ("torch-eager", "onnx-fp32", "onnx-int8-dynamic")
    infos = {name: replace(saved.variants[name], stored=SHARED) for name in names}
    infos["onnx-fp32"] = replace(infos["onnx-fp32"], stored=LOST)
    infos["onnx-int8-dynamic"] = replace(infos["onnx-int8-dynamic"], operators=WORK)
    return replace(saved, plan=replace(saved.plan, variants=names), variants=infos)


def value(run, variant, metric, label=None):
    [found] = [one for one in figures(run) if (one.variant, one.metric, one.label) == (variant, metric, label)]
    return found.value


def test_inflation_is_size_over_what_the_parameters_need(run):
    parameters = run.checkpoint.num_parameters
    for variant, width in (("torch-eager", 4), ("onnx-int8-dynamic", 1)):
        assert value(run, variant, "needed_size") == width * parameters
        assert value(run, variant, "inflation") == pytest.approx(
            value(run, variant, "artifact_size") / (width * parameters)
        )


def test_a_shared_weight_is_read_at_each_use(run):
    """Two thirds of the products in int8, a third in fp32: 1 and 4 bytes for each weight and token."""
    tokens = max(run.plan.sequence_lengths)
    info = replace(run.variants["onnx-int8-dynamic"], executed={"int8": 2e6 * tokens, "fp32": 1e6 * tokens})
    known = replace(run, variants={**run.variants, "onnx-int8-dynamic": info})
    unknown = replace(run, variants={**run.variants, "onnx-int8-dynamic": replace(info, executed={"int4": 1.0})})

    assert value(known, "onnx-int8-dynamic", "weights_read") == 6e6
    assert value(unknown, "onnx-int8-dynamic", "weights_read") is None
    assert "read: weights that one pass" in render(known, "md", ["weights"])


def test_what_is_stored_twice_is_named(run):
    text = render(run, "md", ["weights"])

    assert value(run, "onnx-fp32", "doubled_size") == 72_000_000
    assert value(run, "torch-eager", "doubled_size") == 0
    assert "onnx-fp32 stores 72.0 MB again: query 12 times, key 12 times, value 12 times and 2 others" in text
    assert "torch-eager stores" not in text


def test_time_goes_to_a_kind_of_work(run):
    text = render(run, "md", ["operators"])

    assert value(run, "onnx-int8-dynamic", "operators") == 145
    assert value(run, "onnx-int8-dynamic", "operator_time", "attention") == 0.030
    assert value(run, "onnx-int8-dynamic", "operator_time", "other") == 0.001
    assert value(run, "torch-eager", "operators") is None
    assert "onnx-int8-dynamic: MatMulIntegerToFloat 72 × 0.556 ms, MultiHeadAttention 12 × 2.5 ms" in text


def test_no_time_is_lost_or_counted_twice():
    assert sum(seconds_by_kind(WORK).values()) == pytest.approx(sum(one.seconds for one in WORK.values()))
    names = [name for kind in KINDS.values() for name in kind]
    assert len(names) == len(set(names))


def test_neither_table_is_made_of_a_run_from_before(run):
    bare = replace(
        run, variants={name: replace(info, stored=None, operators={}) for name, info in run.variants.items()}
    )

    assert "Weights" not in render(bare, "md", ["weights"])
    assert "kind of operator" not in render(bare, "md", ["operators"])


def test_both_survive_a_saved_file(run):
    assert decode(Run, {**run_block(run), "path": str(run.path)}, "run") == run
