"""``example.py``: a short program that serves an artifact with only its runtime installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.checkpoints.tokenization import FAST_FILE, reads_pairs, reads_types
from deploybench.exporters.runtimes.feed import INPUTS
from deploybench.exporters.variant import MANIFEST, TOKENIZER

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = "example.py"
_IMPORT = "from tokenizers import Tokenizer"
_PROGRAM = '''\
"""The label of a text and its probability, by {variant}: python {name} {texts}"""

import sys
from pathlib import Path

{imports}

folder = Path(__file__).parent
encoded = Tokenizer.from_file(str(folder / "{tokenizer}" / "{file}")).encode({arguments})
inputs = {{{inputs}}}
{answer}
print({labels}[chances.argmax()], float(chances.max()))
'''


def write_example(folder: Path) -> None:
    """Write ``example.py`` beside the complete artifact in ``folder``, if its variant has one."""
    if not find_variant(_manifest(folder).get("variant", "")).example.answer:
        return
    (folder / EXAMPLE).write_text(_example(folder), encoding="utf-8")


def is_example_changed(folder: Path) -> bool:
    """Whether ``example.py`` in ``folder`` is not the one that ``write_example`` writes, so that a user has changed it."""
    file = folder / EXAMPLE
    return file.exists() and file.read_bytes() != _example(folder).encode()


def _example(folder: Path) -> str:
    manifest = _manifest(folder)
    variant = manifest.get("variant", "")
    own = find_variant(variant).example
    pairs, typed = reads_pairs(folder / TOKENIZER), reads_types(folder / TOKENIZER)
    fields = [*zip(INPUTS, ("ids", "attention_mask", "type_ids"), strict=True)][: 2 + typed]
    return _PROGRAM.format(
        variant=variant,
        name=EXAMPLE,
        imports="\n".join(sorted([*own.imports, _IMPORT], key=lambda line: (line.startswith("from"), line))),
        tokenizer=TOKENIZER,
        file=FAST_FILE,
        answer=own.answer,
        inputs=", ".join(f'"{name}": [encoded.{field}]' for name, field in fields),
        texts="TEXT TEXT" if pairs else "TEXT",
        arguments="sys.argv[1], sys.argv[2]" if pairs else "sys.argv[1]",
        labels=manifest.get("labels", []),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found
