"""Compares our artifacts with those of optimum's stock exporters, from one checkpoint, in one interleaved run.

    python -m deploybench.suites.studies.peer.stock_export --work-dir .deploybench --peer-env .peer
    python -m deploybench.suites.studies.peer.stock_export --checkpoint arch:bert-base-uncased --variants onnx-fp32

The stock artifacts are exported in the peer's own environment (``stock_export_cell.py``) and run in ours, with our thread budget
and the runtime's default settings otherwise, OpenVINO's number format included. For each: size, weights stored twice, resident
memory of loading (above the runtime's imports), parity, and latency of one text of 16 and of 512 tokens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....bench.console import say
from ....bench.machine.cpu import cpu_features
from ....bench.pipeline.prepare import prepare
from ....exporters.artifacts.catalogue import find_variant, is_worth_while
from ....exporters.checkpoints.checkpoint import CALIBRATION_FILE
from ....exporters.errors import DeploybenchError
from ..side_by_side import Side, manifest_of_files, measure, table
from ..study import Answer, run_alone, study_parser
from . import stock_export_cell
from .runs import install

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from ....bench.pipeline.options import Options
    from ....bench.pipeline.prepare import Prepared
    from ....exporters.checkpoints.tokenization import Ids

STOCK = {  # folder: the variants that load it
    "onnx-fp32": ("onnx-fp32",),
    "onnx-fp32-O2": ("onnx-fp32",),
    "onnx-int8-dynamic": ("onnx-int8-dynamic",),
    "openvino-int8": ("openvino-int8", "openvino-int8-bf16"),  # the second is OpenVINO's default on a CPU with bf16
}
TEXTS = 128  # for calibration, on both sides


def stock_sides(python: Path, prepared: Prepared) -> list[Side]:
    """Export the stock artifacts, or reuse existing ones."""
    folder = prepared.options.work_dir.absolute() / "stock" / prepared.checkpoint.sha256[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=folder.parent))
        texts = aside / "calibration.json"
        texts.write_text(json.dumps(_calibration(prepared)), encoding="utf-8")
        out = aside / "artifacts"
        out.mkdir()
        say("exporting with optimum's stock exporters")
        command = [str(python), "-I", stock_export_cell.__file__, str(prepared.checkpoint.path.resolve()), str(texts)]
        with (aside / "export.log").open("w") as log:
            done = subprocess.run(
                [*command, str(out)],
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise DeploybenchError(f"the stock exporters ended with exit code {done.returncode}; see {log.name}")
        for one in out.iterdir():
            manifest_of_files(one)
        out.rename(folder)
    return [
        Side(name=f"stock {name}" + " bf16" * variant.endswith("bf16"), variant=variant, path=folder / name)
        for name, variants in STOCK.items()
        for variant in variants
        if is_worth_while(find_variant(variant), cpu_features())
    ]


def _calibration(prepared: Prepared) -> list[Ids]:
    left = prepared.checkpoint.path / CALIBRATION_FILE
    if left.is_file():
        ids: list[Ids] = json.loads(left.read_text(encoding="utf-8"))["input_ids"][:TEXTS]
        return ids
    return prepared.tokens[:TEXTS]


def _answer(options: Options, parsed: argparse.Namespace) -> Answer:
    python = install(parsed.peer_env)
    prepared = prepare(options)
    ours = [Side(name=name, variant=name, path=one.path) for name, one in prepared.artifacts.items()]
    figures = {
        "checkpoint": prepared.checkpoint.name,
        "parameters": prepared.checkpoint.num_parameters,
        "threads": options.threads,
        "failed": {name: info.failed for name, info in prepared.variants.items() if info.failed},
        "artifacts": measure([*ours, *stock_sides(python, prepared)], prepared),
    }
    return Answer(f"stock_export-{prepared.checkpoint.name.replace(':', '-')}", figures, text(figures))


def text(figures: Mapping[str, Any]) -> str:
    """The printed table."""
    failed = [f"{name}: failed: {why}\n" for name, why in figures["failed"].items()]
    return table(figures["artifacts"]) + "".join(failed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    flags = ("--checkpoint", "--variants", "--calibration", "--threads", "--profile", "--target-width", "--time-budget")
    parser = study_parser(__doc__, (*flags, "--work-dir"), checkpoint="arch:albert-base-v2")
    parser.add_argument("--peer-env", type=Path, default=Path(".peer"), metavar="DIR", help="created if missing")
    return run_alone("stock_export", parser, arguments, _answer)


if __name__ == "__main__":
    sys.exit(main())
