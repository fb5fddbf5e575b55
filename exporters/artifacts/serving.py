"""What serves an artifact: its tokenizer and labels, and ``example.py``, a program that needs only its runtime."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..checkpoints.tokenization import FAST_FILE, Pad, Tokeniser, read_fast, reads_pairs, reads_types
from ..errors import UserError
from ..head import HALF, Head
from ..runtimes.feed import INPUTS
from ..variant import MANIFEST, SOFTMAX, TOKENIZER
from .artifact import changed_file, read_artifact
from .catalogue import check_variant_name, find_variant

if TYPE_CHECKING:
    from pathlib import Path

    from .artifact import Artifact

EXAMPLE = "example.py"
_IMPORT = "from tokenizers import Tokenizer"
_PROGRAM = '''\
"""{what}, by {variant}: python {name} {texts}"""

import sys
from pathlib import Path

{imports}

folder = Path(__file__).parent
encoded = Tokenizer.from_file(str(folder / "{tokenizer}" / "{file}")).encode({arguments})
inputs = {{{inputs}}}
{answer}
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
_SIGMOID = {"numpy": "np.exp(-np.logaddexp(0, -logits))", "torch": ".sigmoid()"}
_NO_ACTIVATION = {"numpy": "logits", "torch": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A whole artifact, and how texts become its inputs and its logits labels."""

    artifact: Artifact
    head: Head  # what its outputs mean
    tokeniser: Tokeniser
    pad: Pad | None  # None: its tokenizer.json does not say, so that texts are run alone
    pairs: bool  # whether it reads pairs of texts


def read_served(folder: Path) -> Served:
    """What serves the artifact in ``folder``; loads no model runtime. Raises UserError where there is no whole artifact."""
    if not (folder / MANIFEST).is_file():
        raise UserError(
            f"{folder}: no artifact, there is no {MANIFEST} in it; expected a folder of: deploybench recommend RUN --copy-to DIR"
        )
    artifact = whole_artifact(folder)
    fast = read_fast(folder / TOKENIZER)
    limit, padding = (fast.truncation or {}).get("max_length"), fast.padding
    return Served(
        artifact=artifact,
        head=_head(_manifest(folder)),
        tokeniser=Tokeniser(folder / TOKENIZER, limit),
        pairs=reads_pairs(folder / TOKENIZER),
        pad=Pad(padding["pad_id"], padding["direction"], padding["pad_type_id"]) if padding else None,
    )


def whole_artifact(folder: Path) -> Artifact:
    """The artifact in ``folder``, whose files are those that were exported; raises UserError otherwise."""
    artifact = read_artifact(folder)
    if artifact is None:
        raise UserError(
            f"{folder}: this artifact is not whole: a file is missing or truncated, or another version wrote it; export it again"
        )
    changed = changed_file(folder)
    if changed:
        raise UserError(f"{folder}: {changed} is not what was exported: its content was changed; export it again")
    check_variant_name(artifact.variant)
    return artifact


def write_example(folder: Path) -> None:
    """Write ``example.py`` beside the complete artifact in ``folder``, if its variant has one."""
    program = _example(folder)
    if program:
        (folder / EXAMPLE).write_text(program, encoding="utf-8")


def example_call(folder: Path) -> str:
    """The command that runs the example in ``folder``; empty where there is none, as of some plugins."""
    file = folder / EXAMPLE
    return f"python {shlex.quote(str(file))} {_texts(reads_pairs(folder / TOKENIZER))}" if file.is_file() else ""


def _texts(pairs: bool) -> str:
    return "TEXT TEXT" if pairs else "TEXT"


def is_example_changed(folder: Path) -> bool:
    """Whether ``example.py`` in ``folder`` is not the one that ``write_example`` writes, so that a user has changed it."""
    file = folder / EXAMPLE
    return file.exists() and file.read_bytes() != _example(folder).encode()


def _example(folder: Path) -> str:
    """The program; empty if the variant of the artifact in ``folder`` has none for its task."""
    manifest = _manifest(folder)
    variant, head = manifest.get("variant", ""), _head(manifest)
    own = find_variant(variant).example
    answer = _answer(own.answer, head)
    if not answer:
        return ""
    pairs, typed = reads_pairs(folder / TOKENIZER), reads_types(folder / TOKENIZER)
    fields = [*zip(INPUTS, ("ids", "attention_mask", "type_ids"), strict=True)][: 2 + typed]
    return _PROGRAM.format(
        variant=variant,
        name=EXAMPLE,
        imports="\n".join(sorted([*own.imports, _IMPORT], key=lambda line: (line.startswith("from"), line))),
        tokenizer=TOKENIZER,
        file=FAST_FILE,
        what=_WHAT[head.task],
        answer=answer,
        inputs=", ".join(f'"{name}": [encoded.{field}]' for name, field in fields),
        texts=_texts(pairs),
        arguments="sys.argv[1], sys.argv[2]" if pairs else "sys.argv[1]",
        output=_OUTPUT[head.task].format(
            labels=[*head.labels], thresholds=[*head.thresholds] or [HALF] * len(head.labels)
        ),
    )


def _answer(lines: str, head: Head) -> str:
    """The lines of an example with the activation of the task; empty where they do not have the usual one."""
    if head.task == "single-label":
        return lines
    activations = _SIGMOID if head.task == "multi-label" or head.sigmoid else _NO_ACTIVATION
    usual = next((library for library, softmax in SOFTMAX.items() if softmax in lines), None)
    return lines.replace(SOFTMAX[usual], activations[usual]) if usual else ""


def _head(manifest: dict[str, Any]) -> Head:
    """What the outputs of an artifact mean; one that was exported before there were other tasks has single labels."""
    return Head(
        task=manifest.get("task", "single-label"),
        labels=tuple(manifest.get("labels", ())),
        thresholds=tuple(manifest.get("thresholds", ())),
        sigmoid=manifest.get("sigmoid", False),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found
