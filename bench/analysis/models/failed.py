"""Models of a run whose reference could not be run: nothing of them was measured, and they are left out of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.store import Run


def failed_models(runs: Sequence[Run]) -> dict[str, str]:
    """Why, by name."""
    infos = {run.checkpoint.name: run.variants.get(REFERENCE) for run in runs}
    return {name: info.failed for name, info in infos.items() if info and info.failed}


def measured_models(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The others, in the order given."""
    failed = failed_models(runs)
    return tuple(run for run in runs if run.checkpoint.name not in failed)
