"""``import deploybench``: the same answers as the commands give, for programs and notebooks."""

import subprocess
import sys
from pathlib import Path

import pytest
from shipped import shipped

import deploybench
from deploybench.bench.api.flags import parsed

SHIPPED = {path.name[:4]: path for path in shipped("Linux-*/*.json")}
MODELS = Path(__file__).parents[1] / "data" / "runs"


@pytest.mark.process
@pytest.mark.parametrize("module", ["deploybench", "deploybench.exporters.artifacts.catalogue"])
def test_workers_import_nothing_of_it(module):
    told = f"import sys, {module}; print([name for name in sys.modules if name.startswith('deploybench.bench')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_every_name_is_there_and_no_other():
    assert all(callable(getattr(deploybench, name)) for name in deploybench.__all__)
    assert {*deploybench.__all__} <= {*dir(deploybench)}
    with pytest.raises(AttributeError, match="'deploybench' has no attribute 'rum'"):
        _ = deploybench.rum


def test_a_saved_run_says_what_failed():
    run = deploybench.read_run(SHIPPED["0025"])

    assert run.path == SHIPPED["0025"]
    assert "onnx-int8-dynamic" in run.variants
    assert run.failed["torch-int8-dynamic"].startswith("not the same model as torch-eager")
    assert run.exit_code == 1
    assert "\ntake openvino-int8-bf16" in str(run)


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"checkpoint": ["my-albert"]}, {"checkpoint": ["my-albert"]}),
        ({"checkpoint": {"a": "x", "b": "y"}}, {"checkpoint": ["a=x", "b=y"]}),
        ({"external": {"test": Path("test.csv")}}, {"external": ["test=test.csv"]}),
        ({"variants": ["onnx-fp32", "openvino-int8"]}, {"variants": ("onnx-fp32", "openvino-int8")}),
        ({"variants": "onnx-fp32,openvino-int8"}, {"variants": ("onnx-fp32", "openvino-int8")}),
        ({"batch_sizes": [8, 1]}, {"batch_sizes": (1, 8)}),
        ({"plugin": ["a.b", "c"]}, {"plugin": ["a.b", "c"]}),
        (
            {"time_budget": 90, "threads": None, "resume": False},
            {"time_budget": 90.0, "threads": None, "resume": False},
        ),
        ({"drop_bad_rows": True}, {"drop_bad_rows": True}),
    ],
)
def test_keyword_arguments_are_read_as_flags(given, flags):
    found = vars(parsed(given))

    assert {name: found[name] for name in flags} == flags


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"thread": 2}, "option 'thread': unknown; did you mean 'threads'? known: allow_pickle, "),
        ({"threads": 0}, "--threads: found '0', expected a whole number from 1 to "),
        ({"time_budget": "3m"}, "--time-budget: found '3m', expected a number above 0 such as 180"),
        ({"external": {"a/b": "x.csv"}}, "--external: 'a/b' is no name, expected one without = and /; rename it"),
        ({"external": {"": "x.csv"}}, "--external: '' is no name, "),
        ({"checkpoint": {1: "x"}}, "--checkpoint: 1 is no name, "),
    ],
)
def test_mistakes_in_them_are_one_line(given, line):
    with pytest.raises(deploybench.UserError) as raised:
        parsed(given)

    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)
