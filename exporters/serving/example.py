"""``example.py`` beside an artifact: a program that answers one text and needs only the artifact's runtime."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ..artifacts.catalogue import find_variant
from ..checkpoints.tokenization import FAST_FILE, reads_pairs, reads_types
from ..head import HALF
from ..runtimes.feed import INPUTS
from ..variant import TOKENIZER
from .served import head_of, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = "example.py"
_PROGRAM = '''\
"""{what}, by {variant}: python {name} {texts}"""

import os
import sys
from pathlib import Path

{imports}

folder, threads = Path(__file__).parent, os.cpu_count()
encoded = Tokenizer.from_file(str(folder / "{tokenizer}" / "{file}")).encode({arguments})
inputs = {{{inputs}}}
{load}
{predict}
[logits] = logits
chances = {activation}
{output}
'''
_WHAT = {
    "single-label": "The label of a text and its probability",
    "multi-label": "The labels of a text and their probabilities",
    "score": "The score of a text",
}
_OUTPUT = {
    "single-label": "print({labels}[chances.argmax()], float(chances.max()))",
    "multi-label": """\
for label, chance, threshold in zip({labels}, chances, {thresholds}):
    if chance > threshold:
        print(label, float(chance))""",
    "score": "print(float(chances[0]))",
}
_SOFTMAX = "np.exp(logits - np.logaddexp.reduce(logits))"
_SIGMOID = "np.exp(-np.logaddexp(0, -logits))"


def write_example(folder: Path) -> None:
    """Write ``example.py`` beside the complete artifact in ``folder``, if its variant has a program."""
    program = _example(folder)
    if program:
        (folder / EXAMPLE).write_text(program, encoding="utf-8")


def example_call(folder: Path) -> str:
    """The command that runs the example in ``folder``; empty where there is none, as of some plugins."""
    file = folder / EXAMPLE
    return f"python {shlex.quote(str(file))} {_texts(reads_pairs(folder / TOKENIZER))}" if file.is_file() else ""


def is_example_changed(folder: Path) -> bool:
    """Whether ``example.py`` in ``folder`` is not the one that ``write_example`` writes, so that a user has changed it."""
    file = folder / EXAMPLE
    return file.exists() and file.read_bytes() != _example(folder).encode()


def _texts(pairs: bool) -> str:
    return "TEXT TEXT" if pairs else "TEXT"


def _example(folder: Path) -> str:
    """The program; empty if the variant of the artifact in ``folder`` has none."""
    manifest = read_manifest(folder)
    variant, head = manifest.get("variant", ""), head_of(manifest)
    own = find_variant(variant).program
    if own is None:
        return ""
    pairs, typed = reads_pairs(folder / TOKENIZER), reads_types(folder / TOKENIZER)
    fields = [*zip(INPUTS, ("ids", "attention_mask", "type_ids"), strict=True)][: 2 + typed]
    imports = ["import numpy as np", *own.imports, "from tokenizers import Tokenizer"]
    probability = head.task == "multi-label" or head.sigmoid
    return _PROGRAM.format(
        variant=variant,
        name=EXAMPLE,
        imports="\n".join(sorted(imports, key=lambda line: (line.startswith("from"), line))),
        tokenizer=TOKENIZER,
        file=FAST_FILE,
        what=_WHAT[head.task],
        load=own.load,
        predict=own.predict,
        activation=_SOFTMAX if head.task == "single-label" else _SIGMOID if probability else "logits",
        inputs=", ".join(f'"{name}": np.array([encoded.{field}])' for name, field in fields),
        texts=_texts(pairs),
        arguments="sys.argv[1], sys.argv[2]" if pairs else "sys.argv[1]",
        output=_OUTPUT[head.task].format(
            labels=[*head.labels], thresholds=[*head.thresholds] or [HALF] * len(head.labels)
        ),
    )
