"""Where a study's figures go: one JSON file with the machine that they were measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.machine.environment import describe_environment
from exporters.files import whole_file

FOLDER = Path("results/studies")


def saved_at(name: str) -> Path:
    """The file of a study."""
    return FOLDER / f"{name}.json"


def save_study(name: str, figures: dict[str, Any]) -> Path:
    """Write ``results/studies/NAME.json``, aside first; its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = saved_at(name)
    with whole_file(path) as stream:
        stream.write((json.dumps({**figures, "environment": describe_environment()}, indent=1) + "\n").encode())
    return path
