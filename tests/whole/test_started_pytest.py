"""A run is the same whatever pytest is told elsewhere: by variables, ini files, conftests, or plugins that load themselves."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import deploybench.suites
from deploybench.bench.pipeline.started_pytest import Handover, run_pytest, run_suites
from deploybench.exporters.errors import DataError

ROOT = Path(__file__).parents[2]
SUITE = """
def test_latency(request, benchmark):
    assert request.node.nodeid == "suites/test_latency.py::test_latency"
    assert not request.config.pluginmanager.has_plugin("xdist")
    benchmark.pedantic(lambda: None)
"""
ASKS = """
import sys
from pathlib import Path
from deploybench.bench.pipeline.started_pytest import run_pytest
sys.exit(run_pytest(Path("site/suites").absolute(), [""], [], object()))
"""
RAISES = "raise RuntimeError('was imported')\n"
TOLD = {  # files of a project that has the suites somewhere below it, and variables
    "nothing": ({}, {}),
    "workers": ({}, {"PYTEST_ADDOPTS": "-n 2"}),
    "an unknown option": ({}, {"PYTEST_ADDOPTS": "--no-such-option"}),
    "no measuring": ({}, {"PYTEST_ADDOPTS": "--benchmark-skip -k nothing"}),
    "a plugin": ({}, {"PYTEST_PLUGINS": "nowhere"}),
    "pytest.ini": ({"pytest.ini": "[pytest]\naddopts = -n 2 -p nowhere\n"}, {}),
    "pyproject.toml": ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-n auto'\n"}, {}),
    "an ini file beside": ({"site/tox.ini": "[pytest]\naddopts = --no-such-option\n"}, {}),
    "a conftest": ({"conftest.py": RAISES}, {}),
    "a conftest beside": ({"site/conftest.py": RAISES}, {}),
    "a plugin that is installed": (
        {
            "installed/odd.py": RAISES,
            "installed/odd-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: odd\nVersion: 1\n",
            "installed/odd-1.dist-info/entry_points.txt": "[pytest11]\nodd = odd\n",
        },
        {},
    ),
}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def start(folder, command, variables, *places):
    """Within minutes: what waits for itself would wait for ever."""
    places = os.pathsep.join([*map(str, places), str(folder / "installed")])
    env = {**os.environ, "PYTHONPATH": places, **variables}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600)
    print(done.stdout, done.stderr)
    return done


@pytest.mark.parametrize("told", TOLD)
def test_a_run_is_the_same_whatever_pytest_is_told(tmp_path, told):
    files, variables = TOLD[told]
    write(tmp_path, {**files, "site/suites/__init__.py": "", "site/suites/test_latency.py": SUITE})
    done = start(tmp_path, [sys.executable, "-c", ASKS], variables, ROOT)

    assert done.returncode == 0
    assert "1 passed" in done.stdout


def test_the_variables_are_there_again_afterwards(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-n 2")
    write(
        tmp_path,
        {"suites/test_variables.py": "import os\n\ndef test_it():\n    assert 'PYTEST_ADDOPTS' not in os.environ\n"},
    )

    assert run_pytest(tmp_path / "suites", ["test_variables.py"], [], object()) == 0
    assert os.environ["PYTEST_ADDOPTS"] == "-n 2"


HANDS_BACK = """
def pytest_sessionfinish(session):
    handover = session.config.pluginmanager.get_plugin("deploybench_handover")
    handover.saved = handover.prepared / "0001_run.json"
"""


def test_the_prepared_run_is_handed_over_and_the_saved_file_back(tmp_path, monkeypatch):
    """Another file that appears in the storage meanwhile is not taken for the run's."""
    test = "from pathlib import Path\n\ndef test_it():\n    Path('results/0002_other.json').write_text('{}')\n"
    write(tmp_path, {"suites/conftest.py": HANDS_BACK, "suites/test_it.py": test, "results/0000.json": "{}"})
    monkeypatch.chdir(tmp_path)
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path / "suites")])
    monkeypatch.setattr("deploybench.bench.pipeline.started_pytest.importlib.util.find_spec", lambda *_: found)

    assert run_suites(tmp_path, Path("results")) == (tmp_path / "0001_run.json", 0)


def test_a_mistake_that_stops_the_suites_is_raised(tmp_path, monkeypatch, capsys):
    stops = """
import pytest

from deploybench.exporters.errors import DataError


@pytest.fixture(autouse=True)
def stop():
    try:
        raise DataError("a mistake")
    except DataError as error:
        raise pytest.exit.Exception(f"deploybench: error: {error}", returncode=2) from None
"""
    write(tmp_path, {"suites/conftest.py": stops, "suites/test_stopped.py": "def test_it():\n    pass\n"})
    monkeypatch.chdir(tmp_path)
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path / "suites")])
    monkeypatch.setattr("deploybench.bench.pipeline.started_pytest.importlib.util.find_spec", lambda *_: found)

    with pytest.raises(DataError, match="^a mistake$"):
        run_suites(tmp_path, Path("results"))
    assert capsys.readouterr().err == ""


def test_the_search_of_the_best_runs_by_itself_in_a_project_that_has_workers(
    tmp_path, checkpoint_folder, labelled_file
):
    """As installed in an environment inside the project; names in the saved file are those of a checkout."""
    site = tmp_path / ".venv" / "site-packages"
    ignored = shutil.ignore_patterns("__pycache__", "studies")
    shutil.copytree(ROOT / "deploybench", site / "deploybench", ignore=ignored)
    write(tmp_path, {"pytest.ini": "[pytest]\naddopts = -n 2\n", "conftest.py": RAISES})
    command = [sys.executable, "-m", "deploybench.bench.cli", "export", "--best", f"--checkpoint={checkpoint_folder}"]
    flags = (
        f"--external={labelled_file}",
        "--variants=torch-eager",
        "--objective=size",
        "--output=best",
        "--threads=1",
    )
    done = start(tmp_path, [*command, *flags], {"PYTEST_ADDOPTS": "-n 2", "PYTEST_PLUGINS": "nowhere"}, site)

    assert done.returncode == 0
    [saved] = (tmp_path / ".deploybench" / "best").rglob("*.json")
    names = {one["fullname"] for one in json.loads(saved.read_text())["benchmarks"]}
    assert "suites/test_load.py::test_load[torch-eager]" in names
    assert all(name.startswith("suites/test_") for name in names)


@pytest.mark.parametrize("how", ["-n 2", "-n auto", "--dist=load --tx=2*popen", "-n 1"])
def test_workers_that_a_person_asks_for_are_one_line_at_once(tmp_path, how):
    folder = str(Path(deploybench.suites.__file__).parent)
    done = start(tmp_path, [sys.executable, "-m", "pytest", folder, "-q", *how.split()], {}, ROOT)

    assert done.returncode == 2
    [line] = [line for line in (done.stdout + done.stderr).splitlines() if line]
    assert "deploybench: error: -n: found" in line
    assert "leave -n out" in line


@pytest.mark.parametrize("how", ["-n 0", "-p no:xdist", "-n 2 --collect-only"])
def test_without_workers_pytest_alone_goes_on(tmp_path, how):
    folder = str(Path(deploybench.suites.__file__).parent)
    command = [sys.executable, "-m", "pytest", folder, "-q", "-k", "training", "-p", "no:cacheprovider", *how.split()]
    done = start(tmp_path, command, {}, ROOT)

    assert done.returncode == 0
    assert re.search(r"\b3(/\d+ tests collected| skipped)", done.stdout)  # of a GPU


@pytest.mark.parametrize(
    ("message", "said"),
    [("Failed: torchscript: labels agree on 0.5 of 77 texts", False), ("assert 1 == 2", True)],
)
def test_why_a_variant_failed_is_in_its_row_and_not_said_as_well(capsys, message, said):
    variants = {
        "torch-eager": SimpleNamespace(failed=""),
        "torchscript": SimpleNamespace(failed="labels agree on 0.5 of 77 texts"),
    }
    handover = Handover([SimpleNamespace(variants=variants)])
    crash = SimpleNamespace(message=message)
    report = SimpleNamespace(failed=True, longrepr=SimpleNamespace(reprcrash=crash), nodeid="test_x")
    handover.pytest_runtest_logreport(report)

    assert (f"test_x: {message}" in capsys.readouterr().err) is said
