"""How long a recipe trains on this machine, what accuracy it reaches, and whether the weights are reproducible.

    python -m deploybench.suites.studies.training.recipe albert-mini --train train.csv --external test=test.csv --tokenizer DIR
    python -m deploybench.suites.studies.training.recipe albert-news --again --train prepared/train.csv --output news

Takes the options of `deploybench train`, and saves the record. ``--again`` trains a second time, into OUTPUT-again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from ....bench.cli import main as deploybench
from ....exporters.checkpoints.checkpoint import TRAINING_FILE
from ..study import save_study

_KEPT = (
    *("num_parameters", "seconds", "training_seconds", "samples_per_second", "tokens_per_second", "padding_share"),
    *("peak_memory", "batch", "epochs", "best_epoch", "accuracy", "f1", "recall", "leaked"),
    *("recipe_sha256", "data_sha256", "tokenizer_sha256", "weights_sha256", "versions"),
)


def main(arguments: list[str]) -> int:
    """Train, then save the record, the wall time of the command, and with --again the second hash of the weights."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--output", type=Path)
    own.add_argument("--again", action="store_true")
    parsed, _ = own.parse_known_args(arguments)
    arguments = [one for one in arguments if one != "--again"]
    start = time.perf_counter()
    code = deploybench(["train", *arguments])
    if code:
        return code
    figures = {"command_seconds": time.perf_counter() - start, **_record(parsed.output)}
    if parsed.again:
        second = parsed.output.with_name(f"{parsed.output.name}-again")
        code = deploybench(["train", *arguments, "--output", str(second)])
        if code:
            return code
        figures["weights_sha256_again"] = _record(second)["weights_sha256"]
    save_study(f"training-{parsed.output.name}", figures)
    return 0


def _record(folder: Path) -> dict[str, object]:
    training = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    return {"recipe": training["recipe"]["name"], **{key: training[key] for key in _KEPT}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
