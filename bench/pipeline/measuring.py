"""From the options of a run to its saved file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploybench.bench.console import note, one_bar
from deploybench.bench.machine.alone import alone
from deploybench.bench.pipeline.forecast import expected_parts, plan_line
from deploybench.bench.pipeline.prepare import prepare_models
from deploybench.bench.pipeline.started_pytest import run_suites
from deploybench.exporters.files import refuse_unwritable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deploybench.bench.pipeline.options import Options


def measure_models(models: Sequence[Options], results: Path) -> tuple[Path | None, int]:
    """Export, check and measure every model, and save the run below ``results``; raises UserError for a mistake of the user.

    Returns as ``run_suites``: the saved file or None, and the exit code of the command.
    """
    refuse_unwritable(results)
    with alone(), one_bar(expected_parts(models)):
        return run_suites(prepare_models(models, lambda: note(plan_line(models))), results)
