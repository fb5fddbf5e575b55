"""Environments with the base install alone, or one extra, in a folder that has packages called bench, exporters and suites."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from bare import bare_environment
from shipped import shipped

from deploybench.bench.runs.store import read_run
from deploybench.exporters.artifacts.catalogue import find_variant, variant_names

ROOT = Path(__file__).parents[2]
[FIRST], [SECOND] = shipped("*/0025_*.json"), shipped("*/0026_*.json")
RUNTIMES = ("torch", "transformers", "onnx", "onnxruntime", "openvino", "nncf", "optimum", "accelerate", "safetensors")
RUNTIMES = (*RUNTIMES, "tokenizers", "huggingface_hub", "sentencepiece", "google.protobuf")
SEVERAL = """
import json, sys
from deploybench.bench.cli import main
for arguments in json.loads(sys.argv[1]):
    print("code", main(arguments))
"""


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """The interpreter of an environment with the base install alone."""
    return bare_environment(tmp_path_factory.mktemp("environment") / "base")


@pytest.fixture
def folder(tmp_path):
    """A folder of somebody's with packages of the same names as this project's folders, and saved files."""
    for name in ("bench", "exporters", "suites", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not deploybench')")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not deploybench')")
    (tmp_path / "deploybench").mkdir()
    (tmp_path / "deploybench" / "saved.json").write_text("{}")
    return tmp_path


def start(folder, *command):
    """Run a command in ``folder``, as there was no checkout; gives the exit code, what it printed and what it said."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*map(str, command)], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def starts(python):
    """Both ways to call the command."""
    return {"script": [python.with_name("deploybench")], "module": [python, "-m", "deploybench.bench.cli"]}


def several(folder, python, commands):
    """Run commands one after the other in one process; gives what they printed and said."""
    code, out, said = start(folder, python, "-c", SEVERAL, json.dumps([[*map(str, one)] for one in commands]))
    assert code == 0, said
    return out, said


def test_the_base_install_holds_no_runtime(base, folder):
    code = (
        f"import importlib.util as found; print(*[one for one in {RUNTIMES} if found.find_spec(one.partition('.')[0])])"
    )

    assert start(folder, base, "-c", code) == (0, "\n", "")


@pytest.mark.parametrize("how", ["script", "module"])
def test_the_base_install_reads_saved_runs(base, folder, how):
    deploybench = starts(base)[how]
    claims = ROOT / "results" / "claims.toml"

    code, out, said = start(folder, *deploybench, "recommend", FIRST, "--max-accuracy-drop=0.05")
    assert (code, said) == (0, "")
    assert "\ntake " in f"\n{out}"
    code, out, said = start(folder, *deploybench, "compare", FIRST, SECOND)
    assert code in {0, 1, 3}, said
    assert "latency" in out
    code, out, said = start(folder, *deploybench, "claims", claims, FIRST)
    assert code in {0, 3}, said
    assert "holds" in out
    code, out, said = start(folder, *deploybench, "list")
    assert (code, said) == (0, "")
    assert "  onnx-fp32 " in out
    assert out.count("not installed: pip install 'deploybench[onnx]'") == len(
        [name for name in variant_names() if name.startswith("onnx")]
    )


def test_the_base_install_reports_in_every_format(base, folder):
    forms = ["text", "md", "csv", "latex", "json", "card", "github-action-benchmark", "bencher", "openmetrics"]
    page = ["report", FIRST, "--format=html", "--output=page.html", "--plots=plots"]
    out, said = several(
        folder, base, [page, *(["report", FIRST, f"--format={form}"] for form in [*forms, "metrics-json"])]
    )

    assert out.count("\ncode 0") + out.startswith("code 0") == len(forms) + 2, said
    assert "<img " in (folder / "page.html").read_text()
    assert [*(folder / "plots").iterdir()]


def test_a_command_that_runs_models_says_what_to_install(base, folder):
    commands = {
        "run": [],
        "export": ["--checkpoint=x"],
        "score": ["x.csv", "--variant=onnx-fp32", "--output=y.parquet"],
        "train": ["demonstration", "--output=x"],
        "architectures": [],
        "duel": ["a", "b"],
        "compare": [FIRST, SECOND, "--confirm", "a", "b"],
    }
    out, said = several(folder, base, [[name, *arguments] for name, arguments in commands.items()])

    assert out.split("\n")[:-1] == ["code 2"] * len(commands)
    names = [*[*commands][:-1], "--confirm"]
    for name, line in zip(names, said.strip().split("\n"), strict=True):
        extra = "train" if name == "train" else "torch"
        assert line.startswith(f"deploybench: error: {name}: needs ")
        assert line.endswith(f"torch, transformers, not installed: pip install 'deploybench[{extra}]'")


@pytest.mark.parametrize(
    ("suites", "extra"), [(["pytest", ROOT / "suites"], "torch"), (["deploybench.suites.gpu"], "train")]
)
def test_suites_say_what_to_install(base, folder, suites, extra):
    code, _, said = start(folder, base, "-P", "-m", *suites)

    assert code == 2
    assert f"error: suites: needs {'accelerate, ' * (extra == 'train')}huggingface-hub, " in said
    assert said.endswith(f"not installed: pip install 'deploybench[{extra}]'\n")


@pytest.mark.parametrize("how", ["script", "module"])
def test_a_run_with_pytorch_alone_leaves_the_other_runtimes_out(tmp_path, folder, checkpoint_folder, how):
    python = bare_environment(tmp_path / "environment", "torch")
    model = [f"--checkpoint={checkpoint_folder}", "--threads=1", "--work-dir=work"]
    code, out, said = start(folder, *starts(python)[how], "run", *model, "--time-budget=4")

    assert code == 0, said
    assert "torchscript" in out
    said = " ".join(said.split())
    assert "left out: onnx-fp32, onnx-fp32-fused, onnx-int8-dynamic, openvino-" in said
    needed = "onnx, onnxruntime, openvino, optimum, optimum-onnx"
    assert re.search(rf"needs (nncf, )?{needed}, not installed: pip install 'deploybench\[onnx,openvino\]'", said)
    [saved] = folder.glob("results/*/*.json")
    assert {*read_run(saved).plan.variants} == {"torch-eager", "torchscript", "torch-int8-dynamic"}

    code, _, said = start(folder, *starts(python)[how], "run", *model, "--variants=onnx-fp32")
    assert code == 2
    assert said == (
        "deploybench: error: onnx-fp32: needs onnx, onnxruntime, optimum, optimum-onnx, not installed: "
        "pip install 'deploybench[onnx]'\n"
    )
    code, _, said = start(folder, *starts(python)[how], "run")
    assert code == 2
    assert said.endswith("error: demonstration: needs accelerate, not installed: pip install 'deploybench[train]'\n")


@pytest.mark.parametrize(("extra", "runtime"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_an_extra_has_all_that_its_variants_need(tmp_path, folder, checkpoint_folder, extra, runtime):
    python = bare_environment(tmp_path / "environment", extra)
    variants = [name for name in variant_names() if find_variant(name).runtime == runtime]
    code, out, said = start(
        folder,
        *starts(python)["script"],
        "export",
        *(f"--checkpoint={checkpoint_folder}", "--threads=1", "--work-dir=work", f"--variants={','.join(variants)}"),
    )

    assert "No module named" not in out
    assert code == 0, out + said
    for name in variants:  # one that is the same as another is left out
        assert f"{name} " in out or f", {name}: " in said or f"left out: {name}: " in said


def test_the_extra_for_training_trains(tmp_path, folder, tiny_recipe):
    python = bare_environment(tmp_path / "environment", "train")
    code, _, said = start(folder, *starts(python)["script"], "train", tiny_recipe, "--output=trained", "--threads=1")

    assert code == 0, said
    assert (folder / "trained" / "model.safetensors").is_file()
