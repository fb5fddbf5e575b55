"""Long texts: read by their head, their tail, both, or windows, on the same texts of a labelled set."""

from __future__ import annotations

import functools
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from deploybench.bench.console import note
from deploybench.bench.measure.long_texts import BATCH_SIZE, LongTexts, distinct, inputs_of, measure_long_texts
from deploybench.bench.measure.workload import spread
from deploybench.bench.pipeline.scored_texts import stepped
from deploybench.bench.runs.decoding import decode
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import READ, WAYS, read_metric
from deploybench.exporters.checkpoints.long_texts import WholeTokeniser
from deploybench.exporters.checkpoints.tokenization import Tokeniser
from deploybench.exporters.errors import WorkerError
from deploybench.exporters.variant import REFERENCE
from deploybench.suites.conftest import skip_late

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploybench.bench.measure.long_texts import Inputs, Reading
    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.pipeline.recorder import Recorder
    from deploybench.bench.texts.data import LabelledSet
    from deploybench.exporters.checkpoints.long_texts import Windows

SHARE = 0.15  # of the time budget, for all sets of all models
_UNDEFINED: dict[str, Any] = {"status": "not_measured", "reason": "undefined: all labels or all scores are equal"}
FEWEST = 20  # texts: of fewer nothing is learnt


def test_long_texts(
    variant_name: str,
    set_name: str | None,
    recorder: Recorder,
    recorders: dict[str, Recorder],
    replay: Callable[..., None],
    request: pytest.FixtureRequest,
) -> None:
    """The row has the seconds of each way; the reference alone is measured, because variants are the same model."""
    prepared = recorder.prepared
    windows = prepared.options.windows
    labelled = next((one for one in prepared.sets if one.name == set_name), None)
    if windows is None or labelled is None:
        pytest.skip("there are no windows or no labelled set: pass --windows 512/256 and --external FILE")
    if variant_name != REFERENCE or prepared.checkpoint.random_weights:
        pytest.skip(f"{REFERENCE} alone is measured, and not with random weights")
    request.getfixturevalue("artifact")  # fails where there is none
    length = prepared.scoring_length or windows.length
    texts = _read(prepared, labelled, length, windows)
    if texts is None:
        with request.getfixturevalue("visible")():
            note(
                f"--windows: no text of {set_name} is longer than the {min(length, windows.length)} tokens of a window"
            )
        pytest.skip("no text is longer than a window")
    workload = Workload(
        batch_size=BATCH_SIZE, sequence_length=length, padding="bucketed", threads=prepared.options.threads
    )
    measured = functools.partial(Measurement, variant=variant_name, data=set_name, workload=workload)
    blanks = [measured(metric=read_metric(way, what)) for way in WAYS for what in READ]
    readings = _readings(recorder, labelled, texts, blanks, len(prepared.sets) * len(recorders))

    assert len(readings) == len(WAYS)
    values = [found for one in readings for found in _values(one)]
    rows = (
        replace(blank, values=found, **({} if found else _UNDEFINED))
        for blank, found in zip(blanks, values, strict=True)
    )
    replay([one.seconds for one in readings], *rows)


def _readings(
    recorder: Recorder, labelled: LabelledSet, texts: Sequence[Inputs], blanks: Sequence[Measurement], sets: int
) -> tuple[Reading, ...]:
    """What was measured, or taken from the journal; otherwise the ``blanks`` are recorded, and the test skips or fails.

    ``sets``: of all models, which share the time.
    """
    prepared = recorder.prepared
    facts = (prepared.artifacts[REFERENCE].fingerprint, labelled.sha256, len(labelled.texts))
    key = ("long texts", prepared.options.model, *facts, str(prepared.options.windows))
    if recorder.journal.find(*key) is None:
        skip_late(recorder, blanks)
    places = _places(recorder, labelled, texts, sets)
    if not places:
        reason = "accuracy was not measured"
        recorder.add(*(replace(blank, status="not_measured", reason=reason) for blank in blanks))
        pytest.skip(reason)
    try:
        saved = recorder.journal.cell(key, lambda: asdict(_measure(prepared, labelled, texts, places)))
    except WorkerError as error:
        recorder.add(*(replace(blank, status="failed", reason=str(error)) for blank in blanks))
        pytest.fail(str(error), pytrace=False)
    found: LongTexts = decode(LongTexts, saved, "journal")
    return found.readings


def _values(one: Reading) -> tuple[tuple[float, ...], ...]:
    """Each of READ."""
    return one.quality, tuple(map(float, one.tokens)), (len(one.tokens) / one.seconds,)


def _read(prepared: Prepared, labelled: LabelledSet, length: int, windows: Windows) -> list[Inputs] | None:
    """What is read of each text in each way; None where no text has more tokens than a window."""
    whole = WholeTokeniser(Tokeniser(prepared.inputs.tokenizer, None))(labelled.texts)
    if all(len(text.ids) <= min(length, windows.length) for text in whole):
        return None
    return [inputs_of(text, length, windows) for text in whole]


def _places(recorder: Recorder, labelled: LabelledSet, texts: Sequence[Inputs], sets: int) -> list[int]:
    """Of the texts that there is time for, by the pace at which the set was scored; empty where it was not."""
    [scored] = [
        one.values
        for one in recorder.measurements
        if (one.metric, one.variant, one.data) == ("scoring_time", REFERENCE, labelled.name)
    ] or [()]
    if not scored:
        return []
    cut = "tail" if recorder.prepared.inputs.truncation_side == "left" else "head"
    pace = scored[0] / sum(len(ids) for text in texts for ids in text[cut])
    seconds = min(SHARE * recorder.prepared.options.time_budget, recorder.deadline.left()) / sets
    expected = pace * sum(map(len, distinct(texts).values()))
    most = max(FEWEST, int(len(texts) * seconds / expected))
    return spread(range(len(texts)), min(most, stepped(len(texts), seconds / expected)))


def _measure(prepared: Prepared, labelled: LabelledSet, texts: Sequence[Inputs], places: Sequence[int]) -> LongTexts:
    assert prepared.options.windows is not None
    return measure_long_texts(
        REFERENCE,
        prepared.artifacts[REFERENCE].path,
        [texts[place] for place in places],
        [labelled.labels[place] for place in places],
        head=prepared.checkpoint.head,
        pool=prepared.options.windows.pool,
        pad=prepared.inputs.pad,
        threads=prepared.options.threads,
    )
