"""A cascade as an artifact: exported from its stages, certified, loaded, served without this project, and refused."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from builders import training_texts

from deploybench.bench.texts.demonstration import corpus
from deploybench.bench.worker.client import Worker, call_in_child
from deploybench.exporters.artifacts.artifact import Origin, changed_file, export_artifact, read_artifact
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.cascades.answering import chance_of_class
from deploybench.exporters.cascades.cascade import every_stage, read_cascade
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.checkpoints.tokenization import Pad, cut_texts_at, padded_batch, tokenise
from deploybench.exporters.errors import ExportError
from deploybench.exporters.serving.example import write_example

NAME = "linear-tokens+onnx-fp32"
BY_LENGTH = "onnx-fp32@16+onnx-fp32"
LENGTH = 48


@pytest.fixture(scope="module")
def origin(checkpoint_folder):
    checkpoint = read_checkpoint(checkpoint_folder)
    texts = [*corpus.corpus("train")[0][2000:], *corpus.corpus("test")[0]]
    return Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=(),
        calibration_source="",
        head=checkpoint.head,
        training=training_texts(checkpoint_folder),
        held_out=tuple(tokenise(checkpoint_folder, texts[:700], LENGTH)),
        bound=0.05,
    )


@pytest.fixture(scope="module")
def cascades(origin, tmp_path_factory):
    """Artifacts by name of the cascade, exported once."""
    root, made = tmp_path_factory.mktemp("cascades"), {}

    def export(name, **changes):
        if changes or name not in made:
            found = call_in_child(
                export_artifact, name, dataclasses.replace(origin, **changes), root, threads=1, forked=True
            )
            if changes:
                return found
            made[name] = found
        return made[name]

    return export


def batches(origin, size=8):
    tokens = [ids[:LENGTH] for ids in origin.held_out[:64]]
    return [padded_batch(tokens[start : start + size], Pad(0)) for start in range(0, len(tokens), size)]


def logits(name, folder, given):
    with Worker(name, 1, forked=True) as worker:
        worker.start(name, folder, 1)
        return np.concatenate([found for found, _ in worker.predict(given)])


@pytest.mark.parametrize("name", [NAME, BY_LENGTH])
def test_a_cascade_keeps_what_its_file_promises(origin, cascades, name):
    artifact = cascades(name)
    described = read_cascade(artifact.path)
    whole = logits("onnx-fp32", artifact.path.parent / "onnx-fp32", batches(origin))
    found = logits(name, artifact.path, batches(origin))
    differs = found.argmax(axis=1) != whole.argmax(axis=1)

    assert [one["name"] for one in described["stages"]] == name.split("+")
    assert (described["bound"], described["confidence"], described["texts"]) == (0.05, 0.95, 700)
    assert described["stages"][0]["answered"] > 0
    assert described["stages"][0]["wrong"] <= 0.05 * 700
    assert differs.mean() < 0.1
    assert artifact.notes[-1].startswith(
        "at most 5.0% of texts like 700 held-out ones get another class than from onnx-fp32"
    )


def test_texts_that_the_first_stage_is_sure_of_have_its_logits(origin, cascades):
    artifact = cascades(NAME)
    threshold = read_cascade(artifact.path)["stages"][0]["threshold"]
    first = logits("linear-tokens", artifact.path.parent / "linear-tokens", batches(origin))
    found = logits(NAME, artifact.path, batches(origin))
    sure = chance_of_class(first) >= threshold

    assert 0 < sure.sum() < len(sure)
    assert (found[sure] == first[sure]).all()
    assert not (found[~sure] == first[~sure]).all(axis=1).any()


def test_it_counts_the_texts_of_each_stage(origin, cascades):
    artifact = cascades(NAME)
    described = read_cascade(artifact.path)["stages"]
    first = logits("linear-tokens", artifact.path.parent / "linear-tokens", batches(origin))
    sure = int((chance_of_class(first) >= described[0]["threshold"]).sum())
    counted = []
    with every_stage(artifact.path) as worst:
        for folder in (artifact.path, worst):
            with Worker(NAME, 1, forked=True) as worker:
                worker.start(NAME, folder, 1)
                found = np.concatenate([one for one, _ in worker.predict(batches(origin))])
                counted.append(worker.ask("answered"))
    assert not worst.exists()

    assert counted == [[sure, 64 - sure], [0, 64]]
    assert (found == logits("onnx-fp32", artifact.path.parent / "onnx-fp32", batches(origin))).all()


def test_the_artifact_is_whole_with_its_stages(cascades):
    artifact = cascades(NAME)

    assert read_artifact(artifact.path) == artifact
    assert {"cascade.json", "linear-tokens/model.npz", "onnx-fp32/model.onnx"} <= set(
        json.loads((artifact.path / "manifest.json").read_text())["files"]
    )
    copy = shutil.copytree(artifact.path, artifact.path.parent / "copy")
    (copy / "linear-tokens" / "model.npz").write_bytes(b"")
    assert read_artifact(copy) is None
    shutil.rmtree(copy)


def test_it_is_exported_again_only_for_other_texts_or_another_bound(origin, cascades):
    before = cascades(NAME).fingerprint

    assert cascades(NAME, bound=0.06).fingerprint != before
    assert cascades(NAME, held_out=origin.held_out[:600]).fingerprint != before
    assert cascades(NAME, bound=0.05).fingerprint == before


def test_a_shorter_reading_shares_the_files_of_the_whole_one(cascades):
    files = [
        one.relative_to(cascades(BY_LENGTH).path).as_posix() for one in cascades(BY_LENGTH).path.rglob("model.onnx")
    ]

    assert files == ["onnx-fp32/model.onnx"]


@pytest.mark.parametrize("name", [NAME, BY_LENGTH])
def test_a_program_without_this_project_answers_the_same(origin, cascades, tmp_path, name):
    folder = shutil.copytree(cascades(name).path, tmp_path / "best")
    cut_texts_at(LENGTH, folder / "tokenizer")
    write_example(folder)
    program = (folder / "example.py").read_text()
    for text in corpus.corpus("test")[0][:6]:
        [ids] = tokenise(folder / "tokenizer", [text], LENGTH)
        found = logits(name, folder, [padded_batch([ids], Pad(0))])
        done = subprocess.run(
            [sys.executable, "example.py", text], cwd=folder, capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        label, chance = done.stdout.split()
        assert label == ["real", "fake"][found.argmax()]
        assert float(chance) == pytest.approx(chance_of_class(found)[0], abs=1e-4)
    assert "deploybench" not in program


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"held_out": ()}, "found 0 held-out texts, expected 59 or more to bound other classes by 5.0%"),
        ({"bound": 0.004}, "found 700 held-out texts, expected 748 or more"),
    ],
)
def test_too_few_texts_are_one_line(cascades, changes, message):
    with pytest.raises(ExportError, match=message):
        cascades(NAME, **changes)


def test_other_tasks_are_refused(cascades, checkpoint_folder, tmp_path):
    other = shutil.copytree(checkpoint_folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "problem_type": "multi_label_classification"}))

    with pytest.raises(ExportError, match="is a multi-label model, expected one class for each text"):
        cascades(NAME, checkpoint=other, checkpoint_sha256="other")


def test_a_stage_that_is_never_sure_makes_the_cascade_unneeded(origin, cascades):
    """Texts of no known token: the first stage knows nothing of them."""
    artifact = cascades("linear-tokens@4+onnx-fp32", bound=0.0075)

    assert read_cascade(artifact.path)["stages"][0]["answered"] >= 0
    assert bool(artifact.unneeded) == (read_cascade(artifact.path)["stages"][0]["answered"] == 0)
    assert not changed_file(artifact.path)
    assert find_variant("linear-tokens@4+onnx-fp32").base == "onnx-fp32"
