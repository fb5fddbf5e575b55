"""One side of a duel: artifacts, their tokenizer, and what loads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....exporters.variant import MANIFEST, TOKENIZER
from ...worker.interpreter import OURS, Interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ....exporters.artifacts.artifact import Artifact
    from .environments import Environment

_UNBOUNDED = 100_000  # tokenizers without a limit have 1e30


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side; both sides have artifacts of the same names."""

    name: str  # as it was given
    artifacts: Mapping[str, Artifact]  # by variant
    tokenizer: Path  # folder with tokenizer.json
    max_length: int | None  # tokens; None: unknown
    checkpoint: str = ""  # SHA-256 of the exported checkpoint
    interpreter: Interpreter = OURS  # that loads the artifacts
    environment: Environment | None = None  # of the interpreter; None: this process's


def side_of(
    name: str, artifacts: Mapping[str, Artifact], max_length: int | None = None, *, interpreter: Interpreter = OURS
) -> Side:
    """A side of artifacts of one checkpoint; without ``max_length``, the tokenizer's limit is used."""
    folder = next(iter(artifacts.values())).path
    return Side(
        name=name,
        artifacts=artifacts,
        tokenizer=folder / TOKENIZER,
        max_length=max_length or _max_length(folder / TOKENIZER / "tokenizer_config.json"),
        checkpoint=str(_value(folder / MANIFEST, "checkpoint_sha256")),
        interpreter=interpreter,
    )


def _max_length(config: Path) -> int | None:
    length = _value(config, "model_max_length")
    return int(length) if isinstance(length, int | float) and 0 < length < _UNBOUNDED else None


def _value(file: Path, key: str) -> Any:
    """The value of ``key`` in a JSON object; None if there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
