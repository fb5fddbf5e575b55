"""The model card of a training, against the expected text in ``tests/data/training-card.md``.

After a wanted change write it anew and read its diff: ``UPDATE_GOLDEN=1 pytest tests/unit/test_training_card.py``.
"""

import os
from pathlib import Path

import pytest

from deploybench.exporters.training.card import training_card

GOLDEN = Path(__file__).parents[1] / "data" / "training-card.md"
RECORD = {
    "demonstration": False,
    "recipe": {
        "name": "news_[x](y)|",
        "task": "single-label",
        "description": "An ALBERT",
        "checkpoint": "albert-base-v2",
        "learning_rate": 2e-5,
        "weight_decay": 0.01,
        "seed": 42,
        "max_length": 512,
        "padding": "max_length",
    },
    "accuracy": {"test": 0.9974, "exter<b>nal": 0.6},
    "f1": {"test": 0.9973, "exter<b>nal": 0.55},
    "scores": {},
    "thresholds": [],
    "epochs": [
        {"number": 1, "loss": 0.5, "seconds": 100.0, "validation": {"f1": 0.9, "accuracy": 0.9, "loss": 0.3}},
        {"number": 2, "loss": 0.25, "seconds": 99.0, "validation": None},
    ],
    "batch": {"effective": 64, "per_device": 32, "accumulation": 2, "steps": 3915, "warmup_steps": 1000},
    "steps": 3915,
    "best_epoch": None,
    "devices": 1,
    "device": "cpu",
    "precision": "fp32",
    "num_parameters": 11685122,
    "new_weights": ("classifier.bias", "classifier.weight"),
    "samples_per_second": 18.1,
    "tokens_per_second": 9000.0,
    "padding_share": 0.25,
    "recipe_sha256": "a" * 64,
    "data_sha256": "b" * 64,
    "weights_sha256": "d" * 64,
    "origin": {"cpu": "AMD EPYC", "cores": 2, "threads": 2, "commit": "c" * 40, "dirty": True},
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
}


def test_what_people_read():
    card = training_card(RECORD, ("real", "fa\x1bke"))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(card, encoding="utf-8")

    assert card == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("origin", "device", "expected"),
    [
        ({}, "cpu", "fp32 on cpu."),
        (RECORD["origin"], "NVIDIA H100", "fp32 on NVIDIA H100."),
        ({"cpu": "AMD EPYC", "threads": 1}, "cpu", "fp32 on AMD EPYC, 1 thread."),
    ],
)
def test_what_it_was_trained_on(origin, device, expected):
    card = training_card({**RECORD, "origin": origin, "device": device}, ("real", "fake"))

    assert expected in card
    assert ("commit" in card) == ("commit" in origin)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (3915, "2 threads. The weights are those after epoch 1, which has the highest validation F1."),
        (783, "2 threads. Stopped early, as validation F1 no longer rose. The weights are those after epoch 1, which"),
    ],
)
def test_whose_weights_it_has(steps, expected):
    card = training_card({**RECORD, "steps": steps, "best_epoch": 1}, ("real", "fake"))

    assert expected in card
    assert ("783 of 3,915 steps of 64 texts" in card) == (steps == 783)
