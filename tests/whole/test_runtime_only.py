"""An artifact serves where its runtime, numpy and tokenizers are all that is installed: no torch, no transformers."""

import http.client
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deploybench.bench.worker.client import Worker
from deploybench.exporters.artifacts.catalogue import find_variant, variant_names
from deploybench.exporters.serving.example import EXAMPLE, write_example
from deploybench.exporters.serving.server_folder import DOCKERFILE, write_server

ROOT = Path(__file__).parents[2]
TEXTS = ["The minister said on Tuesday that the budget had passed.", "You won't believe what they hide from you!!!"]
SERVE = """
import importlib.util, json, sys
from pathlib import Path
import numpy as np
from tokenizers import Tokenizer
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.checkpoints.tokenization import FAST_FILE

assert not any(importlib.util.find_spec(name) for name in ("torch", "transformers", "onnx", "pandas"))
texts, artifacts = json.loads(sys.argv[1]), json.loads(sys.argv[2])
answers = {}
for name, folder in artifacts.items():
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer" / FAST_FILE))
    tokenizer.enable_truncation(64)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(texts)
    ids, mask = (np.array([getattr(one, part) for one in encoded]) for part in ("ids", "attention_mask"))
    answers[name] = [ids.tolist(), mask.tolist(), find_variant(name).load(Path(folder), 1)(ids, mask).tolist()]
print(json.dumps(answers))
"""


def environment(folder, runtime):
    """A new environment with the runtime, numpy and tokenizers in the versions that the project uses."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), runtime, "numpy", "tokenizers"], check=True)
    return folder / "bin" / "python"


def shown(python, artifact, folder):
    """What the example of an artifact prints of the first text: its label and probability."""
    copy = shutil.copytree(artifact, folder)
    write_example(copy)
    command = [str(python), "-I", str(copy / EXAMPLE), TEXTS[0]]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    label, chance = done.stdout.split()
    return label, float(chance)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_every_artifact_predicts_with_its_runtime_alone(artifacts, tmp_path, runtime):
    folders = {name: str(artifacts(name)) for name in variant_names() if find_variant(name).runtime == runtime}
    python = environment(tmp_path / "alone", runtime)

    done = subprocess.run(
        [str(python), "-c", SERVE, json.dumps(TEXTS), json.dumps(folders)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert list(answers) == list(folders)
    for name, (ids, mask, logits) in answers.items():
        with Worker(name, 1) as worker:
            worker.start(name, Path(folders[name]), 1)
            first = np.array([[one for one, real in zip(ids[0], mask[0], strict=True) if real]])
            batches = [(np.array(ids), np.array(mask)), (first, np.ones_like(first))]
            [(expected, _), ([of_first], _)] = worker.predict(batches)
        assert np.array(logits) == pytest.approx(expected, abs=1e-6)
        label, chance = shown(python, folders[name], tmp_path / name)
        assert label == ("real", "fake")[of_first.argmax()]
        assert chance == pytest.approx(np.exp(of_first).max() / np.exp(of_first).sum(), abs=1e-5)


@pytest.mark.parametrize("variant", ["onnx-int8-dynamic", "openvino-fp32"])
def test_the_steps_of_the_dockerfile_serve_an_artifact(artifacts, tmp_path, variant):
    folder = shutil.copytree(artifacts(variant), tmp_path / variant)
    write_server(folder, folder)
    steps = dict(line.split(" ", 1) for line in (folder / DOCKERFILE).read_text().splitlines() if line)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "alone")], check=True)
    env = {**os.environ, "PATH": str(tmp_path / "alone" / "bin"), "PYTHONPATH": ""}
    subprocess.run(["/bin/sh", "-c", f"{steps['RUN']} -q"], cwd=folder, env=env, check=True)
    command = [str(tmp_path / "alone" / "bin" / "python"), *json.loads(steps["CMD"])[1:], "--port=0"]

    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        assert line.startswith("serving at http://0.0.0.0:"), line
        connection = http.client.HTTPConnection("127.0.0.1", int(line.rsplit(":", 1)[1]), timeout=60)
        connection.request("POST", "/predict", json.dumps({"inputs": TEXTS[0]}))
        answer = json.loads(connection.getresponse().read())
        server.terminate()
        assert server.wait(60) == 0
    assert {one["label"] for one in answer} == {"real", "fake"}
    assert sum(one["score"] for one in answer) == pytest.approx(1)
