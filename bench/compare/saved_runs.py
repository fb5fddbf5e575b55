"""All saved runs below a folder that are comparable with the newest one, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...exporters.errors import RunFileError
from ..runs.store import BLOCK, load_saved, parse_runs, saved_at
from .comparability import differences_of, short_commit

if TYPE_CHECKING:
    from pathlib import Path

    from ..runs.store import Run

_SEVERAL = "a run of several models; look at one with --model NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRun:
    """A run with time and commit from pytest-benchmark's part of the file."""

    run: Run
    file: str  # relative to the folder
    time: str  # ISO 8601, UTC
    commit: str  # ten digits
    dirty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRuns:
    """The runs of one machine and model, and why others were left out."""

    runs: tuple[SavedRun, ...]  # the newest last; never empty
    left_out: dict[str, tuple[str, ...]]  # files by reason
    unread: tuple[str, ...] = ()  # those that cannot be read, and may be runs of this machine


def read_saved_runs(folder: Path, model: str | None = None) -> SavedRuns:
    """Read every run below a folder, or every one of ``model``; leave out those that differ from the newest in a fatal fact.

    Raises RunFileError if there is no run.
    """
    found, left_out, unread = _read_all(folder, model)
    if not found:
        several = " of one model" * (_SEVERAL in left_out)
        raise RunFileError(
            f"{folder}: no saved run{f' of {model}' if model else several} in this folder or below; name a folder, "
            f"{'pass --model NAME, ' * bool(several)}or measure with: deploybench run"
        )
    newest = found[-1]
    kept = []
    for one in found:
        unlike = differences_of(one.run, newest.run)
        reason = "; ".join(str(difference) for difference in unlike if difference.weight == "fatal")
        if reason:
            left_out.setdefault(reason, []).append(one.file)
        else:
            kept.append(one)
    return SavedRuns(
        runs=tuple(kept),
        left_out={reason: tuple(files) for reason, files in left_out.items()},
        unread=tuple(unread),
    )


def _read_all(folder: Path, model: str | None) -> tuple[list[SavedRun], dict[str, list[str]], list[str]]:
    """Every run in the order of time; other files by reason; and those that cannot be read."""
    found: list[SavedRun] = []
    left_out: dict[str, list[str]] = {}
    unread: list[str] = []
    for path in sorted(folder.rglob("*.json")):
        file = str(path.relative_to(folder))
        try:
            saved = load_saved(path)
            if isinstance(saved, dict) and BLOCK in saved:
                runs = [run for run in parse_runs(path, saved) if model in (None, run.checkpoint.name)]
                if len(runs) == 1:
                    found.append(_saved_run(runs[0], file, saved))
                else:
                    left_out.setdefault(_SEVERAL if runs else f"no run of {model}", []).append(file)
            elif isinstance(saved, dict) and "benchmarks" in saved:
                left_out.setdefault(f"a file of pytest-benchmark without a {BLOCK!r} block", []).append(file)
        except RunFileError as error:
            left_out.setdefault(str(error).removeprefix(f"{path}: "), []).append(file)
            unread.append(file)
    return sorted(found, key=lambda one: (one.time, one.file)), left_out, unread


def _saved_run(run: Run, file: str, saved: dict[str, Any]) -> SavedRun:
    made = saved.get("commit_info")
    made = made if isinstance(made, dict) else {}
    return SavedRun(
        run=run,
        file=file,
        time=saved_at(run.path, saved).isoformat(),
        commit=short_commit(str(made.get("id", "unknown"))),
        dirty=bool(made.get("dirty", False)),
    )
