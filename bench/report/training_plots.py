"""Plots of a training: loss and validation by epoch; of classes, confusion and accuracy by length on each labelled set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ...exporters.checkpoints.checkpoint import ANSWERS_FILE, TRAINING_FILE
from ...exporters.training.tasks import DECIDING, METRIC_NAMES
from ..analysis.misclassified.groups import by_group
from ..analysis.misclassified.lengths import LENGTHS, length_bins
from ..units import format_count, format_percent
from .formats.escapes import shown
from .page.matrix import draw_matrix
from .page.plot import Plot, write_plots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure as Drawing

PLOTS = "plots"  # folder in a trained checkpoint


def training_plots(folder: Path) -> Iterator[Plot]:
    """Of the checkpoint in ``folder``, which `deploybench train` wrote."""
    record = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    task = record["recipe"]["task"]
    yield _epochs(record["epochs"], DECIDING[task])
    if task != "single-label":
        return
    answers = json.loads((folder / ANSWERS_FILE).read_text(encoding="utf-8"))
    for place, (name, answered) in enumerate(answers["sets"].items(), start=1):
        yield _confusion(place, name, answered, answers["labels"])
        yield _lengths(place, name, answered)


def _epochs(epochs: Sequence[dict[str, Any]], metric: str) -> Plot:
    name = METRIC_NAMES[metric]
    numbers = [one["number"] for one in epochs]
    validated = [one for one in epochs if one["validation"]]

    def draw(drawing: Drawing) -> None:
        rows = 2 if validated else 1
        every = drawing.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        every[0].plot(numbers, [one["loss"] for one in epochs], marker="o", color="#0072b2", label="training")
        every[0].set_ylabel("loss")
        if validated:
            at = [one["number"] for one in validated]
            losses = [one["validation"]["loss"] for one in validated]
            every[0].plot(at, losses, marker="s", color="#d55e00", label="validation")
            every[0].legend()
            every[1].plot(at, [one["validation"][metric] for one in validated], marker="s", color="#d55e00")
            every[1].set_ylabel(f"validation {name}")
        every[-1].set_xlabel("epoch")
        every[-1].xaxis.get_major_locator().set_params(integer=True)

    told = ", ".join(f"{one['loss']:.3f}" for one in epochs)
    scores = ", ".join(f"{one['validation'][metric]:.3f}" for one in validated)
    words = f"Loss by epoch: {told}." + (f" {name} on the validation set: {scores}." if scores else "")
    return Plot(
        name="training", title=f"Loss and {name} by epoch", words=words, height=4.6 if validated else 2.8, draw=draw
    )


def _confusion(place: int, name: str, answered: dict[str, list[int]], labels: Sequence[str]) -> Plot:
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, (answered["labels"], answered["found"]), 1)

    def draw(drawing: Drawing) -> None:
        axes = drawing.subplots()
        draw_matrix(axes, counts, labels, lambda count, share: f"{format_count(count)}\n{format_percent(share)}")
        axes.set_xlabel("predicted")
        axes.set_ylabel("true label")

    title = f"Confusion on {shown(name)}"
    right = f"{format_count(int(counts.trace()))} of {format_count(int(counts.sum()))} right"
    return Plot(name=f"training-confusion-{place}", title=title, words=f"{title}: {right}.", height=4.4, draw=draw)


def _lengths(place: int, name: str, answered: dict[str, list[int]]) -> Plot:
    """Accuracy by length, with its interval; lengths without a text are left out."""
    right = np.asarray(answered["labels"]) == np.asarray(answered["found"])
    found, member = np.unique(length_bins(np.asarray(answered["tokens"])), return_inverse=True)
    groups = by_group(member, right, len(found))
    heads = [f"{LENGTHS[index]}\n{format_count(group.texts)}" for index, group in zip(found, groups, strict=True)]

    def draw(drawing: Drawing) -> None:
        axes = drawing.subplots()
        shares = [group.accuracy or 0.0 for group in groups]
        ends = [(group.interval[0] or 0.0, group.interval[1] or 1.0) for group in groups]
        spread = [[share - low for share, (low, _) in zip(shares, ends, strict=True)]]
        spread += [[high - share for share, (_, high) in zip(shares, ends, strict=True)]]
        axes.errorbar(range(len(heads)), shares, yerr=spread, fmt="o", color="#0072b2", capsize=3)
        axes.set_xticks(range(len(heads)), heads)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("tokens in a text, and number of such texts")
        axes.set_ylabel("accuracy")

    title = f"Accuracy by length on {shown(name)}"
    told = "; ".join(
        f"{LENGTHS[index]} tokens {group.accuracy:.3f}" for index, group in zip(found, groups, strict=True)
    )
    return Plot(name=f"training-lengths-{place}", title=title, words=f"{title}: {told}.", height=3.2, draw=draw)


def write_training_plots(folder: Path) -> None:
    """Put the plots into the checkpoint in ``folder``."""
    write_plots(training_plots(folder), folder / PLOTS)
