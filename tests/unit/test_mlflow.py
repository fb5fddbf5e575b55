"""Saved runs in an MLflow tracking store, read again by MLflow itself."""

import json
import sys
from pathlib import Path

import pytest
from several import save_models

from deploybench.bench.cli import main

RUNS = Path(__file__).parents[1] / "data" / "run-schema-1.json"


pytestmark = pytest.mark.process  # MLflow asks the system for its name


@pytest.fixture
def saved(tmp_path):
    content = json.loads(RUNS.read_text()) | {"datetime": "2026-11-29T12:00:00+00:00"}
    path = tmp_path / "0001_run.json"
    path.write_text(json.dumps(content))
    return path


def test_without_mlflow_one_line_says_how_to_install_it(saved, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)

    assert main(["report", str(saved), "--mlflow", "sqlite:///none.db"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith("; install it with: pip install 'deploybench[mlflow]'\n")


@pytest.fixture
def store(tmp_path):
    """The address of an empty store, and a client that reads it."""
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow, which is some forty packages")
    pytest.importorskip("sqlalchemy", reason="needs the extra mlflow")
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    return uri, mlflow.MlflowClient(tracking_uri=uri)


def logged(client):
    return client.search_runs([client.get_experiment_by_name("deploybench").experiment_id])


def test_figures_origin_and_file_are_logged(saved, store, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri, client = store
    assert main(["report", str(saved), "--format", "json", "--mlflow", uri]) == 0
    figures = {
        (one["variant"], one["metric"], (one["workload"] or {}).get("batch_size")): one
        for one in json.loads(capsys.readouterr().out)
    }
    [run] = logged(client)
    metrics = run.data.metrics
    of_latency = figures["onnx-fp32", "latency", 1]

    [name] = [one for one in metrics if one.startswith("onnx-fp32/latency_seconds/1x") and one.count("/") == 2]
    assert metrics[name] == of_latency["value"]
    assert metrics[f"{name}/low"] < metrics[name] < metrics[f"{name}/high"]
    assert metrics["onnx-fp32/artifact_size_bytes"] == figures["onnx-fp32", "artifact_size", None]["value"]
    assert any(one.startswith("onnx-fp32/peak_memory_bytes/") for one in metrics)
    block = json.loads(saved.read_text())["deploybench"]
    assert run.data.params["checkpoint_sha256"] == block["checkpoint"]["sha256"]
    assert run.data.params["torch"] == block["environment"]["versions"]["torch"]
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == [saved.name]
    assert (run.info.status, run.info.start_time) == ("FINISHED", 1_795_953_600_000)


def test_each_model_is_a_run_with_its_accuracy(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri, client = store
    assert main(["report", str(save_models(tmp_path)), "--format", "bencher", "--mlflow", uri]) == 0
    runs = logged(client)

    assert {run.data.params["model"] for run in runs} == {"albert", "org/minilm", "tiny"}
    assert all(0 < run.data.metrics["openvino-int8/accuracy/news"] < 1 for run in runs)


@pytest.mark.parametrize("uri", ["nonsense://x", "http://127.0.0.1:9", "sqlite:////dev/null/none.db"])
def test_a_store_that_cannot_be_written_is_one_line(saved, store, uri, capsys):
    assert main(["report", str(saved), "--mlflow", uri]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith(f"deploybench: error: --mlflow: {uri}: ")
    assert err.splitlines()[-1].endswith("; expected the address of a tracking store")
