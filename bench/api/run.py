"""Make a run, or read a saved one, and look at it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

from ...exporters.errors import DeploybenchError, UserError
from ...exporters.packages import require
from ..pipeline.options import read_models
from ..report.messages.first_screen import first_screen
from ..report.messages.html_screen import html_screen
from ..report.messages.models_screen import models_screen
from ..runs.rows import row_name
from ..runs.store import read_runs, run_of_model
from .arguments import path_of, refuse_no_files, text_of
from .child import in_child
from .flags import parsed, refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from ..runs import store

File: TypeAlias = str | os.PathLike[str]


class Run:
    """A saved run of one model, or of several; ``str`` gives its first screen."""

    def __init__(self, models: Sequence[store.Run], exit_code: int | None = None) -> None:
        self.models = tuple(models)
        """The saved runs, one for each model."""
        self.exit_code = int(bool(self.failed)) if exit_code is None else exit_code
        """That of `deploybench run`: 0, or 1 where a variant or a measurement failed."""

    @property
    def path(self) -> Path:
        """Its file."""
        return self.models[0].path

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of its rows: variants, or of several models ``model/variant``."""
        return tuple(row_name(self._name(one), variant) for one in self.models for variant in one.plan.variants)

    @property
    def failed(self) -> dict[str, str]:
        """Why, by row: a variant that failed as a whole, or the first of its measurements that failed."""
        found: dict[str, str] = {}
        for one in self.models:
            whole = [(name, info.failed) for name, info in one.variants.items() if info.failed]
            single = [(row.variant, row.reason) for row in one.measurements if row.status == "failed"]
            for variant, why in (*whole, *single):
                found.setdefault(row_name(self._name(one), variant), why)
        return found

    def _name(self, model: store.Run) -> str:
        """Before the names of its rows; empty in a run of one model."""
        return model.checkpoint.name if len(self.models) > 1 else ""

    def of(self, model: str) -> Run:
        """The run of one of several models; raises UserError where there is none."""
        return _of(self, model, "of")

    def to_frame(self) -> pd.DataFrame:
        """All figures, one row for each variant × metric × workload × labelled set.

        ``value`` is in ``unit``, ``low`` and ``high`` are its 95 % interval, and ``reason`` says why there is no value. Speed-ups
        have the metric ``speed_up``.
        """
        from .frames import figures_frame

        return figures_frame(self.models)

    def plot(self, name: str) -> Figure:
        """A figure of matplotlib: ``pareto`` (accuracy loss against latency), ``batch`` (latency), ``memory`` (heap).

        Or any plot of the HTML page by the name of its file, such as ``pareto-size-on-disk``. Raises UserError for another name.
        """
        from .drawing import draw

        return draw(self.models, text_of("plot", name, "the name of a plot such as 'pareto'"))

    def _repr_html_(self) -> str:
        return html_screen(self.models)

    def __str__(self) -> str:
        return first_screen(self.models[0]) if len(self.models) == 1 else models_screen(self.models)

    def __repr__(self) -> str:
        return f"<Run {str(self.path)!r}: {', '.join(self.variants)}>"


def run(  # noqa: PLR0913 - what matters of a run, by name
    checkpoint: File | Mapping[str, File] | None = None,
    *,
    sets: File | Mapping[str, File] | None = None,
    variants: Sequence[str] | None = None,
    budget: float | None = None,
    profile: str = "quick",
    threads: int | None = None,
    batch_sizes: Sequence[int] | None = None,
    plugins: Sequence[str] = (),
    work_dir: File = ".deploybench",
    results: File = "results",
    **options: Any,
) -> Run:
    """Export, check and measure variants in child processes, as `deploybench run` does, and save the run below ``results``.

    ``checkpoint``: a folder, a Hub id or ``arch:NAME``, or several by name; None: the demonstration. ``sets``: labelled files by
    name. ``budget``: seconds of everything after the exports. ``options``: others of `deploybench run`, such as
    ``drop_bad_rows=True`` or ``text_columns=["title", "body"]``. A variant that fails is in ``failed``, and raises nothing; a
    mistake, and no checkpoint with texts of one's own, raise a UserError of one line. Messages go to standard error.
    """
    refuse_unknown(options, run)
    _refuse_no_checkpoint(checkpoint, {"sets": sets, **options})
    if sets is not None:
        refuse_no_files(
            "sets", sets, "labelled files by name such as {'test': 'test.csv'}; pass them, or leave sets out"
        )
    asked = {
        "checkpoint": checkpoint,
        "sets": sets,
        "variants": variants,
        "budget": budget,
        "profile": profile,
        "threads": threads,
        "batch_sizes": batch_sizes,
        "plugins": plugins,
        "work_dir": path_of("work_dir", work_dir),
        **options,
    }
    saved, code = in_child(_measured, asked, path_of("results", results))
    if saved is None:
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        raise DeploybenchError("run: nothing was saved; a line on standard error says why")
    return Run(read_runs(saved), code)


_INTERRUPTED = 130
_OF_TEXTS = ("sets", "real", "fake", "unlabelled")  # the caller's, which the demonstration was not trained for


def _refuse_no_checkpoint(checkpoint: object, given: Mapping[str, Any]) -> None:
    """Raise UserError for an empty checkpoint, and for none with texts: a mistake is not to measure the demonstration."""
    expected = "a folder, a Hub id or arch:NAME"
    if checkpoint is not None:
        refuse_no_files("checkpoint", checkpoint, f"{expected}; name one, or leave it out for the demonstration")
    elif texts := next((name for name in _OF_TEXTS if given.get(name) is not None), None):
        raise UserError(
            f"run: found no checkpoint (None) with {texts}, expected {expected}; name one, or leave {texts} out for the "
            "demonstration"
        )


def _measured(asked: Mapping[str, Any], results: Path) -> tuple[Path | None, int]:
    """In the child: the saved file, and the exit code of the command."""
    from ..pipeline.measuring import measure_models

    require("run", "torch")

    return measure_models(read_models(parsed(asked)), results)


def read_run(path: File) -> Run:
    """A saved run, or the newest one below a folder; raises RunFileError if there is none."""
    return Run(read_runs(path_of("path", path)))


def run_of(name: str, value: Run | File, model: str | None) -> Run:
    """The argument ``name``: a run, or the file of one; of several models that of ``model``."""
    found = value if isinstance(value, Run) else Run(read_runs(path_of(name, value)))
    return found if model is None else _of(found, model, "model")


def _of(run: Run, model: str, asked: str) -> Run:
    """The run of one model; ``asked``: the argument, for the message."""
    name = text_of(asked, model, f"one of {', '.join(one.checkpoint.name for one in run.models)}")
    return Run([run_of_model(run.models, name, asked)])
