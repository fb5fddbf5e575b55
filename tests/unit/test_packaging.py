"""What pyproject.toml puts into a wheel."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from setuptools import find_packages
from wheels import SAVED as SAVED_WHEELS
from wheels import pins

from deploybench.bench.cli import main
from deploybench.exporters import packages
from deploybench.exporters.artifacts.catalogue import find_variant, variant_names
from deploybench.exporters.packages import EXTRAS, absent, install

ROOT = Path(__file__).parents[2]


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = PROJECT["optional-dependencies"]
SAVED = ROOT / "tests" / "data" / "run-schema-1.json"
ON_ANOTHER_SYSTEM = """
import multiprocessing.connection, os, subprocess, sys, sysconfig, tempfile
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, *_):
        if name in {"fcntl", "resource", "pwd", "grp", "memray"}:
            raise ModuleNotFoundError(name)

sysconfig.get_config_vars()
sys.platform = "darwin"
sys.meta_path.insert(0, Without)
for name in ("fcntl", "resource", "pwd", "grp"):
    sys.modules.pop(name, None)
for name in ("sched_getaffinity", "fork", "pidfd_open", "O_NOFOLLOW"):
    delattr(os, name)
from deploybench.bench.cli import main
print("code", main(sys.argv[1:]))
"""


def names(lines):
    """The distributions of requirements, with their extras."""
    return [re.sub(r"[<>=;! ].*", "", line) for line in lines]


def test_extras_are_those_of_pyproject():
    asked = {
        extra: names(lines)
        for extra, lines in PROJECT["optional-dependencies"].items()
        if extra not in {"dev", "mlflow"}
    }

    assert asked.pop("all") == ["deploybench[train,onnx,openvino,serve]"]
    for alone in ("torch", "serve"):
        assert asked.pop(alone) == list(EXTRAS[alone])
    assert asked == {
        extra: ["deploybench[torch]", *own] for extra, own in EXTRAS.items() if extra not in {"torch", "serve"}
    }


def test_every_package_of_a_variant_is_in_the_extra_of_its_runtime():
    of = {"torch": ["torch"], "onnxruntime": ["torch", "onnx"], "openvino": ["torch", "openvino"], "numpy": []}
    for name in variant_names():
        variant = find_variant(name)
        known = [*names(PROJECT["dependencies"]), *(one for extra in of[variant.runtime] for one in EXTRAS[extra])]
        assert {*variant.packages} <= {*known}, name


def versions(file):
    """Version by distribution, of a file of constraints."""
    lines = (ROOT / file).read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in pinned.items()}


def test_lower_bounds_are_versions_that_were_tried():
    tried = versions("constraints-lowest.txt")
    bounds = {one.name: str(one.specifier) for one in map(Requirement, PROJECT["dependencies"])}

    assert bounds == {name: f">={version}" for name, version in tried.items()}
    assert PROJECT["requires-python"] == ">=3.11"


def test_lower_bounds_of_extras_are_the_pinned_versions():
    pinned = versions("constraints.txt")
    for line in (line for extra in EXTRAS for line in OPTIONAL[extra]):
        one = Requirement(line)
        if one.name != "deploybench":
            assert str(one.specifier) == f">={'.'.join(pinned[one.name].split('.')[:2])}", line


def test_the_wheels_that_were_looked_up_are_those_of_the_pins():
    saved = json.loads(SAVED_WHEELS.read_text())
    complete = [python for python, missing in saved["without_wheel"].items() if not missing]

    assert saved["pins"] == pins(), "run: python tests/wheels.py"
    assert f"has a wheel for {', '.join(complete[:-1])} and {complete[-1]}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("wanted", "command"),
    [
        (("torch", "transformers"), "pip install 'deploybench[torch]'"),
        (("onnx", "torch"), "pip install 'deploybench[onnx]'"),
        (("accelerate", "openvino"), "pip install 'deploybench[train,openvino]'"),
        (("acme-runtime",), "pip install acme-runtime"),
        (("acme-runtime", "onnx"), "pip install 'deploybench[onnx]' acme-runtime"),
    ],
)
def test_what_to_install(wanted, command):
    assert install(wanted) == command


def test_a_package_is_absent_if_it_is_not_installed():
    assert absent(["numpy", "acme-runtime", "acme-runtime"]) == ("acme-runtime",)


@pytest.mark.parametrize("arguments", [["run"], ["export"], ["train", "x.toml", "--output=x"], ["duel", "a", "b"]])
def test_another_system_reads_saved_runs_alone(monkeypatch, capsys, arguments):
    monkeypatch.setattr(packages.sys, "platform", "darwin")

    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        f"deploybench: error: {arguments[0]}: exports and measures on Linux alone, and this is darwin; here, saved runs can be "
        "read, compared and reported\n"
    )


@pytest.mark.process
@pytest.mark.parametrize(
    "arguments",
    [
        ["report", SAVED],
        ["report", SAVED, "--format=card"],
        ["recommend", SAVED],
        ["list"],
        ["compare", SAVED, SAVED],
        ["run"],
    ],
    ids=lambda one: one[0],
)
def test_reading_needs_nothing_that_linux_alone_has(arguments):
    command = [sys.executable, "-c", ON_ANOTHER_SYSTEM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Modules that Windows lacks are taken away as well.
    wanted = {"compare": "are the same file", "run": "on Linux alone, and this is darwin"}.get(arguments[0], "")

    assert done.stdout.endswith(("code 0\n", "code 1\n", "code 2\n")), done.stderr
    assert wanted in done.stderr
    assert wanted or not done.stderr, done.stderr


def test_every_data_file_is_in_a_package_and_in_its_package_data():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = find_packages(ROOT, include=settings["packages"]["find"]["include"])
    shipped = {
        path.relative_to(ROOT)
        for package, patterns in settings["package-data"].items()
        if package in packages
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    found = {
        path.relative_to(ROOT)
        for package in ("bench", "exporters", "suites")
        for path in (ROOT / "deploybench" / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "README.md"
    }

    assert found == shipped - {Path("deploybench/py.typed")}
    assert {package.partition(".")[0] for package in packages} == {"deploybench"}
