"""Whether every architecture gets the inputs that transformers gives it: tiny checkpoints compared with plain transformers.

    python -m deploybench.suites.studies.inputs --architectures bert,gpt2

Each architecture that transformers has for text classification (all, unless some are named) is built with two layers and random
weights, and saved in 16 ways: padding side and truncation side of its tokenizer, with a limit of tokens or without, with a
padding id in config.json or without. torch-eager, exported and loaded by this project, must give the logits of plain
transformers, one text at a time, within 1e-5: for single texts, in batches and with long padding. Otherwise the checkpoint is
refused in one line.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.console import progress
from ....bench.measure.workload import full_length
from ....bench.texts.demonstration import corpus
from ....exporters.artifacts.artifact import Origin, export_artifact
from ....exporters.artifacts.catalogue import find_variant
from ....exporters.checkpoints.checkpoint import read_checkpoint
from ....exporters.checkpoints.inputs import read_inputs, write_inputs
from ....exporters.checkpoints.tokenization import padded_batch, tokenise
from ....exporters.errors import UserError, first_line
from ....exporters.variant import REFERENCE
from ..study import Answer, run_study, study_parser
from .models import SETTINGS, architecture_names, build, plain_answers, plain_limit, plain_model, save_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .models import Setting

EQUAL, ALONE, REFUSED = "equal", "equal alone, and said to read padding", "refused"
DIFFER, FAILS = "differ", "transformers fails as well"
_ATOL = 1e-5  # of logits, or of the largest where that is above 1
TEXTS = (
    *corpus.corpus("test")[0][:6],
    "One.",
    "word " * 60 + "and an end of its own",
    "A few words more than that one",
)


def compare(folder: Path, setting: Setting, work: Path) -> str:
    """EQUAL; ALONE; REFUSED and the message; FAILS; or DIFFER and the largest difference from plain transformers."""
    save_as(folder, setting)
    try:
        found = [*_answers(folder, work)]
    except UserError as error:
        return f"{REFUSED}: {str(error).removeprefix(str(folder)).strip(':/ ')}"
    except Exception as error:  # noqa: BLE001 - a difference, unless transformers fails as well
        found = [error]
    model = plain_model(folder)
    try:
        right = np.stack([*plain_answers(folder, model, plain_limit(model), TEXTS)])
    except Exception as error:  # noqa: BLE001 - of any kind
        return f"{FAILS}: {first_line(error)}"
    if isinstance(found[0], Exception):
        return f"{DIFFER}: {first_line(found[0])}"
    if _reads_padding(work):  # a single text must still be equal
        found = found[:1]
    worst = max(float(np.abs(right - one).max()) for one in found)
    if worst > _ATOL * max(1.0, float(np.abs(right).max())):
        return f"{DIFFER}: by {worst:.1e}"
    return ALONE if _reads_padding(work) else EQUAL


def _reads_padding(work: Path) -> bool:
    """Whether this project warns that padding changes the answers of the checkpoint."""
    return any(note.startswith("caution") for note in read_inputs(work / "tokenizer").notes)


def _answers(folder: Path, work: Path) -> list[Any]:
    """Logits of TEXTS by this project's torch-eager: one by one, in batches of four, and with long padding."""
    checkpoint, tokenizer = read_checkpoint(folder), work / "tokenizer"
    shutil.rmtree(work, ignore_errors=True)
    tokenizer.mkdir(parents=True)
    write_inputs(checkpoint, TEXTS[:4], tokenizer)
    inputs = read_inputs(tokenizer)
    origin = Origin(
        checkpoint=folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=tokenizer,
        calibration=(),
        calibration_source="",
        max_length=inputs.max_length,
        scoring_length=inputs.scoring_length(checkpoint),
        head=checkpoint.head,
    )
    predict = find_variant(REFERENCE).load(export_artifact(REFERENCE, origin, work / "artifacts").path, 1)
    tokens = tokenise(tokenizer, TEXTS, inputs.scoring_length(checkpoint))
    far = min(full_length(inputs.max_length, tokens), 2 * max(map(len, tokens)))
    batches = (tokens[start : start + 4] for start in range(0, len(tokens), 4))
    return [
        np.concatenate([predict(*padded_batch([one], inputs.pad)) for one in tokens]),
        np.concatenate([predict(*padded_batch(some, inputs.pad)) for some in batches]),
        predict(*padded_batch(tokens, inputs.pad, far)),
    ]


def sweep(names: Sequence[str], settings: Sequence[Setting] = SETTINGS) -> dict[str, dict[str, str]]:
    """The result by architecture and setting; an architecture that cannot be built has "not built" and the reason."""
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch, progress("architectures", len(names)) as bar:
        for name in names:
            folder = Path(scratch, name)
            why = build(name, folder)
            found[name] = (
                {"not built": why}
                if why
                else {str(one): compare(folder, one, Path(scratch, "work")) for one in settings}
            )
            shutil.rmtree(folder, ignore_errors=True)
            bar.advance()
    return found


def render(found: dict[str, dict[str, str]]) -> str:
    """Number of checkpoints by result, and each message once."""
    built = {name: rows for name, rows in found.items() if "not built" not in rows}
    results = [(name, row) for name, rows in built.items() for row in rows.values()]
    counts = Counter(row.partition(":")[0] for _, row in results)
    every = [name for name, rows in built.items() if set(rows.values()) == {EQUAL}]
    none = [name for name, rows in built.items() if EQUAL not in rows.values()]
    lines = [
        f"{len(found)} architectures, {len(built)} built, {len(results)} checkpoints: "
        + ", ".join(f"{count} {what}" for what, count in counts.most_common()),
        f"equal however they are saved: {len(every)} architectures; equal in no way of saving: {len(none)} ({', '.join(none)})",
    ]
    refusals = {row: name for name, row in results if row != EQUAL}
    lines += [f"  {name}: {row}" for row, name in refusals.items()]
    lines += [f"  {name}: not built: {rows['not built']}" for name, rows in found.items() if name not in built]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = study_parser(__doc__)
    parser.add_argument("--architectures", metavar="A,B", help="model types (default: all)")
    asked = parser.parse_args(arguments).architectures

    def answer() -> Answer:
        found = sweep(asked.split(",") if asked else architecture_names())
        wrong = [
            f"{name}, {how}" for name, rows in found.items() for how, row in rows.items() if row.startswith(DIFFER)
        ]
        return Answer("inputs", {"architectures": found, "failed": wrong}, render(found))

    return run_study("inputs", answer)


if __name__ == "__main__":
    sys.exit(main())
