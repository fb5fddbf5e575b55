"""A repository of somebody else, with variants of its own, that uses the pytest plugin as pytest finds it when it is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploybench.bench import cli
from deploybench.bench.runs.store import read_run

ROOT = Path(__file__).parents[2]
VARIANT = "plainort-fp32"
BROKEN = """
from dataclasses import replace
from acme import plainort_fp32

def load(artifact, threads):
    predict = plainort_fp32.load(artifact, threads)
    return lambda ids, mask: -predict(ids, mask)

VARIANT = replace(plainort_fp32.VARIANT, load=load)
"""
GATE = """
import pytest

@pytest.fixture
def rows(deploybench):
    asked = {"sets": {"news": "news.jsonl"}, "variants": ["plainort-fp32", "broken-fp32"]}
    return deploybench.run("my-checkpoint", **asked, threads=1, batch_sizes=[1], sequence_lengths=[16], target_width=9)

def test_accuracy_and_size(rows):
    rows["plainort-fp32"].assert_keeps_accuracy(0.99)
    rows["plainort-fp32"].assert_size_below("1MB")

def test_speed(rows):
    rows["plainort-fp32"].assert_not_slower(by=0.1)
"""
SPEED = """
def test_speed(deploybench):
    row = deploybench.read_run(".benchmarks/deploybench")["plainort-fp32"]
    row.assert_not_slower(by=0.1)
"""
WRONG = """
def test_baseline(saved):
    saved["plainort-fp32"].assert_not_slower("nowhere.zip", by=0.1)

def test_size(saved):
    saved["plainort-fp32"].assert_size_below("13 parsecs")

def test_row(saved):
    saved["plainort-fp23"]

def test_parity(saved):
    saved["broken-fp32"].assert_size_below("1 GB")

def test_variant(deploybench):
    deploybench.run("my-checkpoint", variants=["plainort-fp23"])

def test_option(deploybench):
    deploybench.run("my-checkpoint", varients=["plainort-fp32"])

def test_checkpoint(deploybench):
    deploybench.run("nowhere/at-all")
"""
SAID = {
    "baseline": "nowhere.zip: no such file",
    "size": "found '13 parsecs', expected a number with MB or GB",
    "row": "'plainort-fp23' is not in the run; did you mean 'plainort-fp32'?",
    "parity": "not the same model as torch-eager",
    "variant": "unknown variant 'plainort-fp23'; did you mean 'plainort-fp32'?",
    "option": "did you mean 'variants'?",
    "checkpoint": "nowhere/at-all",
}
CONFTEST = """
import pytest

@pytest.fixture
def saved(deploybench):
    return deploybench.read_run(".benchmarks/deploybench")
"""
UNUSED = """
import sys

def test_nothing():
    assert "deploybench.suites.plugin" in sys.modules
    assert {"deploybench.bench", "deploybench.exporters", "numpy", "torch"}.isdisjoint(sys.modules)
"""
ENTRY_POINTS = {
    "acme": f"[deploybench.variants]\n{VARIANT} = acme.plainort_fp32\nbroken-fp32 = acme.broken_fp32\n",
    "deploybench": "[pytest11]\ndeploybench = deploybench.suites.plugin\n",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory, checkpoint_folder, labelled_file):
    """Its folder, with the entry points that an installation adds."""
    folder = tmp_path_factory.mktemp("repository")
    _, plainort = re.findall(r"```python\n(.*?)```", (ROOT / "exporters" / "README.md").read_text(), re.DOTALL)
    files = {"acme/__init__.py": "", "acme/plainort_fp32.py": plainort, "acme/broken_fp32.py": BROKEN}
    files |= {"conftest.py": CONFTEST, "test_gate.py": GATE, "test_speed.py": SPEED, "test_wrong.py": WRONG}
    files |= {"test_unused.py": UNUSED}
    for name, text in ENTRY_POINTS.items():
        files[f"installed/{name}-1.dist-info/entry_points.txt"] = text
        files[f"installed/{name}-1.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "my-checkpoint").symlink_to(checkpoint_folder)
    (folder / "news.jsonl").symlink_to(labelled_file)
    return folder


def pytest_there(folder, *arguments):
    """Run pytest in ``folder``; gives its exit code and what it printed."""
    path = os.pathsep.join(map(str, [folder, folder / "installed", ROOT]))
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": path, "CI": "yes"}  # then pytest cuts no line
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    return done


def failures(done):
    """Line of the short summary by test."""
    found = re.findall(r"^(?:FAILED|ERROR) [^:]+::test_(\w+) - (.*)$", done.stdout, re.MULTILINE)
    return dict(found)


def errors(done):
    """The lines of all errors, as pytest shows them below the test's own line."""
    return re.findall(r"^E +(.*)$", done.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def first(repository):
    """The first session, which has no baseline yet."""
    return pytest_there(repository, "test_gate.py", "--deploybench-budget=8")


@pytest.fixture(scope="module")
def saved(first, repository):
    """The run that it saved."""
    return read_run(repository / ".benchmarks" / "deploybench")


def baseline(saved, folder, times):
    """A file of `deploybench baseline save` of the run, with the variant's latencies ``times`` as long."""
    copy = folder / saved.path.name
    content = json.loads(saved.path.read_text())
    for one in content["deploybench"]["measurements"]:
        if (one["variant"], one["metric"]) == (VARIANT, "latency"):
            one["values"] = [value * times for value in one["values"]]
    copy.write_text(json.dumps(content))
    shutil.copy(saved.path.parent / saved.predictions, folder)
    assert cli.main(["baseline", "save", str(folder / "baseline.zip"), str(copy)]) == 0
    return folder / "baseline.zip"


def test_the_first_session_says_how_to_keep_its_run_as_a_baseline(first, saved, repository):
    assert first.returncode == 1
    [(test, line)] = failures(first).items()
    assert (test, errors(first)) == ("speed", [line])
    assert line.startswith(
        "Failed: assert_not_slower: found no baseline, expected one as its argument or as --deploybench-baseline;"
    )
    assert line.endswith(f" deploybench baseline save baseline.zip {saved.path.relative_to(repository)}")


def test_a_run_is_made_once_and_saved_beside_those_of_pytest_benchmark(first, saved, repository):
    [file] = repository.rglob("0*_*.json")
    assert file.relative_to(repository).parts[:2] == (".benchmarks", "deploybench")
    assert saved.plan.time_budget == 8
    assert saved.variants["broken-fp32"].failed
    assert f"saved: {file.relative_to(repository)}\n" in first.stdout
    assert len(re.findall(rf"^{VARIANT} .*\d", first.stdout, re.MULTILINE)) == 1
    assert "exporting and checking" in first.stderr  # progress is not captured


@pytest.mark.parametrize(("times", "code"), [(10, 0), (0.1, 1)])
def test_a_gate_passes_or_fails_by_its_baseline(saved, repository, tmp_path, times, code):
    file = baseline(saved, tmp_path, times)
    done = pytest_there(repository, "test_speed.py", f"--deploybench-baseline={file}")

    assert done.returncode == code
    if code:
        [line] = errors(done)
        assert failures(done) == {"speed": line}
        assert line.startswith(f"AssertionError: {VARIANT}: latency 1×16 changed by +")
        assert line.endswith(f"expected at most +10.0 % against {file}")
        assert re.findall(r"^(\S+\.py):\d+: ", done.stdout, re.MULTILINE) == ["test_speed.py"]  # none of our files


def test_an_undecided_latency_is_a_warning_that_may_be_made_an_error(saved, repository, tmp_path):
    file = baseline(saved, tmp_path, 1 / 1.1)
    asked = ("test_speed.py", f"--deploybench-baseline={file}")
    done, strict = (
        pytest_there(repository, *asked, *more)
        for more in ((), ("-W", "error::deploybench.suites.plugin.UndecidedWarning"))
    )

    assert (done.returncode, strict.returncode) == (0, 1)
    assert re.search(rf"^  .*/test_speed.py:4: UndecidedWarning: {VARIANT}: .*: undecided$", done.stdout, re.MULTILINE)
    assert failures(strict)["speed"].endswith("undecided")


def test_every_mistake_is_one_line(saved, repository):
    done = pytest_there(repository, "test_wrong.py")
    found = failures(done)

    assert found.keys() == SAID.keys()
    assert errors(done) == list(found.values())
    for test, said in SAID.items():
        assert said in found[test]


def test_workers_of_xdist_do_not_measure(repository):
    done = pytest_there(repository, "test_gate.py", "-n", "2")
    lines = failures(done)

    assert lines.keys() == {"accuracy_and_size", "speed"}
    assert all("-n: found 2 workers of pytest-xdist" in line for line in lines.values())


def test_a_session_that_does_not_use_the_fixture_imports_nothing(repository):
    done = pytest_there(repository, "test_unused.py")

    assert done.returncode == 0
    assert "= deploybench =" not in done.stdout
