"""Options, fixtures and recorder of the suites; they turn a pytest-benchmark file into a saved run."""

from __future__ import annotations

import functools
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.console import say
from deploybench.bench.machine.alone import alone
from deploybench.bench.measure.deadline import Deadline
from deploybench.bench.pipeline.options import PROFILES, Options, add_options, read_models
from deploybench.bench.pipeline.prepare import Prepared, prepare_models
from deploybench.bench.pipeline.recorder import Recorder
from deploybench.bench.pipeline.resuming import open_journal
from deploybench.bench.pipeline.sets import set_names
from deploybench.bench.pipeline.started_pytest import HANDOVER
from deploybench.bench.runs.decoding import decode
from deploybench.bench.runs.metrics import METRICS
from deploybench.bench.runs.rows import row_name
from deploybench.bench.runs.store import models_block, run_block
from deploybench.exporters.errors import UserError, WorkerError
from deploybench.exporters.files import refuse_unwritable, whole_file
from deploybench.exporters.packages import require
from deploybench.suites.plugin import refuse_workers, uncaptured
from deploybench.suites.pytest_benchmark_internals import StockSession, as_json
from deploybench.suites.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from deploybench.bench.runs.measurement import Measurement, Workload

OPTIONS = pytest.StashKey[tuple[Options, ...]]()  # by model
RECORDERS = pytest.StashKey[dict[str, Recorder]]()  # by name of the model
_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
# What decides comes first; what is not named comes last.
_ORDER = (
    *("test_accuracy", "test_long_texts", "test_latency", "test_memory", "test_load", "test_invariance"),
    "test_throughput",
    "test_server",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the options of `deploybench run`."""
    group = parser.getgroup("deploybench", "deploybench: what to measure")

    def add(*flags: str, **keywords: Any) -> None:
        if "type" in keywords:
            keywords["type"] = _read_or_exit(keywords["type"])
        group.addoption(*flags, **keywords)

    add_options(add)


def _read_or_exit(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Exit with one line for a flag that cannot be read; pytest would print a traceback of a UserError here."""

    def checked(text: str) -> Any:
        try:
            return read(text)
        except UserError as error:
            say(f"deploybench: error: {error}")
            raise SystemExit(2) from None

    return checked


def pytest_configure(config: pytest.Config) -> None:
    """Keep raw values, which pytest-benchmark drops by default, and store below ``results/``."""
    config.option.benchmark_save_data = True
    if config.option.benchmark_storage == "file://./.benchmarks":  # its default
        config.option.benchmark_storage = "file://./results"
    handover = config.pluginmanager.get_plugin(HANDOVER)  # of `deploybench run`, which prepares first
    with _one_line_errors():
        require("suites", "torch")
        refuse_workers(config)
        config.stash[OPTIONS] = (
            tuple(one.options for one in handover.prepared) if handover else read_models(config.option)
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize every test by variants, and by batch sizes, lengths or sets."""
    models = metafunc.config.stash[OPTIONS]
    options = models[0]
    lengths = options.sequence_lengths or PROFILES[options.profile].sequence_lengths
    with _one_line_errors():
        sets = set_names(options) or (None,)
    if "shape" in metafunc.fixturenames:
        shapes = [
            *((size, None) for size in options.batch_sizes),
            *((options.batch_sizes[0], one) for one in lengths[:-1]),
        ]
        metafunc.parametrize(
            "shape", shapes, ids=["x".join(map(str, filter(None, one))) for one in shapes], scope="session"
        )
    axes: dict[str, Sequence[Any]] = {
        "batch_size": options.batch_sizes,
        "sequence_length": lengths,
        "set_name": sets,
    }
    for name, values in axes.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values, scope="session")
    if "row" in metafunc.fixturenames:
        rows = [(one.model, variant) for one in models for variant in one.variants]
        metafunc.parametrize("row", rows, ids=[row_name(*row) for row in rows], scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests by file again: pytest groups those of one variant, and a time budget may end before all had their turn.

    Of several models, the longest texts and the first variants of every model have their turn first.
    """
    rank = {name: place for place, name in enumerate(_ORDER)}
    models = config.stash[OPTIONS]
    rows = {
        (one.model, variant): (place, of) for of, one in enumerate(models) for place, variant in enumerate(one.variants)
    }

    def turn(item: pytest.Item) -> tuple[int, int, tuple[int, int]]:
        file = rank.get(item.path.stem, len(rank))
        params: dict[str, Any] = (
            item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        )
        if len(models) == 1 or "row" not in params:
            return file, 0, (0, 0)
        return file, -params.get("sequence_length", 0), rows[params["row"]]

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Hold the lock until everything is saved; prepare before the first test, where progress shows and an error is one line."""
    config = session.config
    prepares = any("recorder" in getattr(item, "fixturenames", ()) for item in session.items)  # the GPU suite does not
    if config.option.collectonly or not prepares:
        return (yield)
    handover = config.pluginmanager.get_plugin(HANDOVER)
    stack = ExitStack()
    config.add_cleanup(stack.close)
    with _one_line_errors():
        stock = StockSession(config)
        stack.enter_context(alone())
        for folder in stock.folders():
            refuse_unwritable(folder)
        asked = config.stash[OPTIONS]
        models = handover.prepared if handover else prepare_models(asked)
        journal = open_journal(models)
    deadline = Deadline(models[0].options.time_budget, journal.elapsed)
    recorders = config.stash[RECORDERS] = {one.options.model: Recorder(one, journal, deadline) for one in models}
    stock.save_by(functools.partial(_save_whole, stock, first_recorder(recorders)))
    config.pluginmanager.register(Stages(session, session.items))
    return (yield)


def _save_whole(stock: StockSession, recorder: Recorder, content: dict[str, Any], name: str) -> None:
    """Save a file below ``results/`` whole or not at all."""
    if recorder.unsaved:
        return
    file = stock.new_file(name)
    try:
        with whole_file(file) as stream:
            stream.write(as_json(content))
        recorder.saved = file
    except OSError as error:
        recorder.unsaved = f"{file}: cannot be written ({error.strerror}); "
    for left in file.parent.glob(".*.part"):  # of runs that were killed while they saved
        left.unlink()


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    """Save a run that came to its end and drop its journal; half a run would be compared like a whole one."""
    config = session.config
    recorders = config.stash.get(RECORDERS, None)
    if recorders is None:
        return (yield)
    recorder = first_recorder(recorders)
    if exitstatus not in _ENDED:
        recorder.unsaved = "stopped: "
        StockSession(config).save_nothing()
    yield
    handover = config.pluginmanager.get_plugin(HANDOVER)
    if handover:
        handover.saved = recorder.saved
    saved = recorder.saved or (config.option.benchmark_json and not recorder.unsaved)
    if saved and exitstatus in _ENDED:
        recorder.journal.finish()
    elif not saved:
        autosave = "" if handover else "--benchmark-autosave "
        say(f"{recorder.unsaved}nothing was saved: the same command with {autosave}--resume saves what was measured")
        if recorder.unsaved and exitstatus in _ENDED:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return None


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        # Not pytest.exit(): it cannot say "from None", and pytest then prints where the error came from.
        raise pytest.exit.Exception(f"deploybench: error: {error}", returncode=2) from None


def first_recorder(recorders: dict[str, Recorder]) -> Recorder:
    """The recorder that has what belongs to the file as a whole: where it is saved, or why not."""
    return next(iter(recorders.values()))


@pytest.fixture(scope="session")
def recorders(request: pytest.FixtureRequest) -> dict[str, Recorder]:
    """The recorders of all models, by name; the name of a single model is empty."""
    return request.config.stash[RECORDERS]


@pytest.fixture
def model_name(row: tuple[str, str]) -> str:
    """The model of the row; empty for a single one."""
    return row[0]


@pytest.fixture
def variant_name(row: tuple[str, str]) -> str:
    """The variant of the row."""
    return row[1]


@pytest.fixture
def recorder(recorders: dict[str, Recorder], model_name: str) -> Recorder:
    """The recorder of the row's model."""
    return recorders[model_name]


@pytest.fixture
def prepared(recorder: Recorder) -> Prepared:
    """The model's checkpoint, labelled sets and artifacts."""
    return recorder.prepared


@pytest.fixture
def artifact(prepared: Prepared, variant_name: str) -> Path:
    """Folder of the variant's artifact; fails the test, with the reason, if it could not be exported; skips an unneeded one."""
    if variant_name not in prepared.variants:
        pytest.skip("the same as another variant")
    if variant_name not in prepared.artifacts:
        pytest.fail(f"{variant_name}: {prepared.variants[variant_name].failed}", pytrace=False)
    return prepared.artifacts[variant_name].path


@pytest.fixture
def thorough(request: pytest.FixtureRequest) -> None:
    """Skip the test unless the profile is thorough."""
    profile = request.config.stash[OPTIONS][0].profile
    if not PROFILES[profile].thorough:
        pytest.skip(f"not measured in the profile {profile}: pass --profile standard or full")


@pytest.fixture
def cell(recorder: Recorder, variant_name: str) -> Callable[..., Any]:
    """``measure_cell`` of the variant."""
    return functools.partial(measure_cell, recorder, variant_name)


def measure_cell(
    recorder: Recorder,
    variant_name: str,
    kind: type[Any],
    workload: Workload,
    measure: Callable[[], Any],
    *blanks: Measurement,
) -> Any:
    """Result of ``measure``, a dataclass ``kind``; taken from the journal in a resumed run.

    The ``blanks`` are recorded without a value if the time budget is used up, which skips the test, and if the worker dies,
    which fails it.
    """
    artifact = recorder.prepared.artifacts[variant_name]
    data = blanks[0].data if blanks else None
    of_set = [one.sha256 for one in recorder.prepared.sets if one.name == data] if data else []
    key = (
        kind.__name__,
        recorder.prepared.options.model,
        variant_name,
        artifact.fingerprint,
        asdict(workload),
        *of_set,
    )
    if recorder.journal.find(*key) is None:
        skip_late(recorder, blanks)
    try:
        saved = recorder.journal.cell(key, lambda: asdict(measure()))
    except WorkerError as error:
        recorder.add(*(replace(blank, status="failed", reason=str(error)) for blank in blanks))
        pytest.fail(str(error), pytrace=False)
    return decode(kind, saved, "journal")


def skip_late(recorder: Recorder, blanks: Sequence[Measurement]) -> None:
    """If the time budget is used up, record the ``blanks`` as not measured and skip the test."""
    if not recorder.deadline.left():
        reason = recorder.deadline.reason
        recorder.add(*(replace(blank, status="not_measured", reason=reason) for blank in blanks))
        pytest.skip(reason)


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> _VirtualClock:
    """The timer of the row; it has to be there before pytest-benchmark's own fixture is made."""
    virtual = _VirtualClock()
    request.applymarker(pytest.mark.benchmark(timer=virtual))
    return virtual


@pytest.fixture
def replay_seconds(
    clock: _VirtualClock, benchmark: Any, request: pytest.FixtureRequest
) -> Callable[[Sequence[float], dict[str, Any]], None]:
    """Hand measured seconds, and the facts of their row, to pytest-benchmark as if it had measured them.

    pytest-benchmark reads a virtual clock that each measured value advances. Its file holds exactly the worker's values, and the
    time of pytest's own process, pipes and pickling is in none of them.
    """

    def replay_values(seconds: Sequence[float], extra_info: dict[str, Any]) -> None:
        benchmark.group = request.node.originalname.removeprefix("test_")
        benchmark.extra_info.update(extra_info)
        values = iter(seconds)
        benchmark.pedantic(lambda: clock.advance(next(values)), rounds=len(seconds))

    return replay_values


@pytest.fixture
def replay(replay_seconds: Callable[..., None], recorder: Recorder) -> Callable[..., None]:
    """Record the measurements of a row, and replay its seconds."""
    return functools.partial(replay_rows, recorder, replay_seconds)


def replay_rows(
    recorder: Recorder, replay_seconds: Callable[..., None], seconds: Sequence[float], *measurements: Measurement
) -> None:
    """Record the measurements of a row, and replay its seconds."""
    recorder.add(*measurements)
    replay_seconds(seconds, _row(measurements[0], recorder.prepared.options.model))


class _VirtualClock:
    """A timer that reads zero, then once the value that it was advanced by.

    The difference of the two readings is exactly the value; a clock that adds up values would round it.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def advance(self, seconds: float) -> None:
        self._now = seconds

    def __call__(self) -> float:
        now, self._now = self._now, 0.0
        return now


def _row(measurement: Measurement, model: str) -> dict[str, Any]:
    """``extra_info`` of a row."""
    return {
        **({"model": model} if model else {}),
        "variant": measurement.variant,
        "metric": measurement.metric,
        "unit": METRICS[measurement.metric].unit,
        "workload": asdict(measurement.workload) if measurement.workload else None,
        "data": measurement.data,
    }


@pytest.fixture(scope="session")
def visible(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """A context without pytest's capturing, in which progress reaches the terminal."""
    return functools.partial(uncaptured, request.config)


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add the block of raw values, and write the logits of every example beside the file."""
    recorders = config.stash.get(RECORDERS, None)
    if recorders is None:
        return
    names = dict.fromkeys(recorders, "")
    try:
        for model, recorder in recorders.items():
            names[model] = recorder.save_predictions(StockSession(config).folders())
    except OSError as error:
        first_recorder(recorders).unsaved = f"predictions: cannot be written ({error.strerror or error}); "
    runs = [one.run(names[model]) for model, one in recorders.items()]
    output_json["deploybench"] = run_block(runs[0]) if len(runs) == 1 else models_block(runs)
