"""A saved run: a pytest-benchmark file with one more block, ``deploybench``, which holds every raw value.

A run of several models has one complete block for each, in the order given.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import msgspec

from ...exporters.checkpoints.long_texts import Windows  # noqa: TC001 - msgspec reads the types of fields
from ...exporters.errors import RunFileError, UserError, did_you_mean, first_line
from ...exporters.inspection.operators import Operator  # noqa: TC001 - msgspec reads the types of fields
from ...exporters.inspection.stored import Stored  # noqa: TC001 - msgspec reads the types of fields
from ...exporters.labels import Task  # noqa: TC001 - msgspec reads the types of fields
from .decoding import DecodingError, decode
from .ledger import PHASES, TERMS, CellLedger
from .measurement import Measurement  # noqa: TC001 - msgspec reads the types of fields
from .metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...exporters.head import Head

T = TypeVar("T")
_Some: TypeAlias = Annotated[tuple[T, ...], msgspec.Meta(min_length=1)]

BLOCK = "deploybench"
_BEGINNING = 100_000  # bytes of a file, in which its first keys stand
SCHEMA_VERSION = 2
MODELS_VERSION = 3
# 1 - first version
# 2 - controls, CPU time, cold starts, ledgers, executed number formats, operations and yardsticks, all optional: 1 needs no
#     migration
# 3 - several models: under ``models`` a block of version 2 for each

_NUMBERED = re.compile(r"(\d{4,})_.*\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run was to measure: each of these cells has a value or a reason in its tables."""

    profile: str  # "quick"
    variants: _Some[str]
    batch_sizes: _Some[int]  # latency, of the set's own texts or at the longest of ``sequence_lengths``
    sequence_lengths: _Some[int]  # memory, at ``memory_batch_size``, and latency of the smallest batch
    memory_batch_size: int
    threads: int
    precision: float = 0.0  # relative width of intervals at which timing stops; 0: a fixed number of launches
    text_lengths: tuple[int, ...] = ()  # tokens of the texts timed one at a time; empty: each has the longest length
    time_budget: float = 0.0  # s of timing after which it stops in any case
    windows: Windows | None = None  # by which long texts were read as well
    p99_limit: float = 0.0  # s, within which servers were to answer at the highest rate; 0: it was not looked for
    text_means: bool = False  # whether latencies are means over texts, because that of a cascade depends on the text


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """The checkpoint of a saved run."""

    name: str
    model_type: str  # "albert"
    labels: _Some[str]  # by output
    num_parameters: int
    size: int  # bytes of the weights files
    max_length: int | None  # tokens; None: no limit
    sha256: str
    random_weights: bool  # accuracy has then no value
    demonstration: bool  # trained on the bundled demonstration corpus
    task: Task = "single-label"
    thresholds: tuple[float, ...] = ()  # multi-label: probabilities above which each label is given
    sigmoid: bool = False  # score: it is the sigmoid of the logit
    truncation_side: str = "right"  # of texts longer than max_length
    effective_parameters: int | None = None  # a layer's once per use, embedding tables once; None: not counted
    # Accuracies of trainings with several seeds, by the hash of the labelled set; empty if there was one seed
    seeded: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def head(self) -> Head:
        """What its outputs mean."""
        from ...exporters.head import Head

        return Head(task=self.task, labels=self.labels, thresholds=self.thresholds, sigmoid=self.sigmoid)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInfo:
    """A labelled set of a saved run, without its texts."""

    name: str
    rows: int
    counts: tuple[int, ...]  # by class index
    sha256: str
    summary: str  # "268 articles (171 real, 97 fake)"
    unscored: int = 0  # further texts of the file, for which the time budget had no time


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantInfo:
    """A variant of a saved run."""

    runtime: str  # "onnxruntime"
    precision: str  # "int8"
    deprecated: str = ""  # the reason, if it is deprecated upstream
    another_model: bool = False  # trained anew on texts, not converted from the checkpoint; its notes say on which
    failed: str = ""  # the reason, if export or parity failed
    parity: dict[str, float] = field(default_factory=dict)  # max_abs_diff, agreement, examples
    # Multiply-adds of one text of full length, by the number format in which the runtime executed them ("int8"):
    executed: dict[str, float] = field(default_factory=dict)  # of products with weights
    executed_attention: dict[str, float] = field(default_factory=dict)  # of attention's scores and values
    executed_problem: str = ""  # how they differ from the variant's name
    executed_unknown: str = ""  # why they are unknown
    without_vnni: dict[str, float] = field(
        default_factory=dict
    )  # int8: "agreement", or the share of sums that saturate, "cut"
    operators: dict[str, Operator] = field(
        default_factory=dict
    )  # of one text of full length, by the runtime's name of each
    notes: tuple[str, ...] = ()  # remarks on its artifact
    stored: Stored | None = None  # the weights in its files; None: saved before they were inspected
    cores_used: float = 0.0  # CPU seconds per second in a process that may use every core; 0.0: not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One saved run."""

    path: Path
    schema_version: int  # of the file
    plan: Plan
    checkpoint: CheckpointInfo
    sets: tuple[SetInfo, ...]
    variants: dict[str, VariantInfo]
    measurements: tuple[Measurement, ...]
    environment: dict[str, Any]  # cpu, cores, memory, versions
    ledgers: tuple[CellLedger, ...] = ()  # of every variant at every length; none: saved before ledgers existed
    operations: dict[str, float] = field(default_factory=dict)  # of one forward pass, by ``batch_shape``: "8x512"
    predictions: str = ""  # file beside ``path`` with every example's logits; "": accuracy was not measured

    def __hash__(self) -> int:
        """By identity, since its dictionaries have no hash: ``once_a_run`` finds the results of this very run."""
        return id(self)


def once_a_run(compute: Callable[[Run], T]) -> Callable[[Run], T]:
    """``compute``, whose results are kept for the last eight runs; nobody may change a result."""
    return lru_cache(maxsize=8)(compute)


def run_block(run: Run) -> dict[str, Any]:
    """All of ``run`` but its path, JSON-able; goes under ``BLOCK`` in the saved file."""
    block = asdict(run)
    del block["path"]
    return block


def models_block(runs: Sequence[Run]) -> dict[str, Any]:
    """The block of one file for runs of several models, of which no two have the same name."""
    return {"schema_version": MODELS_VERSION, "models": [run_block(run) for run in runs]}


def read_run(path: Path | str) -> Run:
    """Read a saved run of one model, or the newest one below a folder; raises RunFileError if there is none."""
    path, saved = _found(path)
    return parse_run(path, saved)


def read_runs(path: Path | str) -> tuple[Run, ...]:
    """The runs of a saved file, or of the newest one below a folder: one for each model, in the order given.

    ``run.checkpoint.name`` tells them apart. Raises RunFileError as ``read_run`` does.
    """
    return parse_runs(*_found(path))


def is_saved_run(file: Path) -> bool:
    """Whether a file is one of pytest-benchmark, which saved runs are."""
    with file.open("rb") as stream:
        beginning = stream.read(_BEGINNING)
    return b'"machine_info"' in beginning and b'"benchmarks"' in beginning


def run_of_model(runs: tuple[Run, ...], model: str, asked: str = "--model") -> Run:
    """The run of one model; raises UserError where there is none. ``asked``: who named the model, for the message."""
    names = [run.checkpoint.name for run in runs]
    if model not in names:
        hint = did_you_mean(model, names)
        raise UserError(f"{asked}: {model!r} is not in {runs[0].path}; {hint}its models: {', '.join(names)}")
    return runs[names.index(model)]


def parse_runs(path: Path, saved: Any) -> tuple[Run, ...]:
    """The runs in what ``load_saved`` returned; raises RunFileError if there is none."""
    if not _is_of_models(saved):
        return (parse_run(path, saved),)
    blocks = saved[BLOCK]["models"]
    if not isinstance(blocks, list) or not blocks:
        raise RunFileError(f"{path}: {BLOCK}.models is {blocks!r:.40}, expected a list of blocks; measure again")
    runs = tuple(parse_run(path, {BLOCK: block}) for block in blocks)
    unknown = [name for run in runs for name in run.plan.variants if name not in run.variants]
    if unknown:
        raise RunFileError(f"{path}: no variant {unknown[0]!r} in a model whose plan names it; the file was changed")
    names = [run.checkpoint.name for run in runs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise RunFileError(f"{path}: model {twice[0]!r} appears twice, expected each name once; the file was changed")
    return runs


def _is_of_models(saved: Any) -> bool:
    """Whether what ``load_saved`` returned is a run of several models."""
    block = saved.get(BLOCK) if isinstance(saved, dict) else None
    return isinstance(block, dict) and block.get("schema_version") == MODELS_VERSION and "models" in block


def _found(path: Path | str) -> tuple[Path, Any]:
    """The file, of a folder the newest run's, and what it holds."""
    path = Path(path)
    path = _newest(path) if path.is_dir() else path
    return path, load_saved(path)


def _newest(folder: Path) -> Path:
    """The run saved last: pytest-benchmark numbers the files of a folder; folders are compared by the time in the file."""
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
            "name a file, or measure with: deploybench run"
        )
    return max(latest.values())[1]


def saved_at(path: Path, saved: dict[str, Any]) -> datetime:
    """When the run in the file ``path`` was made, in UTC; raises RunFileError if the file does not say."""
    try:
        time = datetime.fromisoformat(saved["datetime"])
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise RunFileError(f"{path}: datetime is {saved.get('datetime')!r:.40}, expected a time by ISO 8601") from None


def _number(path: Path) -> int:
    match = _NUMBERED.fullmatch(path.name)
    return int(match[1]) if match else -1


def _constant(name: str) -> float | None:
    """Infinity as a float; NaN as None, because it equals nothing, not even itself."""
    return None if name == "NaN" else float(name)


def load_saved(path: Path) -> Any:
    """Parse a JSON file; raises RunFileError if that is impossible."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_constant)
    except FileNotFoundError:
        raise RunFileError(f"{path}: no such file; expected a saved run, or a folder of saved runs") from None
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror or first_line(error)}") from None
    except json.JSONDecodeError as error:
        raise RunFileError(f"{path}: not JSON, line {error.lineno}: {error.msg}; the file may be incomplete") from None
    except UnicodeDecodeError:
        raise RunFileError(
            f"{path}: not JSON, and no UTF-8 text; expected a saved run; of a baseline, the one that baseline restore writes"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, or brackets without an end
        raise RunFileError(f"{path}: no saved run: {first_line(error)}") from None


def parse_run(path: Path, saved: Any) -> Run:
    """The run in what ``load_saved`` returned; raises RunFileError if there is none, or if there are several."""
    if _is_of_models(saved):
        raise RunFileError(
            f"{path}: a run of several models, expected that of one; see them all with: deploybench report {path}"
        )
    block = saved.get(BLOCK) if isinstance(saved, dict) else None
    if not isinstance(block, dict):
        raise RunFileError(f"{path}: no {BLOCK!r} block in this file; expected a run saved by: deploybench run")
    version: Any = block.get("schema_version")
    if not _is_number(version) or not 1 <= version <= SCHEMA_VERSION:
        remedy = f"update {BLOCK}" if _is_number(version) and version > MODELS_VERSION else "measure again"
        reads = f"1 to {SCHEMA_VERSION}, and {MODELS_VERSION} for several models"
        raise RunFileError(f"{path}: schema_version is {version!r}, this {BLOCK} reads {reads}; {remedy}")
    try:
        run: Run = decode(Run, {**block, "path": str(path)}, BLOCK)
        _check(run)
    except DecodingError as error:
        raise RunFileError(f"{path}: {error}; the file was changed, or written by another version") from None
    return run


def _is_number(version: Any) -> bool:
    return isinstance(version, int) and not isinstance(version, bool)


def _check(run: Run) -> None:
    """Raise DecodingError if fields of valid types do not fit together."""
    for index, cell in enumerate(run.ledgers):
        if (*cell.ledger.phases, *cell.ledger.terms) != (*PHASES, *TERMS):
            raise DecodingError(f"{BLOCK}.ledgers[{index}] ({cell.variant!r}): phases or terms are missing or unknown")
    decode(_Environment, run.environment, f"{BLOCK}.environment")
    _check_measurements(run.measurements, len(run.checkpoint.labels))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Environment:
    """The fields of an environment that must have a type."""

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
            raise DecodingError(f"{where}: appears twice")
        seen.add(row)
        if not all(math.isfinite(value) for value in measurement.values):
            raise DecodingError(f"{where}: a value is not a finite number")
        if {len(measurement.launches), len(measurement.blocks)} - {0, count}:
            raise DecodingError(f"{where}: launches and blocks do not match its {count} values")
        if measurement.confusion and {len(measurement.confusion), *map(len, measurement.confusion)} != {labels}:
            raise DecodingError(f"{where}: its confusion matrix does not match {labels} labels")
