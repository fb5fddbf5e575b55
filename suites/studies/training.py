"""How long does a recipe train here, and what does it reach? Takes what `deploybench train` takes, and saves the answer.

python -m suites.studies.training albert-mini --train train.csv --external test=test.csv --tokenizer DIR --output posts
"""

from __future__ import annotations

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
    start = time.perf_counter()
    code = deploybench(["train", *arguments])
    if code == 0:
        wall = time.perf_counter() - start
        folder = Path(arguments[arguments.index("--output") + 1])
        training = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
        figures = {"seconds": training["seconds"], "command_seconds": wall}
        save_study(f"training-{training['recipe']['name']}", {**figures, **{key: training[key] for key in _KEPT}})
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
