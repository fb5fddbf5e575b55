r"""Training and inference on a GPU: seconds, samples, tokens, share of the device's own rate, memory, largest batch.

    python -m suites.gpu
    python -m suites.gpu --architectures albert-base-v2 --precisions bf16,fp32
    python -m suites.gpu --architectures albert-base-v2 --precisions bf16 --compile
    python -m suites.gpu --precisions bf16 -- --benchmark-json steps.json

Steps are those of the recipe albert-welfake: 512 tokens, 32 texts on a device, AdamW, gradient clipping; weights are random. Prints
tables, and saves them with every second in results/studies/NAME.json; NAME-unfinished.json has what a run that is killed had
measured. What follows -- goes to pytest.

Without a CUDA device it says so, runs the same code small on the CPU, and ends with 77, the exit code that automake has for a test
that was skipped: nothing was measured, and it is no pass.

Exit codes: 0 all was measured; 1 something failed; 2 a mistake in what was asked; 77 skipped.
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

from bench.console import say
from bench.machine.alone import alone
from bench.pipeline.arguments import names
from bench.pipeline.started_pytest import run_pytest
from bench.worker.client import call_in_child
from exporters.checkpoints.architectures import PREFIX, check_architecture
from exporters.device_speed.speed import Setting
from exporters.errors import DeploybenchError, UserError
from exporters.training.precision import PRECISIONS, fast_precisions, this_device
from exporters.training.recipe import read_recipe
from suites.gpu_plan import Plan
from suites.gpu_shown import render
from suites.studies.study import Answer, run_study, save_study, saved_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.training.precision import Device

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
    """Measure, print and save; or run the smoke, and say that nothing was measured."""
    parsed = _parser().parse_args(arguments)
    try:
        architectures = _architectures(parsed.architectures)
        _check_precisions(parsed.precisions)
        with alone():
            device: Device = call_in_child(this_device, threads=1)
            if not device.gpu:
                return _smoke()
            settings = _settings(architectures, _precisions(parsed.precisions, device), compiled=parsed.compile)
            name = parsed.name or _name(device, architectures if parsed.architectures else (), parsed)
            return run_study("gpu", lambda: _measure(settings, device, name, parsed.pytest))
    except DeploybenchError as error:
        say(f"gpu: error: {error}")
        return 2 if isinstance(error, UserError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(ARCHITECTURES)
    parser.add_argument("--architectures", metavar="NAME,NAME", help=f"with random weights (default: {known})")
    parser.add_argument(
        "--precisions", metavar="NAME,NAME", help="of fp32, tf32, bf16, fp16 (default: all that the device has)"
    )
    parser.add_argument("--compile", action="store_true", help="models by torch.compile; takes minutes for each")
    parser.add_argument(
        "--name", metavar="NAME", help="of the saved file (default: gpu-, the device's name and what was asked)"
    )
    parser.add_argument("pytest", nargs="*", metavar="ARGUMENT", help="for pytest, after --")
    return parser


def _architectures(asked: str | None) -> tuple[str, ...]:
    found = tuple(one.removeprefix(PREFIX) for one in names(asked or "")) or ARCHITECTURES
    for one in found:
        check_architecture(one)
    return found


def _check_precisions(asked: str | None) -> None:
    """Before any device is asked for, which takes seconds and may skip all of it."""
    unknown = [one for one in names(asked or "") if one not in PRECISIONS]
    if unknown:
        raise UserError(f"--precisions: found {unknown[0]!r}, expected some of {', '.join(PRECISIONS)}")


def _precisions(asked: str | None, device: Device) -> tuple[str, ...]:
    has = fast_precisions(device)
    found = names(asked or "") or has
    unknown = [one for one in found if one not in has]
    if unknown:
        raise UserError(
            f"--precisions: found {unknown[0]!r}, expected some of {', '.join(has)}, which {device.name} has"
        )
    return tuple(found)


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


def _name(device: Device, architectures: Sequence[str], parsed: argparse.Namespace) -> str:
    """A part of all has a name of its own, so that it does not replace the whole."""
    asked = [*architectures, *names(parsed.precisions or ""), *["compiled"] * parsed.compile]
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
        saved_at(unfinished).replace(saved_at(name))  # the answer is saved over it
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
    """The whole suite, small, on the CPU."""
    version = importlib.metadata.version("torch")
    without = ", since it is built without CUDA" if "+cpu" in version else ""
    say(
        f"gpu: no CUDA device: torch {version} finds none{without}; runs the smoke of the same recipe on the CPU instead; "
        "this is a skip, not a pass"
    )
    recipe = dataclasses.replace(read_recipe(RECIPE), max_length=16, per_device_batch_size=2)
    setting = Setting(architecture=_SMALLEST, precision="fp32", device="cpu", recipe=recipe, batches=(1, 2), times=2)
    plan = Plan([setting])
    code = _run_suite(plan, ())
    what = f"{_SMALLEST}, {setting.times} training steps of {setting.batch} × {recipe.max_length} tokens, and inference"
    if code or not plan.found:
        why = next(iter(plan.failed.values()), f"pytest's exit code {int(code)}")
        sys.stdout.write(f"gpu: FAILED: the smoke on the CPU ({what}): {why}\n")
        return 1
    sys.stdout.write(
        f"gpu: SKIPPED: nothing was measured, for want of a CUDA device; the smoke ran on the CPU ({what})\n"
    )
    return SKIPPED


def _run_suite(plan: Plan, arguments: Sequence[str]) -> int:
    """Exit code of pytest."""
    return run_pytest(Path(__file__).absolute().parent, ["test_training.py"], arguments, plan)


if __name__ == "__main__":
    sys.exit(main())
