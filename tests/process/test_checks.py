"""An artifact is checked once: again only where the artifact, the inputs or the machine changed."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from deploybench.bench.pipeline import checks
from deploybench.bench.pipeline.checks import Checks
from deploybench.bench.pipeline.options import Options
from deploybench.exporters.artifacts.artifact import model_files, read_artifact

BATCHES = [(np.full((2, 6), 7), np.ones((2, 6), dtype=np.int64))] * 8
OTHERS = [(np.full((2, 6), 8), np.ones((2, 6), dtype=np.int64))] * 8


class StartedError(Exception):
    pass


def start(*_, **__):
    raise StartedError


@pytest.fixture
def checked(artifacts, checkpoint, tmp_path):
    """Checks the reference and a copy of an int8 artifact; gives what was found of each, and the copy."""
    copy = shutil.copytree(artifacts("openvino-int8"), tmp_path / "openvino-int8")

    def check(batches=BATCHES, checkpoint=checkpoint):
        made = Checks(Options(threads=1, work_dir=tmp_path / "work"), checkpoint, batches, batches[0])
        return [made.check(read_artifact(folder)) for folder in (artifacts("torch-eager"), copy)]

    return check, copy


def test_what_was_checked_is_not_run_again(checked, monkeypatch):
    check, copy = checked
    first = check()
    monkeypatch.setattr(checks, "Worker", start)
    assert check() == first
    assert first[1].parity["examples"] == 16
    assert first[1].executed.keys() == {"int8"}

    with pytest.raises(StartedError):
        check(OTHERS)
    monkeypatch.setattr(checks, "describe_environment", lambda: {"cpu": "another"})
    with pytest.raises(StartedError):
        check()
    monkeypatch.undo()

    weights = max(model_files(copy), key=lambda file: file.stat().st_size)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)  # of the same size
    monkeypatch.setattr(checks, "Worker", start)
    with pytest.raises(StartedError):
        check()


def test_a_cpu_without_vnni_needs_no_second_process(checked, checkpoint, monkeypatch):
    check, _ = checked
    monkeypatch.setattr(checks, "without_vnni", lambda name, *_: {} if name == "torch-eager" else start())
    monkeypatch.setattr(checks, "cpu_features", lambda: ("avx2",))
    assert check()[1].without_vnni == {"agreement": 1.0}

    monkeypatch.setattr(checks, "cpu_features", lambda: ("avx512_vnni",))
    assert check()[1].without_vnni == {"agreement": 1.0}  # kept
    assert check(checkpoint=replace(checkpoint, random_weights=True))[1].without_vnni == {}
    with pytest.raises(StartedError):
        check(OTHERS)


@pytest.mark.parametrize(("features", "said"), [(("avx2",), True), (("avx2", "avx_vnni"), False)])
def test_a_variant_that_this_cpu_does_not_make_by_default_says_why(checked, monkeypatch, features, said):
    check, _ = checked
    monkeypatch.setattr(checks, "cpu_features", lambda: features)
    monkeypatch.setattr(checks, "without_vnni", lambda *_: {})
    notes = check(OTHERS)[1].notes

    reason = (
        "not made by default on this CPU, which has neither of avx512_vnni and avx_vnni: OpenVINO's int8 is slower there "
        "than its fp32, and takes twice the memory"
    )
    assert (reason in notes) == said


def test_logits_that_must_be_equal_are_compared_on_fewer_batches(artifacts, checkpoint, tmp_path):
    made = Checks(Options(threads=1, work_dir=tmp_path), checkpoint, BATCHES, BATCHES[0])
    found = [made.check(read_artifact(artifacts(name))) for name in ("torch-eager", "onnx-fp32")]

    assert [one.parity["examples"] for one in found] == [16, 12]
