"""Our artifacts beside those of optimum's stock exporters, from one checkpoint, timed in one interleaved run.

    python -m suites.studies.stock_export --work-dir .deploybench --peer-env .peer
    python -m suites.studies.stock_export --checkpoint arch:bert-base-uncased --variants onnx-fp32,onnx-int8-dynamic

The stock artifacts are made in an environment of the peer's own (``stock_export_cell.py``), and are then run in ours, with our
thread budget and each runtime's other settings as they come: OpenVINO's precision, too. Of each: size, what it stores twice, what
loading it takes of memory (resident, above the runtime's imports), whether it is still the same model, and its latency for one
text of 16 and of 512 tokens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.console import say
from bench.machine.alone import alone
from bench.machine.cpu import cpu_features
from bench.pipeline.options import Options, read_options
from bench.pipeline.prepare import prepare
from exporters.artifacts.catalogue import find_variant, is_worth_while
from exporters.checkpoints.checkpoint import CALIBRATION_FILE
from exporters.errors import DeploybenchError
from suites.studies import stock_export_cell
from suites.studies.peer import install
from suites.studies.side_by_side import Side, manifest_of_files, measure, table
from suites.studies.study import Answer, run_study, study_parser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.pipeline.prepare import Prepared

_SESSION = "suites.studies.default_session"
STOCK = {  # folder: what loads it
    "onnx-fp32": (_SESSION,),
    "onnx-fp32-O2": (_SESSION,),
    "onnx-int8-dynamic": (_SESSION,),
    "openvino-int8": ("openvino-int8", "openvino-int8-bf16"),  # the second, where the CPU has bf16, is the default
}
TEXTS = 128  # of calibration, for either side


def stock_sides(python: Path, prepared: Prepared) -> list[Side]:
    """Make the stock artifacts, or take those that are there."""
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


def _calibration(prepared: Prepared) -> list[list[int]]:
    left = prepared.checkpoint.path / CALIBRATION_FILE
    if left.is_file():
        ids: list[list[int]] = json.loads(left.read_text(encoding="utf-8"))["input_ids"][:TEXTS]
        return ids
    return prepared.tokens[:TEXTS]


def compare(options: Options, peer_env: Path) -> dict[str, Any]:
    """Every figure of the study."""
    python = install(peer_env)
    with alone():
        prepared = prepare(options)
        ours = [Side(name=name, variant=name, path=one.path) for name, one in prepared.artifacts.items()]
        sides = [*ours, *stock_sides(python, prepared)]
        figures = measure(sides, prepared)
    return {
        "checkpoint": prepared.checkpoint.name,
        "parameters": prepared.checkpoint.num_parameters,
        "threads": options.threads,
        "failed": {name: info.failed for name, info in prepared.variants.items() if info.failed},
        "artifacts": figures,
    }


def text(figures: Mapping[str, Any]) -> str:
    """What the study prints."""
    failed = [f"{name}: failed: {why}\n" for name, why in figures["failed"].items()]
    return table(figures["artifacts"]) + "".join(failed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    flags = ("--checkpoint", "--variants", "--calibration", "--threads", "--profile", "--target-width", "--time-budget")
    parser = study_parser(__doc__, (*flags, "--work-dir"), checkpoint="arch:albert-base-v2")
    parser.add_argument(
        "--peer-env", type=Path, default=Path(".peer"), metavar="DIR", help="made where it is not there"
    )
    parsed = parser.parse_args(arguments)

    def answer() -> Answer:
        figures = compare(read_options(parsed), parsed.peer_env)
        return Answer(f"stock_export-{figures['checkpoint'].replace(':', '-')}", figures, text(figures))

    return run_study("stock_export", answer)


if __name__ == "__main__":
    sys.exit(main())
