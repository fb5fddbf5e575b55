"""Label a file of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ...exporters.packages import require
from ..pipeline.arguments import positive_number
from ..report.messages.scoring import render_scoring
from ..score import FLAGS
from .arguments import path_of, text_of
from .child import in_child
from .flags import parsed, refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..score.score_file import Scoring
    from .run import File


class Scores:
    """A scored file; ``str`` gives what the command prints."""

    def __init__(self, path: Path, scoring: Scoring) -> None:
        self.path = path
        """The Parquet file."""
        self.counts = dict(scoring.tally.counts)
        """Texts by class, or by label; empty for scores."""
        self._scoring = scoring

    def to_frame(self) -> pd.DataFrame:
        """All rows: ``row`` (from 1), ``label``, its ``probability``, ``logit_0``, …, ``tokens``, with windows their number.

        Of a multi-label model, ``labels`` instead of label and probability, a list; of a model with one score, ``score``.
        """
        return pd.read_parquet(self.path)

    def __str__(self) -> str:
        return render_scoring(self._scoring)

    def __repr__(self) -> str:
        return f"<Scores {str(self.path)!r}: {self._scoring.rows} rows>"


def score(  # noqa: PLR0913 - what matters of a scoring, by name
    file: File,
    output: File,
    *,
    variant: str,
    checkpoint: File | None = None,
    threads: int | None = None,
    max_memory_mb: float | None = None,
    plugins: Sequence[str] = (),
    work_dir: File = ".deploybench",
    **options: Any,
) -> Scores:
    """Label the rows of ``file`` with one variant into the Parquet file ``output``, in child processes.

    As `deploybench score` does: memory does not grow with the file, and the same call continues after an interruption.
    ``options``: others of the command, such as ``text_columns``. Raises UserError for a mistake. For texts in memory, see ``load``.
    """
    refuse_unknown(options, score, FLAGS)
    source, target = path_of("file", file), path_of("output", output)
    text_of("variant", variant, "the name of a variant such as 'onnx-fp32'")
    asked = {
        "checkpoint": checkpoint,
        "threads": threads,
        "plugins": plugins,
        "work_dir": path_of("work_dir", work_dir),
        **options,
    }
    most = None if max_memory_mb is None else positive_number("max_memory_mb")(str(max_memory_mb)) * 1e6
    return Scores(target, in_child(_scored, source, target, variant, asked, most))


def _scored(source: Path, output: Path, variant: str, asked: dict[str, Any], most: float | None) -> Scoring:
    """In the child."""
    from ..pipeline.options import read_options
    from ..score.asked import Asked
    from ..score.asked import score as score_asked

    require("score", "torch")

    whole = Asked(source=source, output=output, variant=variant, max_memory=most)
    return score_asked(whole, read_options(parsed(asked, FLAGS)))
