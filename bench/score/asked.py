"""From the options of a scoring to its file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ...exporters.artifacts.catalogue import check_variant_name
from ...exporters.errors import UserError
from ...exporters.files import refuse_unwritable
from ..machine.alone import alone
from ..pipeline.prepare import prepare
from ..pipeline.sets import reading
from ..texts.pairs import PairColumns
from .rows import scan
from .score_file import Job, score_file

if TYPE_CHECKING:
    from pathlib import Path

    from ..pipeline.options import Options
    from .score_file import Scoring


def score(source: Path, output: Path, variant: str, options: Options, max_memory: float | None) -> Scoring:
    """Export ``variant`` if necessary, and score ``source`` into ``output``; raises UserError for a mistake of the user.

    ``max_memory``: resident bytes of all processes together; None: no limit.
    """
    _check_output(source, output)
    check_variant_name(variant)
    options = replace(options, variants=(variant,))
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # of tokenizers, in this process
    found = scan(source, **reading(options))  # a file that cannot be read is refused before an export
    options = replace(options, scores_pairs=isinstance(found.columns, PairColumns))
    with alone():
        prepared = prepare(options)
        if variant not in prepared.artifacts:
            raise UserError(f"--variant: {variant} cannot be used: {prepared.variants[variant].failed}")
        return score_file(
            Job(prepared=prepared, variant=variant, source=source, found=found, output=output, max_memory=max_memory)
        )


def _check_output(source: Path, output: Path) -> None:
    if output.suffix != ".parquet" or output.is_dir():
        raise UserError(f"--output: found {str(output)!r}, expected a file that ends in .parquet; name one")
    if output.exists() and source.exists() and output.samefile(source):
        raise UserError(f"--output: {str(output)!r} is the file whose texts are scored, expected another; name one")
    refuse_unwritable(output.parent)
