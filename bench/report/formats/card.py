"""A run as a model card: the README.md of its checkpoint on the Hugging Face Hub."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import yaml

from ....exporters.variant import REFERENCE
from ...analysis.figures import figures
from ...analysis.precision import cautions
from ...analysis.resampled import OF_LABELS, OF_QUERIES, OF_SCORES
from ...analysis.selection import default_selection
from ...pipeline.checkpoints import DEMONSTRATION
from ...pipeline.sets import DEMONSTRATION_SETS
from ...printable import printable
from ...units import format_bytes, format_count
from ..quality import head_metric, loss_of
from .escapes import markdown_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...analysis.selection import Selection
    from ...runs.measurement import Figure
    from ...runs.store import Run

_METRICS = ("accuracy", "f1", "precision", "recall", *OF_LABELS, *OF_SCORES, *OF_QUERIES)
# As the Hub names them: metric and average.
_ON_THE_HUB = {
    **{metric: (metric, "weighted") for metric in ("f1", "precision", "recall")},
    "macro_f1": ("f1", "macro"),
    "micro_f1": ("f1", "micro"),
    "spearman": ("spearmanr", ""),
    "pearson": ("pearsonr", ""),
    "absolute_error": ("mae", ""),
}
_TASK = "text-classification"

_ABOUT = {
    "single-label": "A text classifier ({kind}) with the labels {labels}",
    "multi-label": "A multi-label text classifier ({kind}) with the labels {labels}",
    "score": "A model ({kind}) that gives a text one score",
}


def render_card(run: Run, tables: str) -> str:
    """Front matter with the metrics of one variant on every labelled set, then what was measured, where and how.

    ``tables``: what was measured, in Markdown. The variant is the one that `deploybench recommend` names, or else the
    reference.
    """
    selection = default_selection(run)
    run, variant = printable(run), selection.best.variant if selection.best else REFERENCE
    scores = [one for one in figures(run) if one.variant == variant and one.metric in _METRICS and _is_score(one)]
    parts = [
        f"---\n{_front_matter(run, variant, scores)}\n---",
        f"# {markdown_text(run.checkpoint.name)}",
        _summary(run, _told(run, variant, selection) if scores else _untold(run)),
        "## Results",
        tables.rstrip("\n"),
        "## Limitations",
        "\n".join(f"- {markdown_text(line)}" for line in _limitations(run, variant, scores)),
        "## Environment",
        "\n".join(f"- {markdown_text(line)}" for line in _machine(run)),
        "## Reproduction",
        f"```sh\n{_command(run)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _is_score(figure: Figure) -> bool:
    return figure.value is not None and figure.data is not None and figure.label is None


def _front_matter(run: Run, variant: str, scores: list[Figure]) -> str:
    """YAML as the Hub reads it; not by huggingface_hub, which the base install lacks."""
    by_set: dict[str, list[dict[str, Any]]] = {}
    for one in scores:
        kind, average = _ON_THE_HUB.get(one.metric, (one.metric, ""))
        metric = {"type": kind, "value": one.value, "name": f"{one.metric} ({variant})"}
        averaged = {"args": {"average": average}} if average else {}
        by_set.setdefault(one.data or "", []).append({**metric, **averaged})
    results = [
        {"task": {"type": _TASK}, "dataset": {"name": name, "type": name}, "metrics": metrics}
        for name, metrics in by_set.items()
    ]
    data = {"pipeline_tag": _TASK, "tags": ["deploybench"]}
    index = {"model-index": [{"name": run.checkpoint.name, "results": results}]} if results else {}
    return yaml.safe_dump({**data, **index}, sort_keys=False, allow_unicode=True).rstrip("\n")


def _summary(run: Run, measured: str) -> str:
    checkpoint = run.checkpoint
    kind = f"{checkpoint.model_type}, {format_count(checkpoint.num_parameters)} parameters"
    labels = ", ".join(checkpoint.labels)
    about = f"{_ABOUT[checkpoint.task].format(kind=kind, labels=labels)}, deployed on a CPU in several ways."
    return f"{markdown_text(about)}\n{markdown_text(measured)}"


def _told(run: Run, variant: str, selection: Selection) -> str:
    why = (
        f"the fastest variant that is certain to lose at most {_limit(selection)}"
        if selection.best
        else "the reference, since no variant is certain to keep its accuracy"
    )
    return f"Measured on {', '.join(_set_names(run))}. Metrics are those of {variant}, {why}."


def _limit(selection: Selection) -> str:
    """The limit of loss: of accuracy in percent."""
    lost = loss_of(selection)
    return f"{100 * selection.max_drop:g} % of accuracy" if lost == "accuracy" else f"{selection.max_drop:g} of {lost}"


def _untold(run: Run) -> str:
    random = "Its weights are random: it predicts nothing of use. " if run.checkpoint.random_weights else ""
    return f"{random}Speed and memory were measured, accuracy was not."


def _limitations(run: Run, variant: str, scores: list[Figure]) -> Iterator[str]:
    metric, name = head_metric(run, run.sets[0]) if run.sets else ("accuracy", "accuracy")
    by_set = {one.data: one.value for one in scores if one.metric == metric and one.value is not None}
    most, least = max(by_set, key=by_set.__getitem__, default=""), min(by_set, key=by_set.__getitem__, default="")
    if most != least:
        yield f"its {name} is {by_set[most]:.3f} on {most} and {by_set[least]:.3f} on {least}: it depends on the texts"
    if by_set:
        yield f"{name} holds for these labelled sets, speed and memory for this machine"
    else:
        yield "its accuracy was not measured"
        yield "speed and memory hold for this machine"
    if variant in run.variants:
        yield from (f"{variant}: {caution}" for caution in cautions(run.variants[variant]))


def _machine(run: Run) -> Iterator[str]:
    found = run.environment
    yield f"{found.get('cpu', 'unknown CPU')}, {found.get('cores', 'unknown number of')} cores, {run.plan.threads} used"
    if isinstance(found.get("memory"), int):
        yield f"memory: {format_bytes(found['memory'])}"
    versions = {"Python": found.get("python", "unknown"), **(found.get("versions") or {})}
    yield ", ".join(f"{name} {version}" for name, version in versions.items())
    yield f"saved run: {run.path.name}"
    yield f"checkpoint: SHA-256 {run.checkpoint.sha256}"


def _command(run: Run) -> str:
    """The command that repeats the run; FILE stands for each labelled file, whose path was not saved."""
    plan, checkpoint = run.plan, run.checkpoint.name
    own = checkpoint == DEMONSTRATION
    sets = [] if own and _set_names(run) == DEMONSTRATION_SETS else [f"{name}=FILE" for name in _set_names(run)]
    arguments = [
        *([] if own else [f"--checkpoint={checkpoint}"]),
        *(f"--external={one}" for one in sets),
        *("--variants", ",".join(plan.variants)),
        *("--batch-sizes", ",".join(map(str, plan.batch_sizes))),
        *([] if plan.text_lengths else ("--sequence-lengths", ",".join(map(str, plan.sequence_lengths)))),
        *("--threads", str(plan.threads), "--profile", plan.profile),
    ]
    return shlex.join(["deploybench", "run", *arguments])


def _set_names(run: Run) -> tuple[str, ...]:
    return tuple(one.name for one in run.sets)
