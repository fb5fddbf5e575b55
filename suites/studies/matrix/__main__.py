"""Which default variants export which architectures: tiny checkpoints through the exports and checks of a run.

    python -m deploybench.suites.studies.matrix --architectures BERT,XLNet --variants onnx-fp32
    python -m deploybench.suites.studies.matrix --show

Each architecture is built with two layers and random weights, and a tokenizer of the form of its own. Its variants are exported
and held against torch-eager by the check of every run, on single texts, and on pairs where its tokenizer has a form for them:
each alone, in batches padded on the tokenizer's side, and padded to full length. A variant that cannot work has the reason.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import progress
from ....bench.pipeline.checks import Checks
from ....bench.pipeline.options import Options
from ....bench.worker.client import call_in_child
from ....exporters.artifacts.artifact import Origin, export_artifact
from ....exporters.artifacts.catalogue import default_variants
from ....exporters.checkpoints.checkpoint import read_checkpoint
from ....exporters.checkpoints.inputs import read_inputs
from ....exporters.checkpoints.tokenization import padded_batch, tokenise
from ....exporters.errors import DeploybenchError, UserError, did_you_mean
from ....exporters.variant import BF16, REFERENCE, VNNI
from ..study import Answer, run_study, saved_at, study_parser
from .models import ARCHITECTURES, prepare
from .shown import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....exporters.artifacts.artifact import Artifact
    from ....exporters.checkpoints.inputs import Inputs
    from ....exporters.texts import Text
    from ....exporters.variant import Batch

VARIANTS = default_variants((*BF16, *VNNI))  # the same columns on every machine
_THREADS = 1
_SIZE = 8  # texts of a batch


def sweep(names: Sequence[str], variants: Sequence[str]) -> dict[str, Any]:
    """By architecture: what it reads, and by variant what was proven of it, or why it failed."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch, progress("architectures", len(names)) as bar:
        for name in names:
            found[name] = _row(name, [REFERENCE, *(one for one in variants if one != REFERENCE)], Path(scratch, name))
            bar.advance()
    return found


def _row(name: str, variants: Sequence[str], folder: Path) -> dict[str, Any]:
    kinds = call_in_child(prepare, name, folder, threads=_THREADS, label=f"building {name}")
    inputs, checkpoint = read_inputs(folder / "inputs"), read_checkpoint(folder / "model")
    origin = Origin(
        checkpoint=checkpoint.path,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=inputs.tokenizer,
        calibration=tuple(tokenise(inputs.tokenizer, [text for texts in kinds for text in texts], inputs.max_length)),
        calibration_source="texts of the study",
        max_length=inputs.max_length,
        scoring_length=inputs.scoring_length(checkpoint),
        head=checkpoint.head,
    )
    options = Options(checkpoint=str(checkpoint.path), threads=_THREADS, work_dir=folder / "work")
    batches, full = _batches(inputs, kinds)
    # As of random weights: what its labels are on other CPUs means nothing.
    checks = Checks(options, replace(checkpoint, random_weights=True), batches, full)
    return {
        "texts": ["single", "pairs"][: len(kinds)],
        "typed": inputs.typed,
        "padding": inputs.pad.side,
        "variants": {one: _checked(one, origin, folder / "artifacts", checks) for one in variants},
    }


def _batches(inputs: Inputs, kinds: Sequence[Sequence[Text]]) -> tuple[list[Batch], Batch]:
    """Those on which logits are compared first, then those for labels alone; and a text of full length."""
    exact, rest = [], []
    for texts in kinds:
        tokens = sorted(tokenise(inputs.tokenizer, texts, inputs.max_length), key=len)
        mixed = tokens[:: len(tokens) // _SIZE][:_SIZE]
        full = padded_batch(tokens[-1:], inputs.pad)
        exact += [full, padded_batch(mixed, inputs.pad), padded_batch(tokens[:2], inputs.pad, inputs.max_length or 0)]
        rest += [padded_batch([one], inputs.pad) for one in mixed]
        rest += [padded_batch(tokens[start : start + _SIZE], inputs.pad) for start in range(0, len(tokens), _SIZE)]
    return [*exact, *rest], full


def _checked(variant: str, origin: Origin, root: Path, checks: Checks) -> dict[str, Any]:
    try:
        artifact: Artifact = call_in_child(
            export_artifact, variant, origin, root, threads=_THREADS, label=f"exporting {variant}", forked=True
        )
        info = checks.check(artifact)
    except DeploybenchError as error:
        return {"failed": str(error).removeprefix(f"exporting {variant}: ")}
    return {"parity": info.parity, "executed": info.executed, "notes": list(artifact.notes)}


def _known(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in ARCHITECTURES:
            near = did_you_mean(name, ARCHITECTURES) or f"expected some of {', '.join(ARCHITECTURES)}"
            raise UserError(f"--architectures: found {name!r}, {near.strip()}")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, or print what it saved; the exit code."""
    parser = study_parser(__doc__, ("--variants",))
    parser.add_argument("--architectures", metavar="A,B", help="rows (default: all)", default=",".join(ARCHITECTURES))
    parser.add_argument("--show", action="store_true", help="print the saved table")
    asked = parser.parse_args(arguments)
    if asked.show:
        sys.stdout.write(render(json.loads(saved_at("matrix").read_text(encoding="utf-8"))["architectures"]))
        return 0

    def answer() -> Answer:
        found = sweep(_known(asked.architectures.split(",")), asked.variants or VARIANTS)
        return Answer("matrix", {"architectures": found}, render(found))

    return run_study("matrix", answer)


if __name__ == "__main__":
    sys.exit(main())
