"""The table of one process of all threads against several of one."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from deploybench.bench.analysis.figures import figures
from deploybench.bench.report.render import render
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.store import read_run, run_block

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
ALONE = Workload(batch_size=8, sequence_length=128, padding="full", threads=2)
TOGETHER = replace(ALONE, threads=1, instances=2)
RATES = {
    "torch-eager": ((50, 60, 55), (40, 45, 44)),
    "onnx-fp32": ((50, 51, 52), (60, 66, 62)),
    "onnx-int8-dynamic": ((100, 120, 110), (119, 130, 125)),  # one block of the one is faster than one of the other
    "openvino-fp32": ((90, 91, 92), (93, 94, 95)),
}


@pytest.fixture
def sample():
    return read_run(SAMPLE)


@pytest.fixture
def run(sample):
    """The sample, in which torchscript failed, with both ways; in openvino-int8 a process died."""
    found = [
        Measurement(variant=variant, metric="served_throughput", workload=workload, values=values, blocks=(0, 1, 2))
        for variant, rates in RATES.items()
        for workload, values in zip((ALONE, TOGETHER), rates, strict=True)
    ]
    found += [
        Measurement(
            variant="openvino-int8",
            metric="served_throughput",
            workload=workload,
            status="failed",
            reason="process 2 of 2: the worker was killed by signal 9",
        )
        for workload in (ALONE, TOGETHER)
    ]
    return replace(sample, measurements=(*sample.measurements, *found))


def test_instances_look_like_this(run):
    text = render(run, "text", ["instances"])

    assert text.startswith("""\
One process against several, batches of 8 × 128 tokens

                     1 process  2 processes
                     2 threads     1 thread
variant                    1/s          1/s    ratio
-------------------  ---------  -----------  -------
torch-eager               55.0         44.0    0.80×
torchscript             failed
onnx-fp32                 51.0         62.0    1.22×
onnx-int8-dynamic        110.0        125.0    1.14×
torch-int8-dynamic†    not run      not run  not run
openvino-fp32             91.0         94.0    1.03×
openvino-int8           failed

texts per second, median of 3 blocks; batches of 8 texts of 128 tokens
several processes compute at the same time, each with a model of its own in
  memory
faster: its slowest block is faster than the fastest block of the other
faster with 1 process of 2 threads: torch-eager
faster with 2 processes of 1 thread: onnx-fp32, openvino-fp32
neither is faster: onnx-int8-dynamic
failed: openvino-int8: process 2 of 2: the worker was killed by signal 9
""")


def test_the_ratio_is_that_of_the_two_columns(run):
    frame = pd.read_csv(io.StringIO(render(run, "csv", ["instances"]))).set_index("variant").loc[list(RATES)]

    assert list(frame) == ["1_process_of_2_threads_per_s", "2_processes_of_1_thread_per_s", "ratio"]
    numbers = frame.astype(float)
    assert numbers["ratio"].tolist() == (numbers.iloc[:, 1] / numbers.iloc[:, 0]).tolist()
    assert numbers.loc["onnx-fp32"].tolist() == [51, 62, 62 / 51]


def test_nothing_wins_where_blocks_overlap(run):
    text = render(run, "md", ["instances"])

    assert "- faster with 1 process of 2 threads: torch-eager\n" in text
    assert "- faster with 2 processes of 1 thread: onnx-fp32, openvino-fp32\n" in text
    assert "- neither is faster: onnx-int8-dynamic\n" in text


def test_both_ways_are_in_the_json_of_every_variant(run):
    tidy = [one for one in json.loads(render(run, "json")) if one["metric"] == "served_throughput"]

    assert {one["variant"] for one in tidy} == set(run.plan.variants)
    assert {(one["workload"]["instances"], one["workload"]["threads"]) for one in tidy} == {(1, 2), (2, 1)}
    assert len(tidy) == 2 * len(run.plan.variants)
    assert all((one["value"] is None) == bool(one["reason"]) for one in tidy)


def test_a_variant_that_was_not_run_says_so(run):
    left = tuple(one for one in run.measurements if (one.variant, one.workload) != ("onnx-fp32", TOGETHER))
    row = next(
        line
        for line in render(replace(run, measurements=left), "md", ["instances"]).splitlines()
        if line.startswith("| onnx-fp32")
    )

    assert row.count("not run") == 2


def test_a_run_that_did_not_measure_it_has_no_table(sample):
    assert "process" not in render(sample, "md", ["instances"])
    assert "served_throughput" not in {figure.metric for figure in figures(sample)}


def test_instances_are_kept_and_were_one_before_they_were_counted(run, sample, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"deploybench": run_block(run)}))

    assert replace(run, path=path) == read_run(path)
    assert {one.workload.instances for one in sample.measurements if one.workload} == {1}
