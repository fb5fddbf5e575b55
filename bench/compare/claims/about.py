"""Which saved runs a claim is about: the one that it names, the run that was asked for, or every run of a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.errors import UserError
from ...runs.store import read_runs, run_of_model
from ..saved_runs import read_saved_runs

if TYPE_CHECKING:
    from pathlib import Path

    from ...runs.store import Run
    from ..saved_runs import SavedRuns
    from .claim import Claim


class Runs:
    """Saved runs, each read once."""

    def __init__(self, claims_file: Path, asked: str | None, history: Path | None, model: str | None) -> None:
        """``claims_file``: claims name files from its folder. ``asked`` and ``history``: for claims that name none.

        ``model``: of several, for claims that name none.
        """
        self._folder = claims_file.parent
        self._asked, self._history, self._model = asked, history, model
        self._files: dict[str, tuple[Run, ...]] = {}
        self._histories: dict[str | None, SavedRuns] = {}

    @property
    def left_out(self) -> dict[str, tuple[str, ...]]:
        """Files of the history that no claim is about, by reason."""
        return {reason: files for saved in self._histories.values() for reason, files in saved.left_out.items()}

    def about(self, claim: Claim) -> tuple[Run, ...]:
        """The runs that ``claim`` is about, the oldest first; raises UserError where there is none, or several models."""
        model = claim.place.model or self._model
        if claim.place.run is None and self._history is not None:
            if model not in self._histories:
                self._histories[model] = read_saved_runs(self._history, model)
            return tuple(one.run for one in self._histories[model].runs)
        runs = self._read(self._file(claim))
        if model is not None:
            return (run_of_model(runs, model, f"{claim.source}: model" if claim.place.model else "--model"),)
        if len(runs) > 1:
            names = ", ".join(run.checkpoint.name for run in runs)
            raise UserError(
                f"{claim.source}: {runs[0].path} has {len(runs)} models; add model, or pass --model: {names}"
            )
        return runs

    def _file(self, claim: Claim) -> str:
        name = claim.place.run
        if name is None:
            if self._asked is None:
                raise UserError(f"{claim.source}: names no run; add run, or pass RUN or --history FOLDER")
            return self._asked
        try:
            found = sorted(self._folder.glob(name))
        except (ValueError, NotImplementedError):  # "", "/absolute", "a**"
            found = []
        if len(found) != 1:
            raise UserError(
                f"{claim.source}: run is {name!r}, which fits {len(found)} files below {self._folder}; expected one"
            )
        return str(found[0])

    def _read(self, path: str) -> tuple[Run, ...]:
        if path not in self._files:
            self._files[path] = read_runs(path)
        return self._files[path]
