"""What changed between two runs, and two sides measured against each other in one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ...exporters.packages import require
from ..compare.changes import Comparison as Judged
from ..compare.changes import compare_runs
from ..compare.duel import DEFAULTS
from ..compare.matching import match_models, refuse_same
from ..compare.outcome import Outcome, outcome_of
from ..compare.stock import compare_stock_files, is_stock
from ..compare.thresholds import project_thresholds
from ..report.formats.fragment import fragment
from ..report.messages.comparison import HEADS, comparison_notes, grouped_cells, is_shown, render_comparison
from .arguments import path_of, shown
from .child import in_child
from .flags import parsed
from .frames import changes_frame
from .run import Run, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from .run import File


class Comparison:
    """Two sides with a verdict on every row; ``str`` gives what the command prints."""

    def __init__(self, judged: Judged, *, lenient: bool = False, every_row: bool = False) -> None:
        self._judged, self._every_row = judged, every_row
        self.outcome: Outcome = outcome_of(judged.changes, lenient=lenient)
        """Of all rows: its ``name`` is "nothing worse", "worse", "incomplete" or "incomparable"; ``detail`` counts rows."""

    @property
    def exit_code(self) -> int:
        """Of the command: 0 nothing is worse, 1 worse, 3 incomplete, 4 not comparable."""
        return self.outcome.code

    def to_frame(self) -> pd.DataFrame:
        """One row for each pair of measurements: both values, the ``change`` with its interval, ``verdict`` and ``reason``."""
        return changes_frame(self._judged.changes)

    def __str__(self) -> str:
        return render_comparison(self._judged, "text", every_row=self._every_row, outcome=self.outcome).rstrip()

    def __repr__(self) -> str:
        return f"<Comparison {self._judged.base!r}, {self._judged.contender!r}: {self.outcome}>"

    def _repr_html_(self) -> str:
        judged = self._judged
        changed = [one for one in judged.changes if is_shown(one, every_row=self._every_row)]
        before = [f"base: {judged.base}", f"contender: {judged.contender}", *judged.notes]
        after = [*comparison_notes(judged), str(self.outcome)]
        return fragment(before, HEADS, grouped_cells(changed, judged.unmatched), after)


def compare(  # noqa: PLR0913 - flags of the command, by name
    base: Run | File,
    contender: Run | File,
    *,
    every_row: bool = False,
    normalise: bool = False,
    lenient: bool = False,
    config: str | None = None,
    model: str | None = None,
) -> Comparison:
    """What changed between two saved runs, or files of pytest-benchmark, as `deploybench compare` says it.

    ``every_row``: rows without a detectable change are shown as well. ``normalise``: times are divided by each machine's
    yardsticks. ``lenient``: rows that are missing or not comparable are ignored. ``config``: a TOML file with thresholds; None:
    ./pyproject.toml, if it is there. ``model``: of runs of several models, this one alone. Raises UserError for a file that cannot
    be read, and for one file twice.
    """
    thresholds = project_thresholds(None if config is None else str(path_of("config", config)))
    sides = {"base": base, "contender": contender}
    files = [path_of(name, one) for name, one in sides.items() if not isinstance(one, Run)]
    if any(map(is_stock, files)):
        for name, given, needed in (("normalise", normalise, "the yardsticks"), ("model", model, "the models")):
            if given:
                raise UserError(f"{name}: needs {needed} of both runs, and a stock file of pytest-benchmark has none")
        old, new = (one.path if isinstance(one, Run) else Path(one) for one in sides.values())
        return Comparison(compare_stock_files(old, new, thresholds), lenient=lenient, every_row=every_row)
    before, after = (run_of(name, one, model) for name, one in sides.items())
    refuse_same(before.path, after.path)
    judged = compare_runs(match_models(before.models, after.models), thresholds, normalise=normalise)
    return Comparison(judged, lenient=lenient, every_row=every_row)


def duel(  # noqa: PLR0913 - what matters of a duel, by name
    a: File,
    b: File,
    *,
    checkpoint: File | None = None,
    pythons: tuple[File, File] | None = None,
    variants: Sequence[str] | str = DEFAULTS["variants"],
    batch_sizes: Sequence[int] | str = DEFAULTS["batch_sizes"],
    sequence_lengths: Sequence[int] | None = None,
    target_width: float | str = DEFAULTS["target_width"],
    budget: float | str = DEFAULTS["time_budget"],
    threads: int | None = None,
    plugins: Sequence[str] = (),
    work_dir: File = ".deploybench",
) -> Comparison:
    """Measure two artifacts or checkpoints, or with ``checkpoint`` two git revisions, against each other in one run.

    In child processes, as `deploybench duel` does. ``target_width``: relative width of the ratios' 99 % intervals at which timing
    stops; ``budget``: seconds after which it stops in any case; ``pythons``: interpreters of two environments that export and run
    ``a`` and ``b``. Raises UserError for a mistake.
    """
    asked = {
        "checkpoint": checkpoint,
        "variants": variants,
        "batch_sizes": batch_sizes,
        "sequence_lengths": sequence_lengths,
        "target_width": target_width,
        "budget": budget,
        "threads": threads,
        "plugins": plugins,
        "work_dir": path_of("work_dir", work_dir),
    }
    for name, one in (("a", a), ("b", b)):
        path_of(name, one)
    return Comparison(in_child(_dueled, (str(a), str(b)), asked, _environments(pythons)), every_row=True)


def _environments(pythons: object) -> tuple[str, str] | None:
    match pythons:
        case None:
            return None
        case [one, other]:
            for python in (one, other):
                path_of("pythons", python)
            return str(one), str(other)
    raise UserError(f"pythons: found {shown(pythons)}, expected two interpreters, of a and of b; pass both in a tuple")


def _dueled(names: tuple[str, str], asked: dict[str, Any], pythons: tuple[str, str] | None) -> Judged:
    """In the child."""
    from ..compare.duel.paired import duel_of
    from ..pipeline.options import read_options

    require("duel", "torch")

    flags = parsed(asked)
    return duel_of(names, read_options(flags), flags.variants, pythons)
