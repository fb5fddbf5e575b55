"""The child process and the client: answers, mistakes, deaths and silences."""

import gc
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fakes import calls

from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.errors import CheckpointError, WorkerError

BATCH = (np.ones((2, 8), dtype=np.int64), np.ones((2, 8), dtype=np.int64))


def test_a_call_runs_in_another_process():
    assert call_in_child(calls.double, 4, threads=1, keywords={"add": 1}) == 9
    assert call_in_child(os.getpid, threads=1) != os.getpid()


def test_the_thread_budget_is_in_the_childs_environment():
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        assert call_in_child(calls.environment, name, threads=3) == "3"


def test_nothing_lets_fp32_be_computed_in_bf16(monkeypatch):
    for name in ("DNNL_DEFAULT_FPMATH_MODE", "ONEDNN_DEFAULT_FPMATH_MODE"):
        monkeypatch.setenv(name, "BF16")
        assert call_in_child(calls.environment, name, threads=1) is None


def test_a_users_mistake_comes_through_as_it_is():
    with pytest.raises(CheckpointError, match="^model: is no checkpoint$"):
        call_in_child(calls.mistake, threads=1)


def test_any_other_error_is_one_line_with_its_type():
    with Worker("fake", 1) as worker, pytest.raises(WorkerError) as error:
        worker.start("fakes.refusing", None, 1)

    assert str(error.value) == "fake: RuntimeError: this file is from another version"


def test_a_worker_answers_on_after_an_error():
    with Worker("fake", 1) as worker:
        with pytest.raises(WorkerError):
            worker.call(calls.double, "a", "b")

        assert worker.call(calls.double, 1) == 2


@pytest.mark.parametrize("forked", [False, True])
def test_a_paused_worker_stops_until_it_is_resumed(forked):
    with Worker("fake", 1, forked=forked) as worker:
        worker.pause()
        worker.send("call", f"{calls.__name__}:double", (1,), {})
        worker.resume()
        assert worker.receive() == 2
        worker.pause()  # and can be closed


def test_a_dead_worker_can_be_paused_and_resumed():
    with Worker("fake", 1) as worker:
        os.kill(worker.pid, signal.SIGKILL)
        worker._process.wait()
        worker.pause()
        worker.resume()


def test_a_death_carries_exit_code_and_last_words():
    with pytest.raises(WorkerError, match="^leaving: the worker ended with exit code 7; last output: last line$"):
        call_in_child(calls.leave, 7, threads=1, label="leaving")


def test_a_killed_worker_is_an_error_and_no_wait():
    with Worker("fake", 1) as worker:
        worker.start("fakes.crashing", None, 1)
        with pytest.raises(WorkerError, match="was killed by signal 9; last output: about to go"):
            worker.predict([BATCH] * 3)


def test_a_worker_that_died_between_two_questions_is_an_error():
    with Worker("fake", 1) as worker:
        pid = worker.call(os.getpid)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="was killed by signal 9"):
            worker.ask("memory_status")


def test_two_workers_are_asked_before_either_has_answered():
    with Worker("one", 1) as one, Worker("other", 1) as other:
        for number, worker in enumerate((one, other)):
            worker.send("call", "fakes.calls:double", (number,), {})

        assert (other.receive(), one.receive()) == (2, 0)


def test_a_worker_that_dies_before_its_answer_is_fetched_is_an_error():
    with Worker("fake", 1) as worker:
        worker.send("call", "fakes.calls:leave", (7,), {})
        with pytest.raises(WorkerError, match="^fake: the worker ended with exit code 7; last output: last line$"):
            worker.receive()


def test_silence_ends_the_worker():
    with Worker("fake", 1, timeout_s=0.5) as worker:
        with pytest.raises(WorkerError, match="no answer to 'call' within 0 s; the worker was ended"):
            worker.call(calls.sleep, 60)
        with pytest.raises(WorkerError, match="was killed by signal 9"):
            worker.ask("memory_status")


def test_no_child_outlives_its_context():
    with Worker("fake", 1) as worker:
        pid = worker.call(os.getpid)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("forked", [False, True])
def test_a_child_ends_with_its_killed_parent(forked):
    """What computes notices no closed pipe."""
    with Worker("parent", 1) as parent:
        child = os.pidfd_open(parent.call(calls.start_a_long_call, forked=forked))
        os.kill(parent.pid, signal.SIGKILL)
        ended, _, _ = select.select([child], [], [], 30)  # the call takes ten minutes
        os.close(child)

    assert ended


def test_what_was_imported_is_no_part_of_a_later_collection(tmp_path):
    """Looking through all of transformers takes longer than most rounds."""
    with Worker("fake", 1) as worker:
        worker.start("fakes.steady", tmp_path, 1)
        assert worker.call(gc.get_freeze_count) == 0
        worker.ask("warm_up", [BATCH])
        assert worker.call(gc.get_freeze_count) > 1000


def test_a_child_whose_parent_is_gone_before_it_could_ask_for_a_signal_ends():
    """It answers no request that already lies in the pipe."""
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        ours.send(("call", ()))
        command = [
            sys.executable,
            "-P",
            "-m",
            "deploybench.bench.worker.child",
            str(theirs.fileno()),
            "1",
        ]  # the parent of orphans
        found = subprocess.run(command, check=False, pass_fds=[theirs.fileno()], timeout=60)

        assert found.returncode == 1
        assert not ours.poll()


def test_the_parent_sleeps_while_the_child_computes():
    with Worker("fake", 1) as worker:
        worker.ask("memory_status")
        before = time.process_time()
        worker.call(calls.sleep, 1)

        assert time.process_time() - before < 0.05  # CPU seconds of this process, not a clock: a spinning wait takes 1


def test_a_forked_child_has_the_packages_and_its_own_environment(monkeypatch, tmp_path):
    """It is another process each time, in this folder, with these variables."""
    monkeypatch.setenv("DEPLOYBENCH_TRIED", "first")
    monkeypatch.chdir(tmp_path)
    with Worker("forked", 1, forked=True) as one, Worker("forked", 1, forked=True) as other:
        assert one.pid != other.pid
        assert other.call(os.getcwd) == str(tmp_path)
        assert {"torch", "transformers"} <= one.call(calls.packages_imported)
        assert one.call(calls.environment, "DEPLOYBENCH_TRIED") == "first"
        monkeypatch.setenv("DEPLOYBENCH_TRIED", "second")
        with Worker("forked", 1, forked=True) as third:
            assert third.call(calls.environment, "DEPLOYBENCH_TRIED") == "second"
        assert one.call(calls.environment, "DEPLOYBENCH_TRIED") == "first"  # its template lives as long as it does


def test_a_forked_child_that_dies_is_an_error_with_its_last_output():
    with (
        Worker("forked", 1, forked=True) as worker,
        pytest.raises(WorkerError, match="exit code 3; last output: last line"),
    ):
        worker.call(calls.leave, 3)
    with Worker("forked", 1, forked=True) as worker:
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="killed by signal 9"):
            worker.call(os.getpid)
        assert not worker.alive


def test_what_cannot_be_forked_is_spawned(monkeypatch):
    """Such as a child of a process that cannot import PyTorch."""
    monkeypatch.setenv("DEPLOYBENCH_TRIED", "no template yet")
    with Worker("forked", 1, forked=True, modules=("no_such_module",)) as worker:
        assert "torch" not in worker.call(calls.packages_imported)
