"""A saved run: a stock pytest-benchmark file with one more block, ``deploybench``, which holds every raw value."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from bench.runs.decoding import DecodingError, decode
from bench.runs.ledger import PHASES, TERMS, CellLedger
from bench.runs.measurement import Measurement  # noqa: TC001 - the types of fields are read
from bench.runs.metrics import METRICS
from exporters.errors import RunFileError, first_line
from exporters.inspection.operators import Operator  # noqa: TC001 - the types of fields are read
from exporters.inspection.stored import Stored  # noqa: TC001 - the types of fields are read

T = TypeVar("T")
_Some: TypeAlias = Annotated[tuple[T, ...], msgspec.Meta(min_length=1)]

BLOCK = "deploybench"
SCHEMA_VERSION = 2
# 1 - first version
# 2 - controls, CPU time, cold starts, ledgers, executed precision, operations and yardsticks; all may be absent

_NUMBERED = re.compile(r"(\d{4,})_.*\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run set out to measure: the cells that its tables must fill or explain."""

    profile: str  # "quick"
    variants: _Some[str]
    batch_sizes: _Some[int]  # latency, at the longest of ``sequence_lengths``
    sequence_lengths: _Some[int]  # memory, at ``memory_batch_size``
    memory_batch_size: int
    threads: int
    precision: float = 0.0  # timed until intervals are narrower than this share; 0: a fixed number of launches
    time_budget: float = 0.0  # or until so many seconds of timing were over


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """What a saved run keeps of its checkpoint."""

    name: str
    model_type: str  # "albert"
    labels: _Some[str]  # by class index
    num_parameters: int
    size: int  # bytes of the weights files
    max_length: int | None  # tokens; None: no limit
    sha256: str
    random_weights: bool  # accuracy cells then say so and hold no number
    demonstration: bool  # trained on the bundled corpus
    truncation_side: str = "right"  # where longer texts are cut
    # Accuracies of the same training from several seeds, by the hash of the labelled set; empty where there was one
    seeded: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInfo:
    """What a saved run keeps of a labelled set; never its texts."""

    name: str
    rows: int
    counts: tuple[int, ...]  # by class index
    sha256: str
    summary: str  # "268 articles (171 real, 97 fake)"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantInfo:
    """What a saved run keeps of a variant."""

    runtime: str  # "onnxruntime"
    precision: str  # "int8"
    deprecated: str = ""  # why, when the way is deprecated upstream
    failed: str = ""  # the reason, when it could not be exported or is not the same model
    parity: dict[str, float] = field(default_factory=dict)  # max_abs_diff, agreement, examples
    # Multiply-adds of one text of full length, by the precision in which the runtime executed them ("int8").
    executed: dict[str, float] = field(default_factory=dict)  # of products with weights
    executed_attention: dict[str, float] = field(default_factory=dict)  # of attention's scores and values
    executed_problem: str = ""  # how that is not what the variant is called
    executed_unknown: str = ""  # why it could not be found out
    without_vnni: dict[str, float] = field(default_factory=dict)  # int8: "agreement", or share of sums that are "cut"
    operators: dict[str, Operator] = field(default_factory=dict)  # of one text of full length, by the runtime's names
    notes: tuple[str, ...] = ()  # what people should know of its artifact
    stored: Stored | None = None  # the weights in its files; None in runs from before they were looked at
    cores_used: float = 0.0  # CPU-seconds a second, on a process that may use every core; 0.0: not looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything of one saved run that tables are made from."""

    path: Path
    schema_version: int  # of the file; the other fields are as in SCHEMA_VERSION
    plan: Plan
    checkpoint: CheckpointInfo
    sets: tuple[SetInfo, ...]
    variants: dict[str, VariantInfo]
    measurements: tuple[Measurement, ...]
    environment: dict[str, Any]  # cpu, cores, memory, versions
    ledgers: tuple[CellLedger, ...] = ()  # of every variant at every length; none in runs from before there were any
    operations: dict[str, float] = field(default_factory=dict)  # of one forward pass, by ``batch_shape``: "8x512"
    predictions: str = ""  # file beside ``path`` with every example's logits; "" when accuracy was not measured


def run_block(run: Run) -> dict[str, Any]:
    """Give everything of ``run`` but its path as what ``json`` can write; belongs under ``BLOCK`` in the saved file."""
    block = asdict(run)
    del block["path"]
    return block


def read_run(path: Path | str) -> Run:
    """Read a saved run, or the newest one below a folder; raises RunFileError, in one line, when there is none."""
    path = Path(path)
    if path.is_dir():
        path = _newest(path)
    return parse_run(path, load_saved(path))


def _newest(folder: Path) -> Path:
    """Find the run saved last: pytest-benchmark counts up within a folder; folders go by the time inside their file."""
    latest: dict[Path, tuple[datetime, Path]] = {}
    for path in sorted(folder.rglob("*.json"), key=_number, reverse=True):
        if _number(path) < 0 or path.parent in latest:
            continue
        saved = load_saved(path)
        if isinstance(saved, dict) and BLOCK in saved:  # not a stock file beside it
            latest[path.parent] = (saved_at(path, saved), path)
    if not latest:
        raise RunFileError(
            f"{folder}: no saved run in this folder, expected files such as Linux-CPython-3.11-64bit/0001_….json; "
            "name a file, or measure with: pytest suites"
        )
    return max(latest.values())[1]


def saved_at(path: Path, saved: dict[str, Any]) -> datetime:
    """When the run in the file ``path`` was made, in UTC; raises RunFileError, in one line, when it does not say."""
    try:
        time = datetime.fromisoformat(saved["datetime"])
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise RunFileError(f"{path}: datetime is {saved.get('datetime')!r:.40}, expected a time by ISO 8601") from None


def _number(path: Path) -> int:
    match = _NUMBERED.fullmatch(path.name)
    return int(match[1]) if match else -1


def _constant(name: str) -> float | None:
    """What NaN and Infinity mean: the first is no figure, and equal to nothing."""
    return None if name == "NaN" else float(name)


def load_saved(path: Path) -> Any:
    """What ``json`` reads of a file; raises RunFileError, in one line, where it cannot."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_constant)
    except FileNotFoundError:
        raise RunFileError(f"{path}: no such file; expected a saved run, or a folder of saved runs") from None
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror or first_line(error)}") from None
    except json.JSONDecodeError as error:
        raise RunFileError(f"{path}: not JSON, line {error.lineno}: {error.msg}; the file may be torn") from None
    except UnicodeDecodeError:
        raise RunFileError(f"{path}: not JSON, it is not even UTF-8 text; expected a saved run") from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, or brackets without an end
        raise RunFileError(f"{path}: no saved run: {first_line(error)}") from None


def parse_run(path: Path, saved: Any) -> Run:
    """The run in what ``load_saved`` gave; raises RunFileError, in one line, where there is none."""
    block = saved.get(BLOCK) if isinstance(saved, dict) else None
    if not isinstance(block, dict):
        raise RunFileError(
            f"{path}: no {BLOCK!r} block in it, so not a run of this tool; expected one made by: pytest suites"
        )
    version: Any = block.get("schema_version")
    if not _is_number(version) or not 1 <= version <= SCHEMA_VERSION:
        remedy = f"update {BLOCK}" if _is_number(version) and version > SCHEMA_VERSION else "measure again"
        reads = "1" if SCHEMA_VERSION == 1 else f"1 to {SCHEMA_VERSION}"
        raise RunFileError(f"{path}: schema_version is {version!r}, this {BLOCK} reads {reads}; {remedy}")
    try:
        run: Run = decode(Run, {**block, "path": str(path)}, BLOCK)
        _check(run)
    except DecodingError as error:
        raise RunFileError(f"{path}: {error}; the file was not written by this {BLOCK}, or was changed since") from None
    return run


def _is_number(version: Any) -> bool:
    return isinstance(version, int) and not isinstance(version, bool)


def _check(run: Run) -> None:
    """Raise DecodingError for what tables could not be made from, though every part by itself is of the right kind."""
    for index, cell in enumerate(run.ledgers):
        if (*cell.ledger.phases, *cell.ledger.terms) != (*PHASES, *TERMS):
            raise DecodingError(f"{BLOCK}.ledgers[{index}] ({cell.variant!r}): phases or terms are missing or unknown")
    decode(_Environment, run.environment, f"{BLOCK}.environment")
    _check_measurements(run.measurements, len(run.checkpoint.labels))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Environment:
    """The facts of an environment that are computed with."""

    cores: int | None = None
    versions: dict[str, Any] | None = None
    kernels: dict[str, Any] | None = None
    steal_share: float | None = None
    other_load: float | None = None


def _check_measurements(measurements: tuple[Measurement, ...], labels: int) -> None:
    seen = set()
    for index, measurement in enumerate(measurements):
        where = f"{BLOCK}.measurements[{index}] ({measurement.variant!r} {measurement.metric!r})"
        count = len(measurement.values)
        if measurement.metric not in METRICS:
            raise DecodingError(f"{where}: unknown metric")
        row = (measurement.variant, measurement.metric, measurement.workload, measurement.data)
        if row in seen:
            raise DecodingError(f"{where}: is there twice")
        seen.add(row)
        if not all(math.isfinite(value) for value in measurement.values):
            raise DecodingError(f"{where}: a value is not a finite number")
        if {len(measurement.launches), len(measurement.blocks)} - {0, count}:
            raise DecodingError(f"{where}: launches and blocks do not go with its {count} values")
        if measurement.confusion and {len(measurement.confusion), *map(len, measurement.confusion)} != {labels}:
            raise DecodingError(f"{where}: its confusion matrix does not go with {labels} labels")
