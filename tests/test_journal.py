"""Finished cells survive a kill, and are taken over only where everything they hang on is the same."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bench.timing
from bench.alone import alone
from bench.journal import Journal
from bench.measurement import Workload
from bench.scoring import Scores
from bench.timing import Contender, LatencyRun, Schedule
from suites.studies.kills import kill_and_resume, rows_of_run, start

BATCHES = {
    Workload(batch_size=size, sequence_length=8, padding="full", threads=1): (
        np.ones((size, 8), dtype=np.int64),
        np.ones((size, 8), dtype=np.int64),
    )
    for size in (1, 4)
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal.jsonl"


def test_a_cell_is_found_by_whoever_resumes(file):
    Journal(file, {"model": "a"}).keep((("latency", 1), [1.5, 2.5]), (("size",), 3))
    resumed = Journal(file, {"model": "a"}, resume=True)

    assert resumed.taken == 2
    assert resumed.find("latency", 1) == [1.5, 2.5]
    assert resumed.cell(("size",), lambda: pytest.fail("it is known")) == 3
    assert resumed.find("latency", 2) is None


def test_a_cell_of_another_model_or_machine_is_not_taken(file):
    Journal(file, {"model": "a"}).keep((("latency", 1), [1.5]))
    resumed = Journal(file, {"model": "b"}, resume=True)

    assert (resumed.taken, resumed.others, resumed.find("latency", 1)) == (0, 1, None)


def test_a_torn_last_line_is_cut_off_and_the_next_cell_is_whole(file):
    Journal(file, 1).keep((("a",), 1), (("b",), 2))
    file.write_bytes(file.read_bytes()[:-5])
    resumed = Journal(file, 1, resume=True)
    assert (resumed.find("a"), resumed.find("b")) == (1, None)

    resumed.keep((("b",), 3))
    assert Journal(file, 1, resume=True).find("b") == 3


def test_a_run_that_does_not_resume_sets_the_unfinished_one_aside(file):
    Journal(file, 1).keep((("a",), 1))
    fresh = Journal(file, 1)

    assert fresh.find("a") is None
    assert json.loads(file.with_suffix(".before").read_text())["value"] == 1


def test_a_finished_run_leaves_no_journal(file):
    journal = Journal(file, 1)
    journal.keep((("a",), 1))
    journal.finish()

    assert not file.exists()


def test_without_a_file_nothing_is_kept():
    journal = Journal()
    journal.keep((("a",), 1))

    assert journal.find("a") is None


def test_scores_come_back_to_the_last_bit():
    logits = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    saved = json.loads(json.dumps(Scores(logits=logits, seconds=(0.1, 1 / 3)).as_json()))
    again = Scores.from_json(saved)

    assert again.seconds == (0.1, 1 / 3)
    assert np.array_equal(again.logits, logits)


def timed(journal, advance):
    contenders = [Contender(name=name, artifact=Path()) for name in ("fakes.steady", "fakes.allocating")]
    run = LatencyRun(contenders, Schedule(launches=2, blocks=2, rounds=1), 1, journal=journal)
    return run, run.measure(BATCHES, advance)


def test_timing_goes_on_after_the_last_finished_cell(file, monkeypatch):
    left = [10]  # of 16 blocks: two of the four pairs of launch and workload are finished, the third is half done

    def advance():
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed(Journal(file), advance)
    kept = {(line["key"]): line["value"] for line in map(json.loads, file.read_text().splitlines()) if line["value"]}
    asked = []
    ask = bench.timing.Worker.ask

    def spy(worker, command, *arguments):
        asked.append(command)
        return ask(worker, command, *arguments)

    monkeypatch.setattr(bench.timing.Worker, "ask", spy)
    run, measured = timed(Journal(file, resume=True), lambda: None)

    assert asked.count("time") == 8
    assert {(one.variant, one.workload.batch_size, len(one.values)) for one in measured} == {
        (name, size, 4) for name in ("fakes.steady", "fakes.allocating") for size in (1, 4)
    }
    assert {one.launches for one in measured} == {(0, 0, 1, 1)}
    taken = [cell["blocks"][0][0][0] / 1e9 for cell in kept.values() if isinstance(cell, dict)]
    assert len(taken) == 4
    assert set(taken) <= {value for one in measured for value in one.values}
    assert {len(one.values) for one in run.cold_starts()} == {2}


def test_a_second_run_waits_and_says_so(tmp_path):
    script = "from bench.alone import alone\nwith alone(): print('mine', flush=True)"
    with alone():
        second = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said = second.stderr.readline()
        assert second.poll() is None
    output, _ = second.communicate()

    assert "waiting: process" in said
    assert output == "mine\n"


@pytest.mark.parametrize("share", [0.6, 0.9])
def test_a_killed_run_resumes_with_the_rows_of_one_left_alone(
    tmp_path_factory, checkpoint_folder, labelled_file, share
):
    given = (f"--checkpoint={checkpoint_folder}", f"--external=small={labelled_file}", "--sequence-lengths=16,64")
    whole, folder = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("killed")
    begin = bench.timing.time.monotonic()
    start(whole, *given).communicate()
    lasts = bench.timing.time.monotonic() - begin
    found = kill_and_resume(folder, share * lasts, *given)

    assert found["exit_code"] == 0, found
    assert found["rows"] == rows_of_run(whole)
    assert not (folder / ".deploybench" / "journal.jsonl").exists()
