"""A package of somebody else brings a runtime and a variant: the one of exporters/README.md, in a folder of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from deploybench.bench import cli
from deploybench.bench.report.render import render
from deploybench.bench.report.tables import ON_DEMAND, SHOWN
from deploybench.bench.runs.store import read_run
from deploybench.exporters.artifacts.artifact import read_artifact

ROOT = Path(__file__).parents[2]
NAME = "plainort-fp32"
PLUGIN = "--plugin=acme.plainort_fp32"
SMALL = ("--batch-sizes=1", "--sequence-lengths=16", "--target-width=9")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder of the package; ``installed`` beside it holds what an installation adds."""
    folder = tmp_path_factory.mktemp("acme")
    _, code = re.findall(
        r"```python\n(.*?)```", (ROOT / "exporters" / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (folder / "source" / "acme").mkdir(parents=True)
    (folder / "source" / "acme" / "__init__.py").touch()
    (folder / "source" / "acme" / "plainort_fp32.py").write_text(code, encoding="utf-8")
    info = folder / "installed" / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[deploybench.variants]\n{NAME} = acme.plainort_fp32\n")
    return folder


def deploybench(package, folder, *arguments, installed=False, module="deploybench.bench.cli"):
    """Run a command in ``folder``, with the package on PYTHONPATH, or also its entry points."""
    path = [str(ROOT), str(package / "source"), *([str(package / "installed")] if installed else [])]
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)  # pytest shows it when a test fails
    return done


@pytest.fixture(scope="module")
def measured(package, tmp_path_factory, checkpoint_folder, labelled_file):
    """The folder of a run with the installed package, and what the command printed."""
    folder = tmp_path_factory.mktemp("run")
    asked = (f"--checkpoint={checkpoint_folder}", f"--external=small={labelled_file}", f"--variants=onnx-fp32,{NAME}")
    return folder, deploybench(package, folder, "run", *asked, *SMALL, installed=True)


@pytest.fixture(scope="module")
def saved(measured):
    """The saved run, read where there is no such package."""
    return read_run(measured[0] / "results")


def test_it_is_listed(package, tmp_path):
    line = rf"^  {NAME} +plainort, fp32; of acme.plainort_fp32$"
    for done in (
        deploybench(package, tmp_path, "list", PLUGIN),
        deploybench(package, tmp_path, "list", installed=True),
    ):
        assert (done.returncode, done.stderr) == (0, "")
        assert len(re.findall(line, done.stdout, re.MULTILINE)) == 1
    assert NAME not in deploybench(package, tmp_path, "list").stdout


def test_it_is_measured_like_any_other(measured, saved):
    _, done = measured
    info = saved.variants[NAME]

    assert done.returncode == 0
    assert re.search(rf"^{NAME}!? ", done.stdout, re.MULTILINE)
    assert (info.runtime, info.precision, info.failed) == ("plainort", "fp32", "")
    assert info.parity["agreement"] == 1.0
    assert (list(info.executed), info.executed_problem) == (["fp32"], "")  # by the trace that it names
    assert info.operators
    assert info.operators != saved.variants["onnx-fp32"].operators  # nothing is fused
    assert info.stored is not None


def test_every_table_has_it(saved):
    tables = {name: render(saved, "md", [name]) for name in (*SHOWN, *ON_DEMAND)}
    with_siblings = {name for name, text in tables.items() if "onnx-fp32" in text}

    assert {"summary", "memory", "fidelity", "operators", "weights", "cold"} <= with_siblings
    assert [name for name in with_siblings if NAME not in tables[name]] == []


def test_a_saved_run_is_read_without_the_package(measured, saved, capsys, tmp_path):
    again = tmp_path / "again.json"
    shutil.copy(saved.path, again)
    shutil.copytree(saved.path.parent, tmp_path, dirs_exist_ok=True)

    assert cli.main(["compare", str(saved.path), str(again), "--all"]) == 0
    assert re.search(rf"^{NAME} +.*latency", capsys.readouterr().out, re.MULTILINE)
    assert cli.main(["recommend", str(saved.path), "--max-accuracy-drop=0.5"]) == 0
    assert NAME in capsys.readouterr().out
    assert cli.main(["report", str(saved.path), "--format=html", f"--output={tmp_path / 'page.html'}"]) == 0
    assert NAME in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_it_labels_a_file(package, measured, checkpoint_folder, tmp_path):
    texts = pd.DataFrame({"text": ["The budget has passed.", "You won't believe it!", "A third one."]})
    texts.to_csv(tmp_path / "texts.csv", index=False)
    asked = (f"--variant={NAME}", f"--checkpoint={checkpoint_folder}", f"--work-dir={measured[0] / '.deploybench'}")
    done = deploybench(package, tmp_path, "score", "texts.csv", *asked, "--output=labels.parquet", PLUGIN)

    assert done.returncode == 0
    assert set(pd.read_parquet(tmp_path / "labels.parquet")["label"]) <= {"real", "fake"}


def test_it_is_copied_with_an_example_that_serves(package, measured, tmp_path):
    folder, _ = measured
    aim = ("--max-accuracy-drop=0.9", "--max-size-mb=1000", f"--work-dir={folder / '.deploybench'}")
    run = only_it(folder / "results", tmp_path)
    refused = deploybench(package, tmp_path, "recommend", run, *aim, "--copy-to=best")
    done = deploybench(package, tmp_path, "recommend", run, *aim, "--copy-to=best", PLUGIN)

    assert refused.returncode == 2
    assert f"deploybench: error: unknown variant '{NAME}'" in refused.stderr
    assert done.returncode == 0
    assert read_artifact(tmp_path / "best").variant == NAME
    command = [sys.executable, "-I", str(tmp_path / "best" / "example.py"), "The budget has passed."]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0] in {"real", "fake"}


def only_it(results, tmp_path):
    """The saved run with latencies that let the variant win."""
    [file] = results.glob("*/*.json")
    copy = Path(shutil.copytree(results, tmp_path / "results")) / file.relative_to(results)
    content = json.loads(copy.read_text())
    content["deploybench"]["measurements"] = [
        {**one, "values": [value / 100 for value in one["values"]]}
        if one["variant"] == NAME and one["metric"] == "latency"
        else one
        for one in content["deploybench"]["measurements"]
    ]
    copy.write_text(json.dumps(content))
    return copy


def test_a_changed_source_is_exported_again(package, measured, checkpoint_folder, tmp_path):
    """And a package in another folder, installed or not, is the same one."""
    shutil.copytree(measured[0] / ".deploybench", tmp_path / ".deploybench")
    other = Path(shutil.copytree(package, tmp_path / "other"))
    [artifact] = tmp_path.glob(f".deploybench/artifacts/*/{NAME}")
    asked = ("export", f"--checkpoint={checkpoint_folder}", f"--variants={NAME}", PLUGIN)
    fingerprints = [read_artifact(artifact).fingerprint]
    module = other / "source" / "acme" / "plainort_fp32.py"
    for code in (module.read_text(), module.read_text().replace("DISABLE_ALL", "ENABLE_BASIC")):
        module.write_text(code)
        assert deploybench(other, tmp_path, *asked).returncode == 0
        fingerprints.append(read_artifact(artifact).fingerprint)

    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_a_duel_measures_it(package, measured, tmp_path):
    artifacts = next((measured[0] / ".deploybench" / "artifacts").glob("*"))
    sides = (artifacts / "onnx-fp32", artifacts / NAME)
    quick = ("--threads=1", "--target-width=9", "--time-budget=1", "--sequence-lengths=16")
    done = deploybench(package, tmp_path, "duel", *sides, *quick, PLUGIN)

    assert done.returncode in {0, 1}  # whichever is faster
    assert "A against B" in done.stdout


def test_pytest_takes_it(package, tmp_path):
    suite = (ROOT / "suites" / "test_load.py", "-q", "-p", "no:cacheprovider", "--collect-only", f"--rootdir={ROOT}")
    done = deploybench(package, tmp_path, *suite, f"--variants={NAME}", PLUGIN, module="pytest")

    assert done.returncode == 0
    assert f"[{NAME}]" in done.stdout
