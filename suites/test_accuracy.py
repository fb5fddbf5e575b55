"""Accuracy: every variant scores the whole labelled sets, in batches of texts of similar length."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from deploybench.bench.measure.accuracy import confusion_matrix
from deploybench.bench.measure.label_sets import Counts
from deploybench.bench.measure.labelled_set import score
from deploybench.bench.measure.scores import of_queries, spearman
from deploybench.bench.measure.workload import Policy, ScoringBatches, scoring_batches
from deploybench.bench.pipeline.options import SCORING_BATCH_SIZE
from deploybench.bench.runs.measurement import Measurement, Workload
from deploybench.bench.runs.metrics import STAGE_SHARE
from deploybench.bench.runs.predictions import UNLABELLED, Scores
from deploybench.exporters.checkpoints.tokenization import tokenise
from deploybench.exporters.errors import WorkerError
from deploybench.exporters.head import same
from deploybench.exporters.metrics import multi_hot
from deploybench.suites.conftest import skip_late

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from deploybench.bench.pipeline.prepare import Prepared
    from deploybench.bench.pipeline.recorder import Recorder
    from deploybench.bench.texts.data import LabelledSet
    from deploybench.exporters.head import Head
    from deploybench.exporters.labels import Task
    from deploybench.exporters.variant import Float32Array


@pytest.fixture(scope="session")
def batches(recorders: dict[str, Recorder]) -> Callable[[str], dict[str, ScoringBatches]]:
    """The batches of every set, by name, of a model; tokenized once for all its variants."""
    return functools.cache(lambda model: _batches(recorders[model].prepared))


def _batches(prepared: Prepared) -> dict[str, ScoringBatches]:
    inputs, policy = prepared.inputs, Policy(padding="bucketed", batch_size=SCORING_BATCH_SIZE)
    tokens = {one.name: tokenise(inputs.tokenizer, one.texts, prepared.scoring_length) for one in prepared.sets}
    if prepared.unlabelled.tokens:
        tokens[prepared.unlabelled.name] = [*prepared.unlabelled.tokens.values()]
    return {name: scoring_batches(texts, inputs.pad, policy, prepared.full_length) for name, texts in tokens.items()}


@pytest.fixture(scope="session")
def scored(
    recorders: dict[str, Recorder], batches: Callable[[str], dict[str, ScoringBatches]]
) -> Callable[[str, str], dict[str, Scores] | WorkerError | None]:
    """Scores of all sets by a variant in one process, computed at the first call; or the error; None after the deadline."""
    done: dict[tuple[str, str], dict[str, Scores] | WorkerError] = {}

    def score_variant(model: str, variant_name: str) -> dict[str, Scores] | WorkerError | None:
        recorder = recorders[model]
        prepared, artifact = recorder.prepared, recorder.prepared.artifacts[variant_name]
        if (model, variant_name) not in done:
            sets = [*(one.sha256 for one in prepared.sets), prepared.unlabelled.sha256]
            key = ("scores", model, variant_name, artifact.fingerprint, sets)
            if recorder.journal.find(*key) is None and not recorder.deadline.left():
                return None
            try:
                saved = recorder.journal.cell(
                    key,
                    functools.partial(_score, variant_name, artifact.path, batches(model), prepared.options.threads),
                )
                done[model, variant_name] = dict(zip(batches(model), map(Scores.from_json, saved), strict=True))
            except WorkerError as error:
                done[model, variant_name] = error
        return done[model, variant_name]

    return score_variant


def _score(variant_name: str, artifact: Path, batches: dict[str, ScoringBatches], threads: int) -> list[dict[str, Any]]:
    return [one.as_json() for one in score(variant_name, artifact, list(batches.values()), threads)]


def test_accuracy(
    model_name: str,
    variant_name: str,
    set_name: str | None,
    prepared: Prepared,
    recorder: Recorder,
    request: pytest.FixtureRequest,
) -> None:
    """The row times every batch, and holds the confusion matrix."""
    if set_name is None:
        pytest.skip("no labelled set was given: pass --external FILE, or --real FILE --fake FILE")
    if prepared.checkpoint.random_weights:
        pytest.skip("random weights: accuracy has no meaning")
    request.getfixturevalue("artifact")  # fails where there is none
    measured = functools.partial(Measurement, variant=variant_name, data=set_name)
    answer = request.getfixturevalue("scored")(model_name, variant_name)
    labelled = next(one for one in prepared.sets if one.name == set_name)
    of_answers = _metrics(prepared.checkpoint.task, labelled)
    metrics = (*of_answers, "scoring_time")
    if answer is None:
        skip_late(recorder, [measured(metric=metric) for metric in metrics])
    made = None if isinstance(answer, WorkerError) else answer[set_name]
    if made is None or not np.isfinite(made.logits).all():
        reason = str(answer) if made is None else f"logits on {set_name} are not finite"
        recorder.add(*(measured(metric=metric, status="failed", reason=reason) for metric in metrics))
        pytest.fail(reason, pytrace=False)

    assert made.logits.shape == (len(labelled.texts), len(labelled.label_names))
    recorder.scores[set_name, variant_name] = made
    options, read = prepared.options, request.getfixturevalue("batches")(model_name)[set_name].batches
    workload = Workload(
        batch_size=SCORING_BATCH_SIZE,
        sequence_length=prepared.scoring_length or max(ids.shape[1] for ids, _ in read),
        padding="longest",
        threads=options.threads,
    )
    measured = functools.partial(measured, workload=workload)
    request.getfixturevalue("replay")(
        made.seconds,
        *(
            measured(metric=metric, **of_metric)
            for metric, of_metric in zip(
                of_answers, _values(prepared.checkpoint.head, labelled, made.logits), strict=True
            )
        ),
        measured(metric="scoring_time", values=(sum(made.seconds),)),
        *([measured(metric=STAGE_SHARE, values=_shares(made.answered))] if made.answered else []),
    )


def _shares(answered: tuple[int, ...]) -> tuple[float, ...]:
    """Of a cascade: the share of the texts that each stage answers."""
    return tuple(count / sum(answered) for count in answered)


def _metrics(task: Task, labelled: LabelledSet) -> tuple[str, ...]:
    """What is saved of the answers beside the logits."""
    if task == "score":
        return ("ndcg",) if labelled.queries else ("spearman",)
    return ("accuracy", "macro_f1") if task == "multi-label" else ("accuracy",)


def _values(head: Head, labelled: LabelledSet, logits: Float32Array) -> list[dict[str, Any]]:
    """Of each of ``_metrics``: a value for each example, or for all together; and of single labels the confusion matrix."""
    found = head.answers(logits)
    if head.task == "single-label":
        labels = cast("Sequence[int]", labelled.labels)
        right = found == np.asarray(labels)
        confusion = confusion_matrix(labels, found.tolist(), len(labelled.label_names))
        return [{"values": tuple(map(float, right)), "confusion": confusion}]
    if head.task == "multi-label":
        true = multi_hot(labelled.labels, len(labelled.label_names))
        counts = Counts.of(true, found, np.ones((1, len(true)), dtype=np.int16))
        return [{"values": tuple(map(float, same(found, true)))}, {"values": (float(counts.macro_f1[0]),)}]
    wanted = np.asarray(labelled.labels, dtype=np.float64)
    if labelled.queries:
        gains, _ = of_queries(wanted, found, np.asarray(labelled.queries))
        return [{"values": (float(gains.mean()),) if len(gains) else ()}]
    value = float(spearman(wanted, found, np.ones((1, len(wanted)), dtype=np.int16))[0])
    return [{"values": (value,) if np.isfinite(value) else ()}]


@pytest.mark.usefixtures("artifact")
def test_unlabelled(
    model_name: str, variant_name: str, prepared: Prepared, recorder: Recorder, request: pytest.FixtureRequest
) -> None:
    """Classes of the texts without labels; they make no row, and ``recommend`` counts those that change."""
    if not prepared.unlabelled.tokens or prepared.checkpoint.random_weights:
        pytest.skip("no text without a label was given (--unlabelled FILE), or the weights are random")
    answer = request.getfixturevalue("scored")(model_name, variant_name)
    if answer is None:
        pytest.skip("the time budget of the run was spent")
    if isinstance(answer, WorkerError) or not np.isfinite(answer[UNLABELLED].logits).all():
        pytest.fail(str(answer) if isinstance(answer, WorkerError) else "logits are not finite", pytrace=False)
    recorder.scores[UNLABELLED, variant_name] = answer[UNLABELLED]
