"""Measure training and inference on a GPU: speed, memory, and the largest batch.

    python -m deploybench.suites.gpu
    python -m deploybench.suites.gpu --architectures albert-base-v2 --precisions bf16,fp32
    python -m deploybench.suites.gpu --architectures albert-base-v2 --precisions bf16 --compile
    python -m deploybench.suites.gpu --precisions bf16 -- --benchmark-json steps.json

Steps are those of the recipe albert-welfake: 512 tokens, 32 texts per device,
AdamW, gradient clipping; weights are random. Prints tables, and saves them with
every value in results/studies/NAME.json; NAME-unfinished.json has the values of
a run that was killed. Arguments after -- go to pytest.

Without a CUDA device it says so, runs a small smoke test of the same code on the
CPU, and exits with 77, automake's code of a skipped test: nothing was measured.

exit codes: 0 everything was measured; 1 something failed; 2 a mistake that you
can fix; 77 skipped
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ...bench.console import say
from ...bench.machine.alone import alone
from ...bench.pipeline.arguments import names
from ...bench.pipeline.started_pytest import run_pytest
from ...bench.worker.client import call_in_child
from ...exporters.checkpoints.architectures import PREFIX, check_architecture
from ...exporters.device_speed.speed import Setting
from ...exporters.errors import CheckpointError, DeploybenchError, UserError
from ...exporters.packages import require
from ...exporters.training.precision import PRECISIONS, fast_precisions, this_device
from ...exporters.training.recipe import read_recipe
from ..studies.study import Answer, run_study, save_study, saved_at
from .plan import Plan
from .tables import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.training.precision import Device

SKIPPED = 77
ARCHITECTURES = (
    *("albert-base-v2", "bert-base-uncased", "distilbert-base-uncased"),
    *("mobilebert-uncased", "tinybert-4-312"),
)
RECIPE = "albert-welfake"
_BATCHES = (1, 8, 32, 64)
_TIMES = 20
_SMALLEST = "tinybert-4-312"
_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save; without a GPU, run the smoke test."""
    try:
        parsed = _parser().parse_args(arguments)
        require("suites", "torch", "train")
        with alone():
            device: Device = call_in_child(this_device, threads=1)
            if not device.gpu:
                return _smoke()
            precisions = _supported(parsed.precisions, device)
            settings = _settings(parsed.architectures or ARCHITECTURES, precisions, compiled=parsed.compile)
            name = parsed.name or _name(device, parsed)
            return run_study("gpu", lambda: _measure(settings, device, name, parsed.pytest))
    except DeploybenchError as error:
        say(f"gpu: error: {error}")
        return 2 if isinstance(error, UserError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploybench.suites.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(ARCHITECTURES)
    parser.add_argument(
        "--architectures", metavar="NAME,NAME", type=_architectures, help=f"architectures (default: {known})"
    )
    parser.add_argument(
        "--precisions",
        metavar="NAME,NAME",
        type=_precisions,
        default=(),
        help="of fp32, tf32, bf16, fp16 (default: all that the device has)",
    )
    parser.add_argument("--compile", action="store_true", help="use torch.compile, which takes minutes per model")
    parser.add_argument("--name", metavar="NAME", help="of the saved file (default: gpu-, the device and the flags)")
    parser.add_argument("pytest", nargs="*", metavar="ARGUMENT", help="for pytest, after --")
    return parser


def _architectures(text: str) -> tuple[str, ...]:
    found = tuple(one.removeprefix(PREFIX) for one in names(text))
    try:
        for one in found:
            check_architecture(one)
    except CheckpointError as error:  # a ValueError, which argparse would replace by a message of its own
        raise UserError(str(error)) from None
    return found


def _precisions(text: str, among: Sequence[str] = PRECISIONS, device: str = "") -> tuple[str, ...]:
    found = names(text)
    unknown = [one for one in found if one not in among]
    if unknown:
        raise UserError(f"--precisions: found {unknown[0]!r}, expected some of {', '.join(among)}{device}")
    return found


def _supported(asked: tuple[str, ...], device: Device) -> tuple[str, ...]:
    has = fast_precisions(device)
    return _precisions(",".join(asked), has, f", which {device.name} has") or tuple(has)


def _settings(architectures: Sequence[str], precisions: Sequence[str], *, compiled: bool) -> list[Setting]:
    recipe = read_recipe(RECIPE)
    return [
        Setting(
            architecture=architecture,
            precision=precision,
            device="cuda",
            recipe=recipe,
            batches=_BATCHES,
            times=_TIMES,
            compiled=compiled,
        )
        for precision in precisions
        for architecture in architectures
    ]


def _name(device: Device, parsed: argparse.Namespace) -> str:
    """Name of the file; that of a part says which, so that it does not replace the whole."""
    asked = [*(parsed.architectures or ()), *parsed.precisions, *["compiled"] * parsed.compile]
    return "gpu-" + "-".join(re.sub("[^a-z0-9]+", "-", one.lower()).strip("-") for one in (device.name, *asked))


def _measure(settings: Sequence[Setting], device: Device, name: str, arguments: Sequence[str]) -> Answer:
    unfinished = f"{name}-unfinished"
    plan = Plan(settings, lambda part: save_study(unfinished, _figures(part, device)))
    code = _run_suite(plan, arguments)
    if code not in _ENDED:
        raise DeploybenchError(f"stopped, with pytest's exit code {int(code)}; {_kept(plan, unfinished)}")
    figures = _figures(plan, device)
    figures["failed"] = figures["failed"] or (["a test of the suite"] if code else [])
    if plan.found or plan.failed:
        saved_at(unfinished).replace(saved_at(name))  # replaced when the answer is saved
    return Answer(name, figures, render(plan, device.name))


def _kept(plan: Plan, unfinished: str) -> str:
    return f"{saved_at(unfinished)} has what was measured" if plan.found else "nothing was saved"


def _figures(plan: Plan, device: Device) -> dict[str, Any]:
    return {
        "device": device.name,
        "recipe": RECIPE,
        "compiled": plan.settings[0].compiled,
        "rows": [
            {"architecture": setting.architecture, "precision": setting.precision, **dataclasses.asdict(found)}
            for setting, found in plan.found.items()
        ],
        "failed": [*plan.failed.values()],
    }


def _smoke() -> int:
    """Run the whole suite at small size on the CPU."""
    version = importlib.metadata.version("torch")
    without = ", because it is built without CUDA" if "+cpu" in version else ""
    say(
        f"gpu: no CUDA device: torch {version} finds none{without}; running a small smoke test on the CPU instead; "
        "this is a skip, not a pass"
    )
    recipe = dataclasses.replace(read_recipe(RECIPE), max_length=16, per_device_batch_size=2)
    setting = Setting(architecture=_SMALLEST, precision="fp32", device="cpu", recipe=recipe, batches=(1, 2), times=2)
    plan = Plan([setting])
    code = _run_suite(plan, ())
    what = f"{_SMALLEST}, {setting.times} training steps of {setting.batch} × {recipe.max_length} tokens, and inference"
    if code or not plan.found:
        why = next(iter(plan.failed.values()), f"pytest's exit code {int(code)}")
        sys.stdout.write(f"gpu: FAILED: the smoke test on the CPU ({what}): {why}\n")
        return 1
    sys.stdout.write(
        f"gpu: SKIPPED: nothing was measured without a CUDA device; the smoke test on the CPU passed ({what})\n"
    )
    return SKIPPED


def _run_suite(plan: Plan, arguments: Sequence[str]) -> int:
    return run_pytest(Path(__file__).absolute().parents[1], ["gpu/test_training.py"], arguments, plan)


if __name__ == "__main__":
    sys.exit(main())
