"""From the options of a run to its saved file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.files import refuse_unwritable
from ..console import note, one_bar
from ..machine.alone import alone
from .forecast import expected_parts, plan_line
from .prepare import prepare_models
from .started_pytest import run_suites

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .options import Options


def measure_models(models: Sequence[Options], results: Path) -> tuple[Path | None, int]:
    """Export, check and measure every model, and save the run below ``results``; raises UserError for a mistake of the user.

    Returns as ``run_suites``: the saved file or None, and the exit code of the command.
    """
    refuse_unwritable(results)
    with alone(), one_bar(expected_parts(models)):
        return run_suites(prepare_models(models, lambda: note(plan_line(models))), results)
