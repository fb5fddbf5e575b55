"""Count architectures on the built model and by formula; to be called in a child, since that imports transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..checkpoints.architectures import configuration
from ..checkpoints.classifier import read_configuration
from ..checkpoints.positions import most_positions
from ..errors import CheckpointError, first_line
from .built import build, count_built
from .counts import Counted
from .formulas import NoFormulaError, count_by_formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def count_architectures(sources: Iterable[str | Path], lengths: Sequence[int]) -> list[Counted]:
    """Count each source, a name of ARCHITECTURES or the folder of a checkpoint, at those of ``lengths`` up to its limit.

    Raises CheckpointError for a folder from whose configuration no classifier can be built.
    """
    return [_count(source, lengths) for source in sources]


def _count(source: str | Path, lengths: Sequence[int]) -> Counted:
    try:
        config = read_configuration(source) if isinstance(source, Path) else configuration(source)
        model = build(config)
        max_length = most_positions(model)
        fitting = [length for length in lengths if max_length is None or length <= max_length]
        built = count_built(model, fitting)
    except Exception as error:  # an incomplete configuration can raise anything
        raise CheckpointError(
            f"{source}: no classifier can be built from its configuration ({first_line(error)}); "
            "expected an architecture of transformers"
        ) from error
    try:
        formula, why = count_by_formula(config, fitting), ""
    except NoFormulaError as error:
        formula, why = None, str(error)
    return Counted(built=built, formula=formula, max_length=max_length, no_formula=why)
