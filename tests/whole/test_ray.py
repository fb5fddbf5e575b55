"""Scoring on a real Ray cluster of several nodes, one of which is killed: the file is to the last byte that of one machine."""

import threading
import time

import pandas as pd
import pytest

from deploybench.bench import cli
from deploybench.bench.score.engines import ray_cluster
from deploybench.bench.score.engines.ray_cluster import _groups, _slots
from deploybench.bench.score.record import read_record
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.errors import UserError

pytest.importorskip("ray", reason="Ray is not installed: pip install 'deploybench[ray]'")

ROWS = 20 * 1024 + 100


@pytest.fixture(scope="module")
def command(score_command):
    """The command line up to the file."""
    return score_command("onnx-int8-dynamic")


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    """Short rows, some without text."""
    folder = tmp_path_factory.mktemp("posts")
    texts = [" ".join(text.split()[:6]) for text in corpus.corpus("train")[0]]
    rows = [" " if index % 900 == 7 else texts[index % len(texts)] for index in range(ROWS)]
    pd.DataFrame({"text": rows}).to_csv(folder / "posts.csv", index=False)
    return folder / "posts.csv"


@pytest.fixture
def cluster(monkeypatch):
    """Three nodes of one CPU each; the first is the head."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    started.add_node(num_cpus=1)
    started.add_node(num_cpus=1)
    yield started
    started.shutdown()


def test_with_a_node_killed_in_the_middle_it_is_the_file_of_one_machine(
    command, posts, cluster, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(ray_cluster, "_GROUP", 1)
    arguments = [*command, str(posts), "--drop-bad-rows", "--plan=bucketed/8/1x1", "-o"]
    whole, output = tmp_path / "whole.parquet", tmp_path / "labels.parquet"
    assert cli.main([*arguments, str(whole)]) == 0
    capsys.readouterr()
    killed = []

    def kill_one():
        parts = tmp_path / ".labels.parquet.parts"
        while len(list(parts.glob("0*.parquet"))) < 2:
            time.sleep(0.01)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        killed.append(len(list(parts.glob("0*.parquet"))))

    killer = threading.Thread(target=kill_one)
    killer.start()
    assert cli.main([*arguments, str(output), "--engine=ray", f"--address={cluster.address}"]) == 0
    killer.join()

    assert killed[0] < 20  # in the middle
    assert output.read_bytes() == whole.read_bytes()
    said = capsys.readouterr()
    assert "ray: 3 processes of 1 CPUs at a time on 3 nodes" in said.err
    assert f"{ROWS:,} rows; without output: " in said.out
    assert "memory: at most " in said.out
    answer = said.out[
        said.out.index(f"{ROWS:,} rows") :
    ]  # before it, the cluster in this process tells of its lost node
    assert max(map(len, answer.splitlines())) <= 80


def test_a_node_that_may_answer_otherwise_is_refused_or_recorded(
    command, posts, cluster, tmp_path, capsys, monkeypatch
):
    few = tmp_path / "few.csv"
    few.write_text("\n".join(posts.read_text().splitlines()[:7]) + "\n")
    arguments = [*command, str(few), "--plan=bucketed/8/1x1", "--engine=ray", f"--address={cluster.address}"]
    here = ray_cluster.what_answers
    monkeypatch.setattr(ray_cluster, "what_answers", lambda *given: {**here(*given), "isa": "avx2 avx512_vnni"})

    assert cli.main([*arguments, "-o", str(tmp_path / "labels.parquet")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "may answer otherwise than this machine (isa: 'avx2 avx512_vnni' and " in said
    assert not (tmp_path / "labels.parquet").exists()

    assert cli.main([*arguments, "-o", str(tmp_path / "labels.parquet"), "--allow-mixed"]) == 0
    assert len(read_record(tmp_path / "labels.parquet").answered_by) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine=ray", "--shard=1/2"], "--shard: was given with --engine ray, which cuts the rows itself"),
        (["--address=auto"], "--address: was given without --engine ray; pass both or neither"),
        (["--engine=ray", "--max-memory-mb=900"], "--max-memory-mb: chooses a plan, and with --engine ray it is not"),
        (["--engine=ray", "--address=127.0.0.1:1"], "--address: no Ray cluster answers at '127.0.0.1:1' ("),
        (
            ["--engine=ray", "--address=ray://127.0.0.1:99999"],
            "--address: no Ray cluster answers at 'ray://127.0.0.1:99999' (",
        ),
        (["--engine=ray", "--address=auto"], "--address: no Ray cluster answers at 'auto' ("),
    ],
)
def test_mistakes_are_one_line(command, posts, tmp_path, capsys, arguments, message):
    few = tmp_path / "few.csv"
    few.write_text("\n".join(posts.read_text().splitlines()[:7]) + "\n")

    assert cli.main([*command, str(few), *arguments, "-o", str(tmp_path / "out.parquet")]) == 2

    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out.parquet").exists()


def test_tasks_are_some_chunks_and_slots_whole_processes():
    assert [len(group) for group in _groups(enumerate([[]] * 19))] == [8, 8, 3]
    nodes = [{"Alive": True, "Resources": {"CPU": 7.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]
    assert _slots([*nodes, {"Alive": True, "Resources": {}}], 2) == 3
    expected = "a process of the plan has 8 threads, and the largest node 7 CPUs; pass --plan with fewer threads"
    with pytest.raises(UserError, match=expected):
        _slots(nodes, 8)
