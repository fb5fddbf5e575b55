"""The GPU's suite without one: what it measures is right on a CPU, what it would run there is known, and a skip is no pass."""

import json
import math
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import deploybench.suites
from deploybench.exporters.checkpoints.architectures import ARCHITECTURES
from deploybench.exporters.device_speed import matrix_rate, speed, stopwatch
from deploybench.exporters.device_speed.speed import ForwardPass, Measured, Setting, Speed, TrainingStep, largest_batch
from deploybench.exporters.device_speed.stopwatch import WARMUP, Timed, each_timed
from deploybench.exporters.training.out_of_memory import none_if_oom
from deploybench.exporters.training.precision import Device, fast_precisions
from deploybench.exporters.training.recipe import read_recipe
from deploybench.suites.gpu import __main__ as gpu
from deploybench.suites.gpu import tables
from deploybench.suites.gpu.plan import Plan

SUITE = Path(deploybench.suites.__file__).parent / "gpu" / "test_training.py"
LENGTH, HIDDEN, INNER, TABLE, LAYERS = 8, 16, 32, 12, 3
TINY = {
    "model_type": "albert",
    "vocab_size": 50,
    "embedding_size": TABLE,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_hidden_groups": 1,
    "num_attention_heads": 2,
    "intermediate_size": INNER,
    "max_position_embeddings": LENGTH,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout_prob": 0.0,
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    monkeypatch.setitem(matrix_rate.SIZES, "cpu", 32)


def setting(precision="fp32", **changes):
    recipe = replace(read_recipe("albert-welfake"), max_length=LENGTH, per_device_batch_size=4, learning_rate=0.01)
    fields = {"architecture": "tiny", "device": "cpu", "recipe": recipe, "batches": (1, 3), "times": 2}
    return Setting(precision=precision, **{**fields, **changes})


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_training_and_inference_are_measured_on_a_cpu_too(precision):
    measured = speed.measure(setting(precision))

    assert measured.matrix_rate > 0
    assert measured.largest is None
    assert "CPU" in measured.not_searched
    assert [(one.batch, len(one.seconds)) for one in (measured.training, *measured.inference)] == [
        (4, 2),
        (1, 2),
        (3, 2),
    ]
    assert all(seconds > 0 for one in (measured.training, *measured.inference) for seconds in one.seconds)
    assert measured.training.peak_memory is None


def test_operations_are_those_of_the_products_and_of_training_three_times_as_many():
    measured = speed.measure(setting())
    layer = 2 * LENGTH * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER) + 4 * LENGTH * LENGTH * HIDDEN
    text = 2 * LENGTH * TABLE * HIDDEN + LAYERS * layer + 2 * HIDDEN * HIDDEN + 2 * HIDDEN * 2

    assert measured.training.operations == 3 * 4 * text
    assert [one.operations for one in measured.inference] == [text, 3 * text]


def test_rates_are_by_the_median():
    one = Speed(batch=4, length=8, operations=100.0, seconds=(1.0, 9.0, 2.0))

    assert (one.samples_per_second, one.tokens_per_second, one.rate) == (2.0, 16.0, 50.0)


def test_the_rate_of_matrices_is_by_the_median_product(monkeypatch):
    monkeypatch.setattr(matrix_rate, "each_timed", lambda *_: Timed((0.5, 4.0, 0.25), None))

    assert matrix_rate.matrix_rate("fp32", "cpu") == 2 * 32**3 / 0.5


def test_the_first_seconds_of_products_do_not_count(monkeypatch):
    monkeypatch.setitem(matrix_rate._BEFORE, "cpu", 1.1)
    asked = []

    def timed(_, times, device):
        asked.append((times, device))
        return Timed((0.5,) * 3 + (0.25,) * (times - 3), None)

    monkeypatch.setattr(matrix_rate, "each_timed", timed)

    assert matrix_rate.matrix_rate("fp32", "cpu") == 2 * 32**3 / 0.25
    assert asked == [(3, "cpu"), (13, "cpu")]


@pytest.mark.parametrize(("precision", "products"), [("tf32", "high"), ("fp32", "highest"), ("bf16", "highest")])
def test_only_tf32_multiplies_fp32_otherwise(monkeypatch, precision, products):
    said = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", said.append)
    TrainingStep(setting(precision), 1)
    ForwardPass(setting(precision), 1)
    matrix_rate.matrix_rate(precision, "cpu")

    assert said == [products] * 3


def test_a_step_is_that_of_a_plain_loop():
    asked = setting(recipe=replace(setting().recipe, max_grad_norm=1e-3))
    step, twin = TrainingStep(asked, 4), TrainingStep(asked, 4)
    model, inputs = twin._model, step._inputs
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    for _ in range(2):
        loss = model(**inputs).loss
        loss.backward()
        norm = math.sqrt(sum(float((one.grad**2).sum()) for one in model.parameters()))
        assert norm > 1e-3
        for one in model.parameters():
            one.grad *= 1e-3 / (norm + 1e-6)
        optimizer.step()
        optimizer.zero_grad()
        assert step().item() == pytest.approx(loss.item(), rel=1e-4)
    for ours, theirs in zip(step._model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("precision", "scaled"), [("fp32", False), ("bf16", False), ("fp16", True)])
def test_mixed_precision_keeps_fp32_weights_and_scales_fp16_alone(precision, scaled):
    step = TrainingStep(setting(precision), 4)
    before = [one.detach().clone() for one in step._parameters]
    seen = []
    step._model.classifier.register_forward_hook(lambda *inner: seen.append(inner[2].dtype))
    step()

    assert seen == [{"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]]
    assert step._scaler.is_enabled() == scaled
    assert {one.dtype for one in step._parameters} == {torch.float32}
    assert not any(
        torch.equal(one, other) for one, other in zip(before, step._parameters, strict=True) if other.std() > 0.01
    )


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_inference_has_its_weights_in_the_precision_and_no_gradients(precision, dtype):
    logits = ForwardPass(setting(precision), 3)()

    assert (logits.shape, logits.dtype, logits.requires_grad) == ((3, 2), dtype, False)


def test_a_gpu_is_waited_for_before_each_reading_of_the_clock(monkeypatch):
    said = []
    for name in ("synchronize", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda name=name: said.append(name))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 77)
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: said.append("clock") or len(said))
    timed = each_timed(lambda: said.append("call"), 2, "cuda")

    once = ["synchronize", "clock", "call", "synchronize", "clock"]
    assert said == ["call"] * WARMUP + ["reset_peak_memory_stats"] + 2 * once
    assert timed == Timed((3, 3), 77)


@given(st.integers(0, 3000), st.integers(1, 1500))
def test_the_largest_batch_is_found_by_few_tries(limit, most):
    tries = []
    found = largest_batch(lambda batch: tries.append(batch) or batch <= limit, most)

    assert found == min(limit, most)
    assert max(tries) <= most
    assert len(tries) == len(set(tries)) <= 2 * math.log2(most) + 2


def test_a_call_without_room_leaves_nothing_behind():
    left = []

    def fill():
        tensor = torch.zeros(10)
        left.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    assert none_if_oom(fill) is None
    assert left[0]() is None
    assert none_if_oom(lambda: 3) == 3


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory",
        "DefaultCPUAllocator: can't allocate memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN Frontend error: [cudnn_frontend] Error: No valid execution plans built.",
    ],
)
def test_the_drivers_words_mean_the_same(words):
    def fill():
        raise RuntimeError(words)

    assert none_if_oom(fill) is None


def test_any_other_error_is_one():
    def fail():
        raise RuntimeError("device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        none_if_oom(fail)


@pytest.fixture
def limited(monkeypatch):
    """A device that has room for so many texts in training; what was tried."""

    def limit(most, error=torch.OutOfMemoryError):
        tried = []

        class Step:
            def __init__(self, _, batch):
                self._batch = batch

            def __call__(self):
                tried.append(self._batch)
                if self._batch > most:
                    raise error

        monkeypatch.setattr(speed, "TrainingStep", Step)
        monkeypatch.setattr(speed, "_not_searched", lambda _: "")
        return tried

    return limit


def test_a_batch_fits_when_two_steps_do(limited):
    tried = limited(5)

    assert speed.fits(setting(), 5)
    assert not speed.fits(setting(), 6)
    assert tried == [5, 5, 6]


@pytest.mark.parametrize(("most", "timed"), [(300, 4), (3, 3)])
def test_where_the_recipes_batch_has_no_room_the_largest_is_timed(limited, most, timed):
    limited(most)
    measured = speed.measure(setting())

    assert (measured.largest, measured.training.batch) == (most, timed)
    assert len(measured.training.seconds) == 2


def test_where_no_text_has_room_there_are_no_seconds(limited):
    limited(0)
    measured = speed.measure(setting())

    assert (measured.largest, measured.training.seconds) == (0, ())
    assert measured.inference[0].seconds


def test_a_search_that_breaks_keeps_what_was_timed(limited):
    limited(5, RuntimeError("Expected mha_graph.execute(handle).is_good() to be true\nC++ stack"))
    measured = speed.measure(setting())

    assert measured.largest is None
    assert (
        measured.not_searched == "the search ended in an error: Expected mha_graph.execute(handle).is_good() to be true"
    )
    assert len(measured.training.seconds) == 2


@pytest.mark.parametrize(
    ("device", "precisions"),
    [
        (Device(gpu=False, bf16=False), ("fp32",)),
        (Device(gpu=True, bf16=False), ("fp32", "fp16")),
        (Device(gpu=True, bf16=True), ("fp32", "tf32", "bf16", "fp16")),
    ],
)
def test_a_device_is_measured_in_what_it_has(device, precisions):
    assert fast_precisions(device) == precisions


# What follows is the command itself, in a process of its own, since it runs a pytest.

NO_GPU = """
import sys
from deploybench.suites.gpu import __main__ as gpu, plan
sys.exit(gpu.main(sys.argv[1:]))
"""
FAKE_GPU = """
import sys
from deploybench.exporters.errors import WorkerError
from deploybench.exporters.training.precision import Device
from deploybench.exporters.device_speed.speed import Measured, Speed
from deploybench.suites.gpu import __main__ as gpu, plan

def fake(target, setting=None, **_):
    if setting is None:
        return Device(name="NVIDIA Fake 8 GB", gpu=True, bf16=True)
    if (setting.architecture, setting.precision) == ("mobilebert-uncased", "fp32") and BROKEN:
        raise WorkerError("mobilebert-uncased fp32: the worker was killed by signal 9")
    def speed(batch):
        room = batch < 64 or setting.architecture != "bert-base-uncased"
        seconds = (0.02 * batch,) * setting.times * room
        return Speed(batch=batch, length=512, operations=1e12 * batch, seconds=seconds, peak_memory=10**9)
    inference = tuple(map(speed, setting.batches))
    return Measured(matrix_rate=1e14, largest=900, not_searched="", training=speed(32), inference=inference)

gpu.call_in_child = plan.call_in_child = fake
code = gpu.main(sys.argv[1:])
assert "torch" not in sys.modules
sys.exit(code)
"""
BROKEN_SMOKE = """
import sys
from deploybench.exporters.errors import WorkerError
from deploybench.suites.gpu import __main__ as gpu, plan

def fail(*_, **__):
    raise WorkerError("tinybert-4-312 fp32: the worker was killed by signal 11")

plan.call_in_child = fail
sys.exit(gpu.main([]))
"""


def run(folder, code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)  # pytest shows it when a test fails
    return done


def saved_by(folder, part=""):
    return json.loads((folder / "results" / "studies" / f"gpu-nvidia-fake-8-gb{part}.json").read_text())


@pytest.mark.skipif(torch.cuda.is_available(), reason="what happens without a CUDA device; here is one")
def test_without_a_gpu_the_smoke_runs_and_is_a_skip_and_no_pass(tmp_path):
    done = run(tmp_path, NO_GPU)

    assert done.returncode == 77
    assert done.stdout.splitlines()[-1].startswith("gpu: SKIPPED: nothing was measured")
    [line] = done.stderr.splitlines()
    assert "no CUDA device" in line
    assert "this is a skip, not a pass" in line
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="what happens without a CUDA device; here is one")
def test_a_smoke_that_breaks_is_a_failure_and_no_skip(tmp_path):
    done = run(tmp_path, BROKEN_SMOKE)

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("gpu: FAILED: the smoke test on the CPU")
    assert "signal 11" in done.stdout.splitlines()[-1]
    assert "SKIPPED: nothing" not in done.stdout


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of all on a device that is made up; its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("gpu")
    arguments = ["--", "--benchmark-json", str(folder / "stock.json")]
    return folder, run(folder, FAKE_GPU.replace("BROKEN", "False"), *arguments)


def test_with_a_gpu_every_architecture_is_measured_in_every_precision(whole):
    folder, done = whole
    rows = saved_by(folder)["rows"]

    assert done.returncode == 0
    assert len(rows) == len(gpu.ARCHITECTURES) * 4 == 20
    assert {(row["architecture"], row["precision"]) for row in rows} == {
        (architecture, precision)
        for architecture in gpu.ARCHITECTURES
        for precision in ("fp32", "tf32", "bf16", "fp16")
    }
    # BERT has no room for 64 texts: skipped, in four precisions.
    assert "116 passed, 4 skipped" in done.stdout


def test_what_is_saved_names_the_device_and_holds_every_second(whole):
    folder, _ = whole
    found = saved_by(folder)

    assert (found["device"], found["recipe"], found["failed"]) == ("NVIDIA Fake 8 GB", "albert-welfake", [])
    assert len(found["rows"][0]["training"]["seconds"]) == 20
    assert "versions" in found["environment"]


def test_the_stock_file_has_the_seconds_of_the_child(whole):
    folder, _ = whole
    rows = json.loads((folder / "stock.json").read_text())["benchmarks"]
    steps = [row for row in rows if row["extra_info"]["metric"] == "training_step"]

    assert len(steps) == 20
    assert steps[0]["stats"]["data"] == [0.64] * 20
    assert steps[0]["extra_info"]["share"] == pytest.approx(32e12 / 0.64 / 1e14)
    assert steps[0]["extra_info"]["tokens_per_second"] == pytest.approx(32 * 512 / 0.64)


def test_the_tables_fit_a_terminal_and_say_what_has_no_room(whole):
    _, done = whole
    tables = done.stdout.split("skipped", 1)[1]

    assert max(map(len, tables.splitlines())) <= 80
    assert "Training, bf16, texts of 512 tokens (products: 100000 Gop/s)" in tables
    assert tables.count("no room") > 4
    assert "device: NVIDIA Fake 8 GB" in tables


def test_a_cell_that_fails_is_a_failure_and_the_others_are_saved(tmp_path):
    arguments = ["--architectures", "arch:mobilebert-uncased,tinybert-4-312", "--precisions", "fp32"]
    done = run(tmp_path, FAKE_GPU.replace("BROKEN", "True"), *arguments)
    found = saved_by(tmp_path, "-mobilebert-uncased-tinybert-4-312-fp32")

    assert done.returncode == 1
    assert len(list(tmp_path.rglob("*.json"))) == 1
    assert [row["architecture"] for row in found["rows"]] == ["tinybert-4-312"]
    assert found["failed"] == ["mobilebert-uncased fp32: the worker was killed by signal 9"]
    assert "failed" in done.stdout.split("Training", 1)[1]


def test_a_run_that_is_killed_leaves_what_it_has_measured(tmp_path):
    arguments = ["--architectures", "tinybert-4-312,mobilebert-uncased", "--precisions", "fp32"]
    worker_error = 'raise WorkerError("mobilebert-uncased fp32: the worker was killed by signal 9")'
    code = FAKE_GPU.replace(worker_error, "__import__('os').kill(0, 9)").replace("BROKEN", "True")
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, start_new_session=True)

    assert done.returncode == -9
    found = saved_by(tmp_path, "-tinybert-4-312-mobilebert-uncased-fp32-unfinished")
    assert [row["architecture"] for row in found["rows"]] == ["tinybert-4-312"]
    assert len(list(tmp_path.rglob("*.json"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precisions", "bf16,int8"], "--precisions: found 'int8', expected some of fp32, tf32, bf16, fp16"),
        (
            ["--architectures", "albert-bas-v2"],
            "unknown architecture 'albert-bas-v2'; did you mean arch:albert-base-v2?",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, message):
    done = run(tmp_path, FAKE_GPU.replace("BROKEN", "False"), *arguments)

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert message in line


def test_what_pytest_does_not_know_stops_the_run_unsaved(tmp_path):
    done = run(tmp_path, FAKE_GPU.replace("BROKEN", "False"), "--precisions", "bf16", "--", "--no-such-option")

    assert done.returncode == 1
    assert "pytest's exit code 4; nothing was saved" in done.stderr
    assert not list(tmp_path.rglob("*.json"))


def test_in_a_run_of_the_other_suites_it_is_skipped_with_its_reason_and_prepares_nothing(tmp_path):
    command = [sys.executable, "-m", "pytest", str(SUITE), "-q", "-rs", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "3 skipped" in done.stdout
    assert "tox -e gpu" in done.stdout
    assert done.stderr == ""
    assert not list(tmp_path.rglob("*.*"))


def test_the_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as end:
        gpu.main(["--help"])

    assert end.value.code == 0
    assert "77 skipped" in capsys.readouterr().out


def test_shares_below_the_goal_are_named():
    plan = Plan([setting("bf16"), setting("bf16", architecture="other"), setting("fp32")])

    def measured(share):
        one = Speed(batch=64, length=8, operations=share * 1e3, seconds=(1.0, 1.0, 5.0))
        return Measured(matrix_rate=1e3, largest=None, not_searched="", training=one, inference=(one,))

    plan.found = {plan.settings[0]: measured(0.5), plan.settings[1]: measured(0.6), plan.settings[2]: measured(0.1)}

    assert tables.goals(plan) == (["tiny 0.500 in inference"], 4)
    assert tables.goals(Plan(plan.settings)) == ([], 0)
