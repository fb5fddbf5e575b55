"""One bar for all of a run: what is counted, and what is printed beside it."""

import io
from contextlib import redirect_stderr

import pytest
import tqdm

from deploybench.bench import console
from deploybench.bench.pipeline.forecast import expected_parts, plan_line
from deploybench.bench.pipeline.options import Options


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Eager(tqdm.tqdm):
    """Shows every step, whatever the time since the last."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, mininterval=0, miniters=0, **keywords)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr("tqdm.tqdm", Eager)
    return Terminal()


def shares(terminal):
    """The percentages that were shown, in order."""
    lines = terminal.getvalue().replace("\n", "\r").split("\r")
    return [int(line.partition("%")[0].rpartition(":")[2]) for line in lines if "%|" in line]


def test_parts_move_one_bar_by_their_expected_seconds(terminal):
    with redirect_stderr(terminal), console.one_bar({"export": 60, "latency": 40}):
        with console.progress("exporting 3 variants", 3, "export") as bar:
            bar.advance(3)
        with console.progress("timing", 4, "latency") as bar:
            bar.advance(2)
            bar.extend(4)
            bar.advance(1)
        console.step("accuracy", 0.5)  # is no part: not counted

    assert shares(terminal)[-1] == 100
    assert shares(terminal) == sorted(shares(terminal))
    assert "left" in terminal.getvalue()


def test_what_a_part_leaves_out_is_counted_at_its_end(terminal):
    with redirect_stderr(terminal), console.one_bar({"export": 50, "latency": 50}):
        with console.progress("exporting", 10, "export") as bar:
            bar.advance(1)
        console.step("latency", 0.0)
        assert shares(terminal)[-1] == 50


def test_a_part_is_counted_once(terminal):
    with redirect_stderr(terminal), console.one_bar({"memory": 10}):
        for _ in range(5):
            console.step("memory", 0.4)

    assert max(shares(terminal)) == 100


def test_a_message_stands_above_the_bar(terminal):
    with redirect_stderr(terminal), console.one_bar({"memory": 10}):
        console.say("set external: 250 texts")
        console.step("memory", 0.5)

    assert "set external: 250 texts\n" in terminal.getvalue()


def test_outside_and_for_other_work_a_bar_is_its_own(terminal):
    with redirect_stderr(terminal), console.progress("scoring", 2, "latency") as bar:
        bar.advance(2)
    with redirect_stderr(terminal), console.one_bar({"export": 10}), console.progress("reading", 2) as bar:
        bar.advance(2)

    assert "scoring" in terminal.getvalue()
    assert "reading" in terminal.getvalue()


def test_there_is_no_bar_without_a_terminal(capsys):
    with console.one_bar({"memory": 10}):
        console.step("memory", 0.5)
        with console.progress("exporting", 2, "memory") as bar:
            bar.advance()
        console.say("one line")

    assert capsys.readouterr().err == "one line\n"


def test_the_plan_says_what_is_done_and_how_long():
    said = plan_line([Options(variants=("onnx-fp32",), time_budget=90)])

    assert said == "plan: train, export and check 2 variants (about 20 s), measure (1 min 30 s)"
    assert len(plan_line([Options(checkpoint="arch:albert-base-v2")])) <= 80


@pytest.mark.parametrize(
    ("second", "told"), [(("onnx-fp32",), "2 variants"), (("onnx-fp32", "torchscript"), "2–3 variants")]
)
def test_the_plan_of_several_models_has_the_variants_of_each(second, told):
    """Each with torch-eager."""
    models = [Options(checkpoint="arch:albert-base-v2", variants=one) for one in (("onnx-fp32",), second)]

    assert f"export and check {told} of 2 models" in plan_line(models)


def test_a_larger_checkpoint_takes_longer_to_export(tmp_path):
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(bytes(3_000_000))
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(bytes(3_000_000))
    seconds = [expected_parts([Options(checkpoint=one)])["export"] for one in (str(tmp_path), "arch:albert-base-v2")]

    assert seconds[0] == pytest.approx(len(Options(checkpoint=str(tmp_path)).variants) * 2.6)
    assert seconds[1] > seconds[0]
