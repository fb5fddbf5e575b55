"""Where a study's figures go: one JSON file with the machine that they were measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.machine.environment import describe_environment

FOLDER = Path("results/studies")


def save_study(name: str, figures: dict[str, Any]) -> Path:
    """Write ``results/studies/NAME.json``, aside first; its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps({**figures, "environment": describe_environment()}, indent=1) + "\n", encoding="utf-8")
    aside.rename(path)
    return path
