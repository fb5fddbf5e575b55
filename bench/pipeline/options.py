"""The options of a run, once: the command line, pytest and tox take the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.machine.cpu import available_cores, cpu_features
from bench.measure.schedule import Schedule
from exporters.artifacts.artifact import holds_artifact_alone
from exporters.artifacts.catalogue import check_variant_name, default_variants, variant_names
from exporters.errors import UserError
from exporters.variant import REFERENCE

OBJECTIVES = ("latency", "throughput", "memory", "size")  # of ``export --best``
EVERY = "all"  # in place of names of variants
MEMORY_BATCH_SIZE = 8
SCORING_BATCH_SIZE = 8
THROUGHPUT_BATCH_SIZE = 8  # of instances against threads

if TYPE_CHECKING:
    from collections.abc import Callable

_SEQUENCE_LENGTHS = (64, 128, 256, 512)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How thorough a run is when nothing more exact is asked."""

    description: str
    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...]
    schedule: Schedule
    thorough: bool  # leaks and instances as well: three further processes for each variant


PROFILES = {
    "quick": Profile(
        description="minutes on two cores with a small model",
        batch_sizes=(1, 8, 32),
        sequence_lengths=(128, 512),
        schedule=Schedule(launches=4, blocks=2, rounds=1, block_s=0.02, budget_s=180),
        thorough=False,
    ),
    "standard": Profile(
        description="batch sizes 1-32 at the longest length, memory at 64-512 tokens",
        batch_sizes=_BATCH_SIZES,
        sequence_lengths=_SEQUENCE_LENGTHS,
        schedule=Schedule(launches=3, blocks=3, rounds=1, block_s=0.02, budget_s=600),
        thorough=True,
    ),
    "full": Profile(
        description="as standard, with more launches and rounds",
        batch_sizes=_BATCH_SIZES,
        sequence_lengths=_SEQUENCE_LENGTHS,
        schedule=Schedule(launches=4, blocks=6, rounds=2, block_s=0.05, budget_s=1800),
        thorough=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person asked of a run, checked as far as it can be without the checkpoint."""

    checkpoint: str | None  # folder, Hub id or arch:NAME; None: the embedded demonstration
    real: Path | None
    fake: Path | None
    real_label: str | None  # what the checkpoint calls real; None: its names say
    external: tuple[str, ...]  # "[NAME=]FILE"
    calibration: Path | None
    text_columns: tuple[str, ...]  # empty: found by name
    label_column: str | None  # None: "label"
    drop_bad_rows: bool
    allow_pickle: bool
    variants: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    sequence_lengths: tuple[int, ...] | None  # None: the profile's, as far as the checkpoint goes
    threads: int
    profile: str
    precision: float
    time_budget: float  # seconds of timing
    resume: bool
    work_dir: Path
    artifacts: Path | None  # None: below the work folder

    @property
    def schedule(self) -> Schedule:
        """How often latency is timed."""
        return replace(PROFILES[self.profile].schedule, precision=self.precision, budget_s=self.time_budget)


def names(text: str) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _columns(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    found = names(text)
    if not found or len(set(found)) < len(found):
        raise UserError(f"--text-columns: found {text!r}, expected different columns such as title,body")
    return found


_FLAGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--checkpoint", {"metavar": "DIR|ID|arch:NAME", "help": "fine-tuned classifier: a folder, a Hub id, or "
      "arch:NAME, random weights (default: a small demonstration, trained here)"}),
    ("--external", {"metavar": "[NAME=]FILE", "action": "append", "help": "labelled set to score; may be given again"}),
    ("--real", {"metavar": "FILE", "help": "texts that are all real; goes with --fake"}),
    ("--fake", {"metavar": "FILE", "help": "texts that are all fake; goes with --real"}),
    ("--real-label", {"metavar": "NAME", "help": "the checkpoint's label that means real, where its names do not say"}),
    ("--text-columns", {"metavar": "A,B", "help": "columns that make up a text (default: title and content, or text)"}),
    ("--label-column", {"metavar": "NAME", "help": "column that holds the classes (default: label)"}),
    ("--drop-bad-rows", {"action": "store_true", "help": "leave out rows that cannot be used, and count them"}),
    ("--calibration", {"metavar": "FILE", "help": "training texts for static int8 (default: left by training)"}),
    ("--allow-pickle", {"action": "store_true", "help": "read pytorch_model.bin where there are no safetensors"}),
    ("--variants", {"metavar": "A,B", "help": "variants to measure, or all (default: see deploybench "
      f"list; {REFERENCE} is always among them)"}),
    ("--batch-sizes", {"metavar": "N,N", "help": "latency is timed at these (default: the profile's)"}),
    ("--sequence-lengths", {"metavar": "N,N", "help": "tokens: memory at each, latency at the longest"}),
    ("--threads", {"metavar": "N", "help": "thread budget of every variant (default: the cores this process may use)"}),
    ("--profile", {"metavar": "NAME", "help": "quick, standard or full", "default": "quick"}),
    ("--precision", {"metavar": "SHARE", "help": "time until intervals (of 95 in 100) are narrower than this share (default: "
      "0.02)"}),
    ("--time-budget", {"metavar": "SECONDS", "help": "or until so many seconds of timing are over (default: the "
      "profile's)"}),
    ("--resume", {"action": "store_true", "help": "take over the finished cells of a run that was killed"}),
    ("--work-dir", {"metavar": "DIR", "help": "what is kept for the next run", "default": ".deploybench"}),
)  # fmt: skip


def add_options(add: Callable[..., Any], flags: tuple[str, ...] = ()) -> None:
    """Give the options to argparse's ``add_argument`` or pytest's ``addoption``: all, or those in ``flags``."""
    for flag, keywords in _FLAGS:
        if not flags or flag in flags:
            add(flag, **keywords)


def as_arguments(values: dict[str, Any]) -> list[str]:
    """The command line that gives ``values`` again."""
    arguments: list[str] = []
    for flag, keywords in _FLAGS:
        value = values.get(flag[2:].replace("-", "_"))
        if keywords.get("action") == "store_true":
            arguments += [flag] if value else []
        elif keywords.get("action") == "append":
            arguments += [f"{flag}={one}" for one in value or ()]
        elif value is not None:
            arguments.append(f"{flag}={value}")
    return arguments


def read_options(values: dict[str, Any]) -> Options:
    """Check what was typed; raise UserError, in one line, for what cannot be."""
    profile = values.get("profile") or "quick"
    if profile not in PROFILES:
        raise UserError(f"--profile: {profile!r} is unknown; known profiles: {', '.join(PROFILES)}")
    real, fake = _pair(values)
    lengths, schedule = values.get("sequence_lengths"), PROFILES[profile].schedule
    return Options(
        checkpoint=values.get("checkpoint"),
        real=real,
        fake=fake,
        real_label=values.get("real_label"),
        external=tuple(values.get("external") or ()),
        calibration=Path(values["calibration"]) if values.get("calibration") else None,
        text_columns=_columns(values.get("text_columns")),
        label_column=values.get("label_column"),
        drop_bad_rows=bool(values.get("drop_bad_rows")),
        allow_pickle=bool(values.get("allow_pickle")),
        variants=_variants(values.get("variants")),
        batch_sizes=_numbers("--batch-sizes", values.get("batch_sizes")) or PROFILES[profile].batch_sizes,
        sequence_lengths=_numbers("--sequence-lengths", lengths),
        threads=_threads(values.get("threads")),
        profile=profile,
        precision=_positive("--precision", values.get("precision"), schedule.precision),
        time_budget=_positive("--time-budget", values.get("time_budget"), schedule.budget_s),
        resume=bool(values.get("resume")),
        work_dir=Path(values.get("work_dir") or ".deploybench"),
        artifacts=_artifacts(values.get("artifacts")),
    )


def _pair(values: dict[str, Any]) -> tuple[Path | None, Path | None]:
    """The files of --real and --fake, both or none."""
    real, fake = values.get("real"), values.get("fake")
    if bool(real) != bool(fake):
        given, missing = ("--real", "--fake") if real else ("--fake", "--real")
        raise UserError(f"{given}: was given without {missing}; pass both, or one labelled file")
    if values.get("real_label") is not None and not real and not values.get("external"):
        raise UserError("--real-label: was given without a set; pass --real with --fake, or --external, as well")
    return (Path(real), Path(fake)) if real and fake else (None, None)


def _artifacts(text: str | None) -> Path | None:
    """The folder for artifacts; an export replaces folders that are called as variants are, so none may be the user's."""
    if text is None:
        return None
    folder = Path(text)
    if not text or (folder.exists() and not folder.is_dir()):
        raise UserError(f"--output: found {text!r}, expected a folder, new or with artifacts; name another")
    for name in variant_names():
        if (folder / name).exists() and not holds_artifact_alone(folder / name):
            raise UserError(f"--output: {folder / name} holds more than an artifact; name another folder")
    return folder


def _variants(text: str | None) -> tuple[str, ...]:
    """The reference first, then the others in the order asked; doubles count once."""
    asked = default_variants(cpu_features()) if text is None else variant_names() if text == EVERY else names(text)
    if not asked:
        raise UserError(f"--variants: found {text!r}, expected names such as onnx-fp32,openvino-int8")
    for name in asked:
        check_variant_name(name)
    return tuple(dict.fromkeys((REFERENCE, *asked)))


def _numbers(flag: str, text: str | None) -> tuple[int, ...] | None:
    """Positive whole numbers, ascending, each once; None when nothing was given."""
    if text is None:
        return None
    try:
        numbers = sorted({int(part) for part in names(text)})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        raise UserError(f"{flag}: found {text!r}, expected positive whole numbers such as 1,8,32")
    return tuple(numbers)


def _positive(flag: str, text: str | None, default: float) -> float:
    """A number above zero, or ``default`` where none was given."""
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise UserError(f"{flag}: found {text!r}, expected a number above zero such as {default}")
    return number


def _threads(text: str | None) -> int:
    available = available_cores()
    if text is None:
        return available
    (threads, *more) = _numbers("--threads", str(text)) or (0,)
    if more or threads > available:
        raise UserError(
            f"--threads: found {text!r}, expected one number of at most {available}, the cores this process may use"
        )
    return threads
