"""Tables of a GPU run: one of training and one of inference per precision."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from ...bench.report.cells import Column, Table
from ...bench.report.render import render_tables
from ...bench.runs.measurement import Figure
from ...bench.units import COUNT, MEGABYTES, MILLISECONDS, PER_SECOND, SHARE, format_rate
from ...exporters.device_speed.matrix_rate import SIZES
from ...exporters.device_speed.speed import MOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...exporters.device_speed.speed import Measured, Setting, Speed
    from .plan import Plan

GOAL_PRECISION = "bf16"
TRAINING_GOAL = 0.4  # least share of the matrix rate
INFERENCE_GOAL = 0.6
INFERENCE_GOAL_BATCH = 64

_NO_ROOM = "no room"
_SIZE = SIZES["cuda"]
_TRAINING = (
    Column(head="batch", scale=COUNT),
    Column(head="step", scale=MILLISECONDS),
    Column(head="samples", scale=PER_SECOND),
    Column(head="tokens", scale=PER_SECOND),
    Column(head="share", scale=SHARE),
    Column(head="peak memory", scale=MEGABYTES),
    Column(head="largest batch", scale=COUNT),
)
_COMPILED = (
    "models are compiled by torch.compile and read the attention mask, which others leave out for unpadded batches"
)
_NOTES = (
    "step: median time of forward, backward, clipping and AdamW's update of one batch; samples and tokens per second",
    "kernels: the fastest; deploybench train uses deterministic ones",
    "latency: median time of a forward pass without gradients, by batch size, weights in the precision",
    "share: of the rate of large matrix products; counts the model's matrix products, 3 × forward for a training step",
    f"products: of random {_SIZE} × {_SIZE} matrices in the same precision and process, 2 operations per multiply-add",
    "peak memory: torch.cuda.max_memory_allocated: tensors and cuBLAS workspaces",
    f"largest batch: texts of a training step that fit, up to {MOST}; timed instead of the recipe's batch if smaller",
    f"{_NO_ROOM}: the device's memory is too small",
    "inputs: random weights, full batches of random tokens, no padding",
)


def render(plan: Plan, device: str) -> str:
    """The tables, and notes that explain their columns."""
    tables = [table for precision, settings in _by_precision(plan) for table in _tables(precision, settings, plan)]
    compiled = (_COMPILED,) if plan.settings[0].compiled else ()
    failed = (f"failed: {why}" for why in plan.failed.values())
    return render_tables(tables, [f"device: {device}", *compiled, *_NOTES, *failed], "text")


def goals(plan: Plan) -> tuple[list[str], int]:
    """Shares below their goal, such as "albert-base-v2 0.312 in training", and the number of shares that have a goal."""
    below, count = [], 0
    for setting, measured in plan.found.items():
        at_goal = [one for one in measured.inference if one.batch == INFERENCE_GOAL_BATCH]
        judged = [
            ("training", TRAINING_GOAL, measured.training),
            *(("inference", INFERENCE_GOAL, one) for one in at_goal),
        ]
        for what, goal, speed in judged if setting.precision == GOAL_PRECISION else ():
            share = _share(measured, speed)
            count += share is not None
            if share is not None and share < goal:
                below.append(f"{setting.architecture} {share:.3f} in {what}")
    return below, count


def _by_precision(plan: Plan) -> Iterator[tuple[str, list[Setting]]]:
    for precision in dict.fromkeys(one.precision for one in plan.settings):
        yield precision, [one for one in plan.settings if one.precision == precision]


def _tables(precision: str, settings: list[Setting], plan: Plan) -> list[Table]:
    rates = [plan.found[one].matrix_rate for one in settings if one in plan.found]
    of = f"products: {format_rate(median(rates), 'op/s')}" if rates else "failed"
    length, batches = settings[0].recipe.max_length, settings[0].batches
    largest = max(batches)
    inference = (
        *(Column(head=f"latency {batch}", scale=MILLISECONDS) for batch in batches),
        Column(head=f"samples {largest}", scale=PER_SECOND),
        Column(head=f"share {largest}", scale=SHARE),
        Column(head=f"peak memory {largest}", scale=MEGABYTES),
    )
    return [
        Table(
            title=f"{what}, {precision}, texts of {length} tokens ({of})",
            columns=columns,
            rows={one.architecture: cells(plan.found.get(one), one) for one in settings},
            notes=_verdict(plan) if precision == GOAL_PRECISION and what == "Inference" else (),
            kind="architecture",
        )
        for what, columns, cells in (("Training", _TRAINING, _training), ("Inference", inference, _inference))
    ]


def _verdict(plan: Plan) -> tuple[str, ...]:
    below, count = goals(plan)
    goal = (
        f"goal in {GOAL_PRECISION}: a share of {TRAINING_GOAL} in training, {INFERENCE_GOAL} in inference at "
        f"{INFERENCE_GOAL_BATCH} texts"
    )
    return (f"{goal}; {len(below)} of {count} are below it{': ' * bool(below)}{', '.join(below)}",)


def _training(measured: Measured | None, _: Setting) -> tuple[Figure, ...]:
    if measured is None:
        return (_figure(None, failed=True),) * len(_TRAINING)
    speed = measured.training
    return (
        _figure(speed.batch),
        _figure(_seconds(speed)),
        _figure(speed.samples_per_second if speed.seconds else None),
        _figure(speed.tokens_per_second if speed.seconds else None),
        _figure(_share(measured, speed)),
        _figure(speed.peak_memory),
        _figure(measured.largest, why="not searched"),
    )


def _inference(measured: Measured | None, setting: Setting) -> tuple[Figure, ...]:
    if measured is None:
        return (_figure(None, failed=True),) * (len(setting.batches) + 3)
    last = max(measured.inference, key=lambda one: one.batch)
    return (
        *(_figure(_seconds(one)) for one in measured.inference),
        _figure(last.samples_per_second if last.seconds else None),
        _figure(_share(measured, last)),
        _figure(last.peak_memory),
    )


def _seconds(speed: Speed) -> float | None:
    return median(speed.seconds) if speed.seconds else None


def _share(measured: Measured, speed: Speed) -> float | None:
    return speed.rate / measured.matrix_rate if speed.seconds else None


def _figure(value: float | None, *, why: str = _NO_ROOM, failed: bool = False) -> Figure:
    return Figure(
        variant="",
        metric="",
        value=None if value is None else float(value),
        unit="",
        low=None,
        high=None,
        n=1,
        status="failed" if failed else "not_measured" if value is None else "ok",
        reason=why if value is None else "",
        workload=None,
    )
