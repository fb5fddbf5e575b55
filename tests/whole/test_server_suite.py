"""The suite of the server under load: a real server, what is recorded of it, and what is left out."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from deploybench.bench import cli
from deploybench.bench.measure.server import capacity, highest_rate
from deploybench.bench.measure.server.highest_rate import measure_highest_rate
from deploybench.bench.pipeline.recorder import Recorder
from deploybench.bench.runs.journal import Journal
from deploybench.bench.runs.metrics import OF_A_TRIAL
from deploybench.exporters.errors import WorkerError
from deploybench.suites import test_server as suite

LIMIT_S = 0.5


@pytest.fixture
def short(monkeypatch):
    """Trials that take a moment; what they find is of no use."""
    monkeypatch.setattr(highest_rate, "LAUNCHES", 2)
    monkeypatch.setattr(highest_rate, "_SECONDS", (0.2, 0.2))
    monkeypatch.setattr(capacity, "_STEPS", 2)
    monkeypatch.setattr(capacity, "_FLOOD_S", 0.05)


def measured(artifact, journal, measure=None, *, limit=LIMIT_S, variant="onnx-fp32"):
    """What the suite's one test records, and its row or the reason why there is none."""
    sent = SimpleNamespace(name="small", sha256="s", texts=["Rain.", "The minister said so. " * 5])
    prepared = SimpleNamespace(
        options=SimpleNamespace(model="", threads=2, p99_limit=limit),
        artifacts={variant: SimpleNamespace(fingerprint="f")},
        sets=[sent],
        full_length=64,
    )
    recorder, row = Recorder(prepared, journal), []

    def replay(seconds, *measurements):
        recorder.add(*measurements)
        row.extend(seconds)

    with pytest.MonkeyPatch.context() as patch:
        if measure:
            patch.setattr(suite, "measure_highest_rate", measure)
        try:
            suite.test_server(variant, artifact, recorder, replay)
        except (pytest.fail.Exception, pytest.skip.Exception) as end:
            row.append(str(end))
    return recorder.measurements, row


def died(*_):
    raise WorkerError("the server of onnx-fp32 did not start: killed")


def test_a_real_server_is_measured_once(artifacts, short, tmp_path):
    found, row = measured(artifacts("onnx-fp32"), Journal(tmp_path / "journal.jsonl"))

    by_metric = {one.metric: one for one in found}
    assert set(by_metric) == {"rate_at_p99", *OF_A_TRIAL}
    rates, trials = by_metric["rate_at_p99"], by_metric["request_rate"]
    assert len(rates.values) == 2
    assert rates.launches == (0, 1)
    assert rates.data == "small"
    assert rates.workload.batch_size in {1, 8}
    assert rates.workload.threads * rates.workload.instances == 2
    assert list(trials.values) == sorted(trials.values)
    assert all(len(by_metric[metric].values) == len(trials.values) == 4 for metric in OF_A_TRIAL)
    assert all(np.isfinite(by_metric[metric].values).all() for metric in OF_A_TRIAL)
    ends = (by_metric[f"request_p99_{end}"].values for end in ("low", "high"))
    assert all(low <= high for low, high in zip(*ends, strict=True))
    assert row == [1 / rate for rate in rates.values if rate] or row == [LIMIT_S]
    again = measured(artifacts("onnx-fp32"), Journal(tmp_path / "journal.jsonl", resume=True), died)
    assert again == (found, row)


def test_a_server_that_does_not_start_fails(tmp_path):
    found, row = measured(tmp_path, Journal(), died)
    assert [(one.metric, one.status, one.reason) for one in found] == [("rate_at_p99", "failed", row[0])]


def test_what_was_not_asked_for_is_skipped(tmp_path):
    found, row = measured(tmp_path, Journal(), died, limit=None)
    assert (found, row) == ([], ["was not asked for: pass --rate-at-p99-ms MS"])


def test_a_variant_that_cannot_be_served_has_a_row_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "find_variant", lambda _: SimpleNamespace(program=None))
    [one], row = measured(tmp_path, Journal(), died)
    assert (one.metric, one.status, one.reason) == ("rate_at_p99", "not_measured", row[0])


def test_texts_to_send_are_asked_for_at_once(checkpoint_folder, capsys):
    assert cli.main(["run", f"--checkpoint={checkpoint_folder}", "--rate-at-p99-ms=100"]) == 2
    assert "--rate-at-p99-ms: no labelled set was given, whose texts are sent" in capsys.readouterr().err


def test_an_artifact_that_cannot_be_loaded_is_a_worker_error(artifacts, tmp_path):
    folder = shutil.copytree(artifacts("openvino-fp32"), tmp_path / "broken")
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(WorkerError, match="the server of broken did not start: .*cannot be loaded"):
        measure_highest_rate(folder, [b"{}"], 1, LIMIT_S, 0)
