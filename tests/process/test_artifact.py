"""Artifacts: complete or absent, reused when nothing changed, and a one-line error when the disk is full."""

import dataclasses
import errno
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fakes import calls

import deploybench.exporters.artifacts.source
from deploybench.bench.worker.client import call_in_child
from deploybench.exporters.artifacts.artifact import Origin, export_artifact, read_artifact
from deploybench.exporters.artifacts.catalogue import find_variant, variant_module, variant_names
from deploybench.exporters.artifacts.source import source_digest, source_files
from deploybench.exporters.errors import DiskFullError, OutputError
from deploybench.exporters.files import whole_folder


@pytest.fixture
def origin(checkpoint, checkpoint_folder):
    return Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=((2, 10, 11, 3),),
        calibration_source="a test",
    )


def test_an_artifact_is_complete_on_its_own(origin, tmp_path):
    made = export_artifact("torch-eager", origin, tmp_path)

    assert made.path == tmp_path / "torch-eager"
    assert {"model.safetensors", "config.json", "manifest.json", "tokenizer"} <= set(os.listdir(made.path))
    assert (made.path / "tokenizer" / "tokenizer.json").is_file()
    manifest = json.loads((made.path / "manifest.json").read_text())
    assert manifest["checkpoint_sha256"] == origin.checkpoint_sha256
    assert set(manifest["versions"]) == {"torch", "transformers"}
    assert made.size == sum((made.path / name).stat().st_size for name in ("model.safetensors", "config.json"))


@pytest.mark.parametrize("name", ["torch-eager", "torch-bf16", "onnx-fp32"])
def test_it_has_the_checkpoints_configuration_however_that_is_written(origin, checkpoint_copy, tmp_path, name):
    config = json.loads((checkpoint_copy / "config.json").read_text())
    (checkpoint_copy / "config.json").write_text(json.dumps({**config, "_name_or_path": "/home/me/secret"}))
    other = dataclasses.replace(origin, checkpoint=checkpoint_copy)
    artifact = call_in_child(export_artifact, name, other, tmp_path, threads=1, forked=True)
    found = json.loads((artifact.path / "config.json").read_text())

    assert found["model_type"] == config["model_type"]
    assert found["id2label"] == config["id2label"]
    assert (
        "secret" not in (artifact.path / "config.json").read_text() or name == "torch-eager"
    )  # its own, to the last byte
    assert read_artifact(artifact.path) == artifact


def test_its_tokenizer_cuts_texts_as_accuracy_is_measured(origin, tmp_path):
    from tokenizers import Tokenizer

    made = export_artifact("torch-eager", dataclasses.replace(origin, max_length=64, scoring_length=9), tmp_path)
    tokenizer = Tokenizer.from_file(str(made.path / "tokenizer" / "tokenizer.json"))

    assert len(tokenizer.encode("one two three " * 20).ids) == 9
    assert json.loads((made.path / "manifest.json").read_text())["max_length"] == 64


@pytest.mark.parametrize("name", ["openvino-fp32", "torch-eager"])
def test_a_text_that_is_too_long_is_refused(origin, tmp_path, name):
    """OpenVINO with one thread silently returns the logits of an earlier text, and returns them for the next text as well."""
    made = export_artifact(name, dataclasses.replace(origin, max_length=64), tmp_path)
    predict = find_variant(name).load(made.path, 1)
    short, other, long = (np.full((1, length), 7) for length in (10, 12, 65))
    before, apart = predict(short, np.ones_like(short)), predict(other, np.ones_like(other))

    with pytest.raises((ValueError, RuntimeError, IndexError)):
        predict(long, np.ones_like(long))
    assert np.array_equal(predict(short, np.ones_like(short)), before)
    assert np.array_equal(predict(other, np.ones_like(other)), apart)


@pytest.mark.parametrize(("texts", "said"), [(31, True), (32, False)])
def test_few_calibration_texts_are_noted(origin, tmp_path, texts, said):
    few = dataclasses.replace(origin, calibration=((2, 10, 11, 3),) * texts)
    notes = export_artifact("onnx-int8-static", few, tmp_path).notes

    assert any("calibrated with 31 texts only" in note for note in notes) == said


def test_it_is_reused_until_something_changes(origin, tmp_path):
    made = export_artifact("torch-eager", origin, tmp_path)
    stamp = (made.path / "manifest.json").stat().st_mtime_ns

    assert export_artifact("torch-eager", origin, tmp_path) == made
    assert (made.path / "manifest.json").stat().st_mtime_ns == stamp

    changed = export_artifact("torch-eager", dataclasses.replace(origin, checkpoint_sha256="other"), tmp_path)
    assert changed.fingerprint != made.fingerprint
    assert os.listdir(tmp_path) == ["torch-eager"]


@pytest.mark.parametrize(
    ("changed", "variants"),
    [
        ("deploybench.exporters.runtimes.onnx_first_token", ["onnx-fp32-fused"]),
        ("deploybench.exporters.runtimes.openvino_first_token", ["openvino-fp32", "openvino-int8"]),
        ("deploybench.exporters.runtimes.compiler", ["torch-aot", "torch-compile"]),
        ("deploybench.exporters.variants.onnx_fp32", ["onnx-fp32", "onnx-fp32-fused"]),
        ("deploybench.exporters.runtimes.torch_model", ["torch-eager", "torchscript", "openvino-fp32"]),
        ("deploybench.exporters.checkpoints.tokenization", ["torch-eager", "onnx-fp32"]),
    ],
)
def test_a_changed_exporter_makes_another_artifact(origin, tmp_path, monkeypatch, changed, variants):
    def fingerprints():
        return {
            name: source_digest("deploybench.exporters.artifacts.artifact", variant_module(name))
            for name in variant_names()
        }

    before = fingerprints()
    read = deploybench.exporters.artifacts.source._digest
    file = deploybench.exporters.artifacts.source._file(changed)
    monkeypatch.setattr(
        "deploybench.exporters.artifacts.source._digest", lambda path: "changed" if path == file else read(path)
    )
    other = {name for name, found in fingerprints().items() if found != before[name]}
    other |= {name for name in before if find_variant(name).base in other}  # the fingerprint includes that of the base

    assert set(variants) <= other


@pytest.mark.parametrize("name", ["onnx-fp32-fused", "openvino-int8", "torch-int8-dynamic", "torchscript"])
def test_every_file_that_an_export_runs_is_in_its_fingerprint(origin, tmp_path, name):
    """Modules imported by the exporting process, compared with those found without running it."""
    imported = call_in_child(calls.modules_of_export, name, origin, tmp_path, threads=1)

    assert imported
    based = find_variant(name).base or name
    assert imported <= set(
        source_files("deploybench.exporters.artifacts.artifact", variant_module(name), variant_module(based))
    )


def test_a_damaged_artifact_does_not_count(origin, tmp_path):
    made = export_artifact("torch-eager", origin, tmp_path)
    weights = made.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])

    assert read_artifact(made.path) is None
    assert export_artifact("torch-eager", origin, tmp_path) == made


def test_a_calibration_belongs_to_those_that_calibrate(origin, tmp_path):
    other = dataclasses.replace(origin, calibration=((2, 12, 3),))

    made = export_artifact("torch-eager", origin, tmp_path)
    assert export_artifact("torch-eager", other, tmp_path).fingerprint == made.fingerprint


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "made") as aside:
        (aside / "half").write_text("")
        raise RuntimeError

    assert not list(tmp_path.iterdir())


def test_what_fails_leaves_what_was_there(tmp_path):
    with whole_folder(tmp_path / "made") as aside:
        (aside / "first").write_text("")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "made") as aside:
        raise RuntimeError

    assert [path.name for path in tmp_path.rglob("*")] == ["made", "first"]


def test_what_a_killed_process_left_is_swept(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f".made-{gone.pid}-abc").mkdir()
    (tmp_path / f".made-{os.getpid()}-abc").mkdir()
    with whole_folder(tmp_path / "made"):
        pass

    assert sorted(os.listdir(tmp_path)) == [f".made-{os.getpid()}-abc", "made"]


def test_a_link_stays_one_to_the_folder_that_is_replaced(tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "link").symlink_to("made")
    with whole_folder(tmp_path / "link") as aside:
        (aside / "new").write_text("")

    assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "made") == ["new"]
    assert sorted(os.listdir(tmp_path)) == ["link", "made"]


def test_a_full_disk_is_recognised_however_a_library_wraps_it(tmp_path):
    with (
        pytest.raises(DiskFullError, match="no space left on the disk of .* while writing 'made'; free some"),
        whole_folder(tmp_path / "made"),
    ):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ValueError("could not write") from error

    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "README.md").write_text("")

    with (
        pytest.raises(OutputError, match="'made' cannot be written in .*kept: Not a directory; name a folder") as error,
        whole_folder(tmp_path / "README.md" / "kept" / "made"),
    ):
        pass
    assert "\n" not in str(error.value)


def test_a_folder_that_takes_nothing_is_one_line_from_a_child_too(capfd):
    """Nobody can create a folder in /proc, not even root."""
    with pytest.raises(OutputError, match="'x' cannot be written in /proc: .*; name a folder"):
        call_in_child(calls.export_alone, "onnx-fp32", None, Path("/proc/x"), threads=1, visible=True)
    assert "Traceback" not in capfd.readouterr().err


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 KiB, smaller than the model."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a full disk needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", ["torch-eager", "torchscript", "torch-int8-dynamic", "onnx-fp32"])
def test_a_full_disk_is_one_line_and_leaves_nothing(origin, small_disk, name):
    with pytest.raises(DiskFullError, match=f"no space left on the disk of {small_disk} while writing '{name}'"):
        call_in_child(export_artifact, name, origin, small_disk, threads=1)

    assert os.listdir(small_disk) == []


def test_openvinos_writer_on_a_full_disk(origin, small_disk):
    with pytest.raises(DiskFullError, match="no space left on the disk of"):
        call_in_child(calls.export_alone, "openvino-fp32", origin.checkpoint, small_disk / "made", threads=1)
    assert os.listdir(small_disk) == []
