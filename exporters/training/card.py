"""The model card of a training: start, data, course and results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .tasks import DECIDING, METRIC_NAMES, METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CARD_FILE = "README.md"
_NOTES = {
    "single-label": "F1: of classes, weighted by texts.",
    "multi-label": "Macro F1: mean over labels. Subset accuracy: share of texts with exactly their labels.",
    "score": "Spearman, Pearson: correlation with the scores of the set. MAE: mean absolute error, in their unit.",
}


def training_card(record: Mapping[str, Any], label_names: Sequence[str]) -> str:
    """Markdown for the Hugging Face Hub, from the record in ``training.json``."""
    from huggingface_hub import ModelCardData

    deciding = DECIDING[record["recipe"]["task"]]
    epochs = [
        f"| {one['number']} | {one['loss']:.4f} | {_value((one['validation'] or {}).get(deciding))} | {one['seconds']:.1f} |"
        for one in record["epochs"]
    ]
    front = ModelCardData(
        pipeline_tag="text-classification",
        library_name="transformers",
        tags=["text-pair-classification"] if record.get("pairs") else None,
    )
    parts = [
        f"---\n{front.to_yaml()}\n---",
        f"# {_cell(record['recipe']['name'])}",
        _beginning(record, label_names),
        *_scores(record, label_names),
        "## Training",
        _course(record),
        "\n".join([f"| epoch | loss | validation {METRIC_NAMES[deciding]} | seconds |", "|---|---|---|---|", *epochs]),
        _pace(record),
    ]
    return "\n\n".join(parts) + "\n"


def _scores(record: Mapping[str, Any], label_names: Sequence[str]) -> list[str]:
    """The scores of every set, and what they are of."""
    metrics = METRICS[record["recipe"]["task"]]
    of = record["scores"] or {
        name: {"accuracy": score, "f1": record["f1"][name]} for name, score in record["accuracy"].items()
    }
    rows = [f"| {_cell(name)} | {' | '.join(_value(found[one]) for one in metrics)} |" for name, found in of.items()]
    heads = f"| set | {' | '.join(METRIC_NAMES[one] for one in metrics)} |"
    table = "\n".join([heads, f"|---{'|---' * len(metrics)}|", *rows])
    return [table, *filter(None, [_NOTES[record["recipe"]["task"]], _thresholds(record, label_names)])]


def _thresholds(record: Mapping[str, Any], label_names: Sequence[str]) -> str:
    if not record["thresholds"]:
        return ""
    each = ", ".join(f"{_cell(name)} {one:.3f}" for name, one in zip(label_names, record["thresholds"], strict=True))
    return (
        "A label is given where its probability is above its threshold in `config.json`, which has the highest F1 on the "
        f"validation set, so that scores there are too high: {each}."
    )


def _beginning(record: Mapping[str, Any], label_names: Sequence[str]) -> str:
    recipe = record["recipe"]
    start = _cell(recipe["checkpoint"] or "random weights")
    new = f", with new {', '.join(map(_cell, record['new_weights']))}" if record["new_weights"] else ""
    labels = ", ".join(_cell(name) for name in label_names)
    caution = (
        " A demonstration, trained on made-up texts: its accuracy says nothing about news." * record["demonstration"]
    )
    origin = f"{_student(record['student'])} of {start}" if record.get("student") else f"Started from {start}{new}"
    return (
        f"{_cell(recipe['description'])}.{caution} Labels: {labels}. {origin}; {record['num_parameters']:,} parameters."
    )


def _student(kept: Mapping[str, Any]) -> str:
    return f"A student with {len(kept['layers'])} of the {kept['of']} layers, which learnt the outputs, not the labels,"


def _course(record: Mapping[str, Any]) -> str:
    recipe, batch = record["recipe"], record["batch"]
    at_once = f"at once {batch['per_device']} on each of {_counted(record['devices'], 'device')}"
    return (
        f"{_steps(record)} of {_counted(batch['effective'], 'text')} ({at_once}, "
        f"{_counted(batch['accumulation'], 'time')}), "
        f"{batch['warmup_steps']:,} of them warm-up; learning rate {recipe['learning_rate']:g}, weight decay "
        f"{recipe['weight_decay']:g}, seed {recipe['seed']}, at most {recipe['max_length']} tokens, padding {recipe['padding']}, "
        f"{record['precision']} on {_device(record)}.{_taken(record)}"
    )


def _steps(record: Mapping[str, Any]) -> str:
    planned = record["batch"]["steps"]
    made = "" if record["steps"] == planned else f"{record['steps']:,} of "
    return f"{made}{planned:,} steps"


def _taken(record: Mapping[str, Any]) -> str:
    """Which epoch's weights these are, with early stopping."""
    if record["best_epoch"] is None:
        return ""
    metric = METRIC_NAMES[DECIDING[record["recipe"]["task"]]]
    early = f" Stopped early, as validation {metric} no longer rose." * (record["steps"] < record["batch"]["steps"])
    return (
        f"{early} The weights are those after epoch {record['best_epoch']}, which has the highest validation {metric}."
    )


def _device(record: Mapping[str, Any]) -> str:
    """The GPU, or the CPU and its threads."""
    origin = record["origin"]
    if record["device"] != "cpu" or not origin:
        return _cell(record["device"])
    return f"{_cell(origin['cpu'])}, {_counted(origin['threads'], 'thread')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _pace(record: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    commit = record["origin"].get("commit", "")[:12]
    at = f", commit {commit}{' with changes' * record['origin']['dirty']}" if commit else ""
    return (
        f"{record['samples_per_second']:.1f} texts/s and {record['tokens_per_second']:.0f} tokens/s over all epochs; "
        f"{100 * record['padding_share']:.1f} % of what was computed is padding. Recipe {record['recipe_sha256'][:12]}, data "
        f"{record['data_sha256'][:12]}, weights {record['weights_sha256'][:12]}{at}; {versions}."
    )


def _value(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"


def _cell(name: str) -> str:
    """A name with its Markdown syntax escaped."""
    shown = "".join(mark if mark.isprintable() else " " for mark in name)
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>()#+!|" else mark for mark in shown)
