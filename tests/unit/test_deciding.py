"""Accuracy is decided wrongly in at most 5 % of simulated sets, whatever their size and however the classes change."""

import json
from pathlib import Path

import numpy as np
import pytest

from deploybench.bench.analysis import accuracy_loss
from deploybench.exporters.variant import REFERENCE
from deploybench.suites.studies.harness import deciding
from deploybench.suites.studies.harness.deciding import (
    KINDS,
    LIMIT,
    MOST_WRONG,
    fitted_size,
    simulate,
    standings,
    wrong,
)

SAVED = Path(__file__).parents[2] / "results" / "studies" / "deciding.json"
REPEATS = 150


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("texts", [50, 400, 1000])
def test_few_sets_are_decided_wrongly(kind, texts):
    slack = 3 * np.sqrt(MOST_WRONG / REPEATS / 4)  # three standard errors of 2.5 %, the level of each interval

    assert wrong(kind, standings(kind, texts, REPEATS)) <= 0.025 + slack


def test_what_loses_nothing_and_what_loses_much_is_decided_with_many_texts():
    for kind in KINDS:
        found = standings(kind, 5000, 20)
        if kind.loss < LIMIT * 0.9 or kind.loss > LIMIT * 1.1:
            assert found["undecided"] <= 0.2


def test_simulated_sets_have_the_true_loss():
    for kind in KINDS:
        made = simulate(kind, 200_000, np.random.default_rng(1), fitted_size(kind))
        right = {name: logits.argmax(axis=1) == made.labels for name, logits in made.logits.items()}

        assert right.pop(REFERENCE).mean() - next(iter(right.values())).mean() == pytest.approx(kind.loss, abs=0.0015)


def test_a_rule_that_is_too_lenient_is_found(monkeypatch):
    monkeypatch.setattr(accuracy_loss, "highest_share", lambda flips, texts: flips / texts)
    found = deciding.answer((100,), 50).figures

    assert any(line.startswith("at the limit, one way, 100 texts: wrong in") for line in found["failed"])


def test_the_saved_figures_hold_the_promise():
    saved = json.loads(SAVED.read_text(encoding="utf-8"))

    assert saved["failed"] == []
    assert {one["texts"] for one in saved["cells"]} >= {50, 5000}
    assert max(one["wrong"] for one in saved["cells"]) <= MOST_WRONG
