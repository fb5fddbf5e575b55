"""A pair of model and variant, ``minilm/openvino-int8``: its name, and the run that it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.variant import REFERENCE
from ...runs.rows import row_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...runs.store import Run


def pair_name(run: Run, variant: str = REFERENCE) -> str:
    """The variant with the name of the run's model before it."""
    return row_name(run.checkpoint.name, variant)


def of_pair(runs: Iterable[Run], pair: str) -> tuple[Run, str]:
    """The run and the variant of a pair that ``pair_name`` named."""
    model, _, variant = pair.rpartition("/")  # a name of the Hub has a slash too, a variant has none
    return next(run for run in runs if run.checkpoint.name == model), variant
