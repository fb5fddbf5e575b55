"""The model card of a training: what was done, on what, and what it reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CARD_FILE = "README.md"


def training_card(record: Mapping[str, Any], label_names: Sequence[str]) -> str:
    """Markdown for the Hugging Face Hub, of the record that stands in ``training.json``."""
    recipe, batch = record["recipe"], record["batch"]
    start = recipe["checkpoint"] or "random weights"
    rows = [f"| {_cell(name)} | {score:.4f} | {record['f1'][name]:.4f} |" for name, score in record["accuracy"].items()]
    epochs = [
        f"| {one['number']} | {one['loss']:.4f} | {_f1(one['validation'])} | {one['seconds']:.1f} |" for one in record["epochs"]
    ]
    return "\n".join(
        [
            "---",
            "pipeline_tag: text-classification",
            "library_name: transformers",
            "---",
            "",
            f"# {_cell(recipe['name'])}",
            "",
            f"{_cell(recipe['description'])}.",
            *(["", "A demonstration, trained on made-up texts: its accuracy says nothing about news."] if record["demonstration"] else []),
            "",
            f"Labels: {', '.join(_cell(name) for name in label_names)}. Started from {_cell(start)}; {record['num_parameters']:,} "
            "parameters.",
            "",
            "| set | accuracy | F1 |",
            "|---|---|---|",
            *rows,
            "",
            "F1: of classes, weighted by texts.",
            "",
            "## Training",
            "",
            f"{batch['steps']:,} steps of {batch['effective']} texts (at once {batch['per_device']} on each of {record['devices']} "
            f"devices, {batch['accumulation']} times), {batch['warmup_steps']:,} of them warm-up; learning rate "
            f"{recipe['learning_rate']:g}, weight decay {recipe['weight_decay']:g}, seed {recipe['seed']}, at most "
            f"{recipe['max_length']} tokens, padding {recipe['padding']}, {record['precision']} on {_cell(record['device'])}.",
            "",
            "| epoch | loss | validation F1 | seconds |",
            "|---|---|---|---|",
            *epochs,
            "",
            f"{record['samples_per_second']:.1f} texts/s and {record['tokens_per_second']:.0f} tokens/s over all epochs; "
            f"{100 * record['padding_share']:.1f} % of what was computed is padding.",
            "",
            f"Recipe {record['recipe_sha256'][:12]}, data {record['data_sha256'][:12]}; "
            + ", ".join(f"{name} {version}" for name, version in record["versions"].items())
            + ".",
            "",
        ]
    )


def _f1(validation: Mapping[str, float] | None) -> str:
    return f"{validation['f1']:.4f}" if validation else ""


def _cell(name: str) -> str:
    """A name that is a name and nothing else in Markdown."""
    shown = "".join(mark if mark.isprintable() else " " for mark in name)
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>()#+!|" else mark for mark in shown)
