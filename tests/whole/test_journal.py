"""Finished cells survive a kill, and are taken over only where everything they hang on is the same."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import deploybench.suites
from deploybench.bench import cli
from deploybench.bench.machine.alone import HELD, alone
from deploybench.bench.measure.latency import LatencyRun
from deploybench.bench.measure.schedule import Schedule, TimedArtifact
from deploybench.bench.runs.journal import Journal
from deploybench.bench.runs.measurement import Workload
from deploybench.bench.runs.predictions import Scores
from deploybench.exporters.errors import OutputError, UserError
from deploybench.suites.studies.harness.kills import kill_and_resume

SUITES = str(Path(deploybench.suites.__file__).parent)
BATCHES = {
    Workload(batch_size=size, sequence_length=8, padding="full", threads=1): [
        (np.ones((size, 8), dtype=np.int64), np.ones((size, 8), dtype=np.int64))
    ]
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


def test_a_run_that_does_not_resume_sets_the_unfinished_one_aside_and_says_so(file, capsys):
    Journal(file, 1).keep((("a",), 1))
    fresh = Journal(file, 1)
    assert f"now in {file.with_suffix('.before')}; --resume would" in capsys.readouterr().err

    assert fresh.find("a") is None
    assert json.loads(file.with_suffix(".before").read_text())["value"] == 1


def test_a_finished_run_leaves_no_journal(file):
    journal = Journal(file, 1)
    journal.keep((("a",), 1))
    journal.finish()

    assert not file.exists()


@pytest.mark.parametrize("used", [True, False])
def test_a_finished_run_keeps_the_cells_that_were_not_its_own(file, used):
    """Of another checkpoint, or of tests that this part of a run had not chosen."""
    Journal(file, 1).keep((("a",), 1))
    journal = Journal(file, 1 if not used else 2, resume=True)
    journal.keep((("b",), 1))
    journal.finish()

    assert not file.exists()
    kept = file.with_suffix(".before")
    assert json.loads(kept.read_text().splitlines()[0])["value"] == 1
    kept.replace(file)
    again = Journal(file, 1, resume=True)
    assert again.find("a") == 1


def test_what_was_timed_beside_others_is_timed_anew(file):
    """A row that was not there when its neighbours were timed would be held against times of another hour."""
    timed(Journal(file), lambda: None)
    journal = Journal(file, resume=True)
    find, found = journal.find, []
    journal.find = lambda *key: found.append(find(*key))
    alone = [TimedArtifact(name="fakes.steady", artifact=Path())]
    LatencyRun(alone, Schedule(launches=2, blocks=2, rounds=1), 1, journal=journal).measure(BATCHES, lambda: None)

    assert journal.taken == 14  # of each launch two starts, four series and how long it took
    assert found == [None] * len(found)
    assert found


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
    contenders = [TimedArtifact(name=name, artifact=Path()) for name in ("fakes.steady", "fakes.allocating")]
    run = LatencyRun(contenders, Schedule(launches=2, blocks=2, rounds=1), 1, journal=journal)
    return run, run.measure(BATCHES, advance)


def test_timing_goes_on_after_the_last_finished_cell(file, asked):
    left = [5]  # of 8 blocks: two of the four pairs of launch and workload are finished, the third is half done

    def advance():
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed(Journal(file), advance)
    kept = {(line["key"]): line["value"] for line in map(json.loads, file.read_text().splitlines()) if line["value"]}
    asked.clear()  # of the run that was stopped
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


def test_a_second_run_waits_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("DEPLOYBENCH_LOCK_DIR", str(tmp_path))  # no run on this machine is waited for
    monkeypatch.setenv("TMPDIR", str(tmp_path / "of a job"))
    script = "from deploybench.bench.machine.alone import alone\nwith alone(): print('mine', flush=True)"
    with alone():
        second = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said = second.stderr.readline()
        assert second.poll() is None
    output, _ = second.communicate()

    assert "waiting: process" in said
    assert output == "mine\n"


def test_a_killed_run_resumes_with_every_row(tmp_path, checkpoint_folder):
    measuring = ("pytest", SUITES, "-q", "-p", "no:cacheprovider", "--benchmark-autosave", "-k", "latency or control")
    given = ("--variants=onnx-fp32", "--batch-sizes=1,2", "--sequence-lengths=16", "--target-width=9", "--threads=1")
    journal = tmp_path / ".deploybench" / "journal.jsonl"
    found = kill_and_resume(
        tmp_path,
        lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 16,  # in the second launch
        (*measuring, f"--checkpoint={checkpoint_folder}", *given),
    )

    assert found["exit_code"] == 0, found
    assert 16 <= found["cells"] <= 22  # two further launches were still to come
    assert found["taken"] == found["cells"]
    timed = [row for row in found["rows"] if " latency " in row]
    assert len(timed) == 2 * len(("torch-eager", "onnx-fp32", "torch-eager-again", "null", "kernel"))
    assert all(row.endswith(" ok") for row in timed)
    assert not journal.exists()


def test_a_run_that_is_interrupted_saves_nothing_and_keeps_its_cells(tmp_path, checkpoint_folder):
    """Half a run under results/ would be compared like a whole one."""
    journal = tmp_path / ".deploybench" / "journal.jsonl"
    command = [
        sys.executable,
        "-m",
        "deploybench.bench.cli",
        "run",
        f"--checkpoint={checkpoint_folder}",
        "--variants=onnx-fp32",
    ]
    run = subprocess.Popen(
        [*command, "--batch-sizes=1", "--sequence-lengths=16", "--target-width=9", "--threads=1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell's "&" ignores it, for all
    )
    while run.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 8):
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate()

    assert run.returncode == 130
    assert "stopped: nothing was saved: the same command with --resume saves what was measured" in said
    assert "Traceback" not in said
    assert not [one for one in (tmp_path / "results").rglob("*") if one.is_file()]
    assert journal.stat().st_size


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b'{"facts": 1}', b"\xff\xfe", b"", b'{"value": "\x85"}'])
def test_a_line_that_is_no_cell_is_passed_over_and_counted(file, line):
    journal = Journal(file, 1)
    journal.keep((("a",), 1))
    with file.open("ab") as stream:
        stream.write(line + b"\n")
    journal.keep((("b",), 2))
    resumed = Journal(file, 1, resume=True)

    assert (resumed.find("a"), resumed.find("b"), resumed.spoilt) == (1, 2, 1)


@pytest.mark.parametrize("resume", [False, True])
def test_a_journal_that_cannot_be_written_is_one_line(tmp_path, resume):
    """By a folder or a file in its place, and not by permissions: whoever is root has all."""
    (tmp_path / "file").touch()
    (tmp_path / "journal.jsonl" / "a folder").mkdir(parents=True)
    (tmp_path / "journal.before").touch()
    for path in (tmp_path / "file" / "journal.jsonl", tmp_path / "journal.jsonl"):
        with pytest.raises(OutputError, match="the journal cannot be opened") as error:
            Journal(path, 1, resume=resume)
        assert "\n" not in str(error.value)


def test_resuming_without_a_journal_finds_nothing(file):
    resumed = Journal(file, 1, resume=True)
    resumed.keep((("a",), 1))

    assert (resumed.taken, resumed.others, resumed.spoilt) == (0, 0, 0)
    assert Journal(file, 1, resume=True).find("a") == 1


def test_an_empty_journal_does_not_replace_one_that_was_set_aside(file):
    Journal(file, 1).keep((("a",), 1))
    Journal(file, 1)
    Journal(file, 1)

    assert json.loads(file.with_suffix(".before").read_text())["value"] == 1


def test_a_disk_that_fills_up_ends_the_journal_and_not_the_run(file, capsys):
    journal = Journal(file, 1)
    file.unlink()
    file.mkdir()  # nothing can be appended to it
    journal.keep((("a",), 1))
    journal.keep((("b",), 1))

    assert journal.cell(("c",), lambda: 3) == 3
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_a_work_folder_that_is_a_file_ends_a_run_with_one_line(tmp_path):
    (tmp_path / "work").touch()
    done = subprocess.run(
        [sys.executable, "-m", "deploybench.bench.cli", "run", "--work-dir=work", "--variants=onnx-fp32"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert os.listdir(tmp_path) == ["work"]


@pytest.fixture
def lock(monkeypatch, tmp_path):
    monkeypatch.setenv("DEPLOYBENCH_LOCK_DIR", str(tmp_path))
    return tmp_path / "deploybench.lock"


def test_the_lock_says_who_holds_it(lock):
    with alone():
        assert int(lock.read_text()) == os.getpid()


def test_a_block_within_a_block_is_a_part_of_it(lock, monkeypatch):
    def free():
        with opened_file(lock) as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    with alone():
        with alone():
            assert not free()
        assert not free()
    assert free()
    with opened_file(lock) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setenv(HELD, "yes")
        with alone():  # of who started this command
            pass


@pytest.mark.parametrize("name", ["run", "export", "duel"])
def test_whatever_uses_the_cores_is_alone(lock, monkeypatch, name):
    held = []

    def fail(*_):
        held.append(int(lock.read_text()))
        raise UserError("seen")

    monkeypatch.setattr("deploybench.bench.pipeline.measuring.prepare_models", fail)
    monkeypatch.setattr("deploybench.bench.pipeline.prepare.prepare_models", fail)
    monkeypatch.setattr("deploybench.bench.compare.duel.paired.two_sides", fail)
    assert cli.main([name, *(["a", "b"] if name == "duel" else [])]) == 2
    assert held == [os.getpid()]


@pytest.mark.parametrize("place", ["folder", "link", "gone"])
def test_a_place_without_a_lock_is_one_line(lock, monkeypatch, place):
    if place == "folder":
        lock.mkdir()
    elif place == "link":
        lock.symlink_to(lock.with_name("mine"))
    else:
        monkeypatch.setenv("DEPLOYBENCH_LOCK_DIR", str(lock / "nowhere"))
    with pytest.raises(OutputError, match="deploybench.lock: cannot be opened") as error, alone():
        pytest.fail("it is not held")
    assert "\n" not in str(error.value)
    assert not lock.with_name("mine").exists()


def test_no_temporary_folder_at_all_is_one_line(lock, monkeypatch):
    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.delenv("DEPLOYBENCH_LOCK_DIR")
    monkeypatch.setattr("deploybench.bench.machine.alone._SHARED", str(lock.parent / "no such folder"))
    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    with pytest.raises(OutputError, match="temporary folder: cannot be opened"), alone():
        pass


def test_another_users_lock_is_held_without_being_written(lock, monkeypatch):
    lock.write_text("another\n")
    opened = os.open

    def of_another(path, flags, *mode):
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *mode)

    monkeypatch.setattr("os.open", of_another)
    with alone():
        with opened_file(lock) as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert lock.read_text() == "another\n"


def opened_file(path):
    return path.open("rb")


def test_the_lock_of_a_run_with_nonsense_in_it_is_waited_for(lock):
    lock.write_bytes(b"\xff\xfe")
    script = "import tempfile, sys\ntempfile.tempdir = sys.argv[1]\n"
    script += "from deploybench.bench.machine.alone import alone\nwith alone(): pass"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = subprocess.Popen([sys.executable, "-c", script, lock.parent], stderr=subprocess.PIPE, text=True)
        said = waiting.stderr.readline()
    waiting.communicate()

    assert said.startswith("waiting: process ")
    assert waiting.returncode == 0
