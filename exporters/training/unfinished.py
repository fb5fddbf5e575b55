"""Saved states of an interrupted training, beside its output folder, and the identity of that training."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, RecipeError
from .processes import is_main, wait_for_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_IDENTITY = "training_of.json"
_COMPLETE = "whole.json"  # in a complete state: the size in bytes of each file


class Unfinished:
    """The states of a training into ``out_dir``; ``identity`` is everything that decides its weights."""

    def __init__(self, out_dir: Path, identity: Mapping[str, Any]) -> None:
        out_dir = out_dir.resolve()
        self.folder = out_dir.with_name(f".{out_dir.name}.training")
        self._identity = dict(identity)

    @contextmanager
    def kept(self, *, resume: bool) -> Iterator[Path | None]:
        """The state to resume from, or None for a new training; a failed training without a complete state leaves nothing.

        Raises CheckpointError if there is a state and ``resume`` is false, or if it is that of another training: it may have
        taken hours.
        """
        state = self._begin(resume=resume)
        try:
            yield state
        except RecipeError:  # the recipe must change, so the states are of no use
            self.done()
            raise
        except BaseException:
            if self._last() is None:
                self.done()
            raise

    def _begin(self, *, resume: bool) -> Path | None:
        last = self._last()
        if last is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            (self.folder / _IDENTITY).write_text(json.dumps(self._identity, indent=1), encoding="utf-8")
            return None
        if not resume:
            raise CheckpointError(
                f"{self.folder}: holds an unfinished training, at step {_step(last)}; pass --resume to continue it, or remove "
                "the folder"
            )
        other = self._differences()
        if other:
            raise CheckpointError(
                f"{self.folder}: holds an unfinished training that differs in {', '.join(other)}; pass the same as then, or "
                "remove the folder"
            )
        return last

    def keep(self, step: int, best: str | None) -> None:
        """Mark the state of ``step`` as complete, and remove older ones except the ``best``."""
        wait_for_all()
        if not is_main():
            return
        written = self.folder / f"checkpoint-{step}"
        (written / _COMPLETE).write_text(json.dumps(_sizes(written)), encoding="utf-8")
        for state in self.folder.glob("checkpoint-*"):
            if _step(state) != step and state.name != (best or "").rpartition("/")[2]:
                shutil.rmtree(state)

    def step(self) -> int | None:
        """The step that training can resume from, or None."""
        last = self._last()
        return None if last is None else _step(last)

    def done(self) -> None:
        """Remove all states."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _last(self) -> Path | None:
        return max(filter(_is_complete, self.folder.glob("checkpoint-*")), key=_step, default=None)

    def _differences(self) -> list[str]:
        try:
            kept = json.loads((self.folder / _IDENTITY).read_text(encoding="utf-8"))
            return [name for name in self._identity if kept.get(name) != json.loads(json.dumps(self._identity[name]))]
        except (OSError, ValueError, AttributeError):
            return ["its record, which cannot be read"]


def _sizes(state: Path) -> dict[str, int]:
    files = (file for file in state.rglob("*") if file.is_file() and file.name != _COMPLETE)
    return {str(file.relative_to(state)): file.stat().st_size for file in files}


def _is_complete(state: Path) -> bool:
    """Whether all written files are still there: the Trainer would silently resume without the state of its optimizer."""
    try:
        return bool(json.loads((state / _COMPLETE).read_text(encoding="utf-8")) == _sizes(state))
    except (OSError, ValueError):
        return False


def _step(state: Path) -> int:
    return int(state.name.rpartition("-")[2])
