"""The table of memory, and what is said of ledgers that do not close and of leaks."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from deploybench.bench.analysis.figures import figures, memory_workload
from deploybench.bench.measure.memory.mappings import KINDS
from deploybench.bench.report.render import render
from deploybench.bench.runs.ledger import PHASES, CellLedger, Phase, Tracked, draw_up
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.store import read_run, run_block
from deploybench.exporters.errors import RunFileError

SAMPLE = Path(__file__).parents[1] / "data" / "run-schema-1.json"
MB = 1_000_000


def ledger(hidden=0):
    """A process that grows by 100 MB of heap, 20 MB of model file, 8 MB of kept blocks, and by what nothing explains."""
    phases = {}
    for number, name in enumerate(PHASES):
        grown = number >= PHASES.index("load")
        kinds = dict.fromkeys(KINDS, 0) | {"files": (10 + 20 * number) * MB, "heap": 10 * MB}
        kinds |= {"anonymous": (100 + hidden) * MB * grown, "artifact": 20 * MB * grown}
        kinds["heap"] += 8 * MB * grown
        phases[name] = Phase(
            kinds=kinds,
            proportional=sum(kinds.values()) // 2,
            peak=2 * sum(kinds.values()),
            allocator={"in_use": 10 * MB, "free": 8 * MB * grown, "untouched": 0},
        )
    tracked = dict.fromkeys(Tracked.__slots__, 0) | {"steady_heap": 130 * MB, "untouched": 30 * MB}
    return draw_up(phases, Tracked(**tracked), garbage=0)


@pytest.fixture
def run():
    """The sample with a ledger in every cell; that of onnx-fp32 at the longest length does not close."""
    sample = read_run(SAMPLE)
    cells = []
    for variant in sample.plan.variants:
        for length in sample.plan.sequence_lengths:
            hidden = 64 if (variant, length) == ("onnx-fp32", max(sample.plan.sequence_lengths)) else 1
            cells.append(CellLedger(variant=variant, workload=memory_workload(sample, length), ledger=ledger(hidden)))
    return replace(sample, ledgers=tuple(cells))


def with_readings(run, variant, held, resident):
    workload = Workload(batch_size=1, sequence_length=16, padding="full", threads=2)
    readings = {"steady_held": held, "steady_resident": resident}
    return replace(
        run,
        measurements=run.measurements
        + tuple(
            Measurement(variant=variant, metric=metric, workload=workload, values=tuple(MB * value for value in values))
            for metric, values in readings.items()
        ),
    )


def test_memory_looks_like_this(run):
    text = render(run, "text", ["memory"])

    assert text.startswith("""\
Memory by phase, batch of 8 × 128 tokens

                     inter-
                     preter  imports  load  first  steady  peak  PSS
variant                  MB       MB    MB     MB      MB    MB   MB
-------------------  ------  -------  ----  -----  ------  ----  ---
torch-eager            20.0     40.0   189    209     229   458  114
torchscript          failed
onnx-fp32!             20.0     40.0   252    272     292   584  146
""")
    assert (
        """
                                           model                     unex-
                     growth  heap  mapped  files  libraries  kept  plained
variant                  MB    MB      MB     MB         MB    MB       MB
-------------------  ------  ----  ------  -----  ---------  ----  -------
torch-eager             189   100    0.00   20.0       60.0  8.00     1.00
torchscript          failed
onnx-fp32!              252   100    0.00   20.0       60.0  8.00    64.00
"""
        in text
    )
    assert "! onnx-fp32: the ledger does not close within 5 %: 64.0 MB of a growth of" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_columns_add_up_to_the_growth(run):
    frame = pd.read_csv(io.StringIO(render(run, "csv", ["memory"]))).set_index("variant").drop("torchscript")
    assert frame.pop("caution").to_dict()["onnx-fp32"] == "memory that no ledger explains"
    numbers = frame.astype(float)
    parts = numbers.loc[:, "heap_B":"unexplained_B"]

    assert parts.sum(axis=1).tolist() == numbers["growth_B"].tolist()
    assert numbers.loc["torch-eager", ["heap_B", "model_files_B", "kept_B", "unexplained_B"]].tolist() == [
        100 * MB,
        20 * MB,
        8 * MB,
        1 * MB,
    ]


def test_a_ledger_closes_within_five_percent_of_the_growth():
    found = ledger()
    share = found.growth // 20

    assert found.gap == 0
    assert share > 4 * 1024 * 1024
    assert replace(found, terms={**found.terms, "unexplained": share}).closes
    assert not replace(found, terms={**found.terms, "unexplained": share + 1}).closes
    assert not replace(found, terms={**found.terms, "unexplained": -share - 1}).closes


def test_a_ledger_that_explains_too_much_says_so(run):
    cells = tuple(replace(one, ledger=ledger(-50)) for one in run.ledgers if one.variant == "openvino-fp32")
    text = render(replace(run, ledgers=cells), "md", ["memory"])

    assert (
        "openvino-fp32: the ledger does not close within 5 %: 50.0 MB of a growth of 138.0 MB are explained twice"
        in text
    )


def test_the_table_by_length_says_where_no_ledger_explains(run):
    text = render(run, "md", ["sequence"])

    assert "- ! onnx-fp32, 128 tokens: unexplained memory, see --table memory\n" in text


def test_what_reads_figures_is_told_of_open_ledgers_and_of_leaks(run):
    def cautions(run):
        return {(one.variant, one.caution) for one in figures(run) if one.metric == "peak_memory" and one.caution}

    row = "onnx-fp32", "memory that no ledger explains"
    growing = Measurement(variant="torch-eager", metric="steady_held", values=(100 * MB, 110 * MB, 120 * MB))
    leaky = replace(run, measurements=(*run.measurements, growing))

    assert cautions(run) == {row}
    assert cautions(leaky) == {row, ("torch-eager", "leaks")}
    assert "memory that no ledger explains" in render(run, "csv", ["sequence"])
    assert "- ! torch-eager leaks memory, see --table memory" in render(leaky, "md", ["summary"])


def test_a_run_from_before_there_were_ledgers_is_not_measured():
    text = render(read_run(SAMPLE), "md", ["memory"])

    assert "- – not measured: saved before there were memory ledgers\n" in text
    assert "| torch-eager         |               – |\n" in text
    assert "leak" not in text


def test_a_cell_without_a_ledger_has_a_reason(run):
    run = replace(run, ledgers=tuple(one for one in run.ledgers if one.variant != "openvino-int8"))
    row = next(line for line in render(run, "md", ["memory"]).splitlines() if line.startswith("| openvino-int8"))

    assert row.count("not run") == 14


def test_a_cell_whose_worker_died_says_so(run):
    died = tuple(
        replace(one, values=(), status="failed", reason="the worker was killed by signal 9")
        if (one.variant, one.metric) == ("openvino-int8", "peak_memory")
        else one
        for one in run.measurements
    )
    run = replace(run, measurements=died, ledgers=tuple(one for one in run.ledgers if one.variant != "openvino-int8"))

    assert "- failed: openvino-int8: the worker was killed by signal 9\n" in render(run, "md", ["memory"])


def test_every_number_of_a_ledger_is_in_the_json(run):
    tidy = json.loads(render(run, "json"))
    found = {
        (one["metric"], one["label"]): one["value"]
        for one in tidy
        if (one["variant"], one["sequence_length"] if "sequence_length" in one else one["workload"]["sequence_length"])
        == ("onnx-fp32", 128)
        and one["metric"] in ("phase_resident", "phase_peak", "phase_proportional", "growth")
    }

    assert len(found) == 3 * len(PHASES) + 1 + 9
    assert found["growth", "unexplained"] == 64 * MB
    assert found["phase_resident", "steady"] == 292 * MB


def test_every_cell_has_a_value_or_a_reason(run):
    for figure in figures(replace(run, ledgers=run.ledgers[::2])):
        assert (figure.value is None) == bool(figure.reason) == (figure.status != "ok")


@pytest.mark.parametrize(
    ("held", "resident", "note"),
    [
        (
            (100, 105, 110),
            (100, 105, 110),
            "! onnx-fp32 leaks: its allocated memory is 10.0 MB larger after 50 further batches",
        ),
        (
            (100, 100, 100),
            (100, 105, 110),
            "onnx-fp32: freed blocks that the allocator keeps are 10.0 MB larger after 50",
        ),
        (
            (100, 105, 105),
            (100, 105, 105),
            "no leak found in onnx-fp32: 50 further batches of one text add at most 1 % or 1 MB of allocated memory",
        ),
    ],
)
def test_leaks_are_told(run, held, resident, note):
    text = render(with_readings(run, "onnx-fp32", held, resident), "md", ["memory"])

    assert f"- {note}" in text
    assert ("no leak" in text) == (held[-1] <= held[1])


def test_what_is_written_is_read_again(run, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"deploybench": run_block(run)}))

    assert replace(run, path=path) == read_run(path)


def test_a_ledger_without_a_phase_is_refused(run, tmp_path):
    block = run_block(run)
    del block["ledgers"][3]["ledger"]["phases"]["steady"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"deploybench": block}))

    with pytest.raises(RunFileError, match=r"ledgers\[3\] \('torchscript'\): phases or terms are missing or unknown"):
        read_run(path)
