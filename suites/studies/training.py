"""How long does a recipe train here, and what does it reach? Takes what `deploybench train` takes, and saves the answer.

python -m suites.studies.training albert-mini --train train.csv --external test=test.csv --tokenizer DIR --output posts
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from bench.cli import main as deploybench
from exporters.checkpoint import TRAINING_FILE
from suites.studies.saving import save_study

_KEPT = ("num_parameters", "accuracy", "recall", "data_sha256", "recipe_sha256", "tokenizer_sha256")


def main(arguments: list[str]) -> int:
    """Train, then save seconds, wall time of the whole command and accuracies."""
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--output", type=Path)
    folder = output.parse_known_args(arguments)[0].output  # deploybench itself says when it is missing
    start = time.perf_counter()
    code = deploybench(["train", *arguments])
    if code == 0:
        wall = time.perf_counter() - start
        training = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
        figures = {"seconds": training["seconds"], "command_seconds": wall}
        save_study(f"training-{training['recipe']['name']}", {**figures, **{key: training[key] for key in _KEPT}})
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
