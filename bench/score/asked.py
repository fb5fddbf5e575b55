"""From the options of a scoring to its file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...exporters.artifacts.catalogue import check_variant_name
from ...exporters.errors import UserError
from ...exporters.files import refuse_unwritable
from ..machine.alone import alone
from ..machine.cpu import available_cores
from ..pipeline.prepare import prepare
from ..pipeline.sets import reading
from ..texts.pairs import PairColumns
from .plan import default_plan
from .rows import scan
from .score_file import Job, score_file
from .source import find_source

if TYPE_CHECKING:
    from pathlib import Path

    from ..pipeline.options import Options
    from .engines.engine import Cluster
    from .plan import Plan
    from .score_file import Scoring
    from .shard import Shard
    from .source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A scoring as the user asks for it."""

    source: Path  # a file or a folder of files
    output: Path  # of all rows
    variant: str
    max_memory: float | None = None  # resident bytes of all processes together; None: no limit
    plan: Plan | None = (
        None  # None: the fastest that is found; of shards and a cluster, the default: times decide nothing
    )
    shard: Shard | None = None  # None: all rows
    cluster: Cluster | None = None  # None: this machine answers

    def __post_init__(self) -> None:
        """Raise UserError for flags that exclude each other."""
        if self.shard and self.cluster:
            raise UserError("--shard: was given with --engine ray, which cuts the rows itself; pass one of them")
        fixed = "--plan" if self.plan else "--shard" if self.shard else "--engine ray" if self.cluster else None
        if fixed and self.max_memory is not None:
            raise UserError(
                f"--max-memory-mb: chooses a plan, and with {fixed} it is not chosen; pass --plan with a smaller batch instead"
            )

    @property
    def file(self) -> Path:
        """Where the answers go."""
        return self.shard.file(self.output) if self.shard else self.output


def score(asked: Asked, options: Options) -> Scoring:
    """Export the variant if necessary, and score; raises UserError for a mistake of the user."""
    check_output(asked.output)
    source = find_source(asked.source)
    _refuse_within(asked.file, source)
    check_variant_name(asked.variant)
    plan = asked.plan or (default_plan(options.threads) if asked.shard or asked.cluster else None)
    options = replace(options, variants=(asked.variant,), threads=_threads(plan, options.threads))
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # of tokenizers, in this process
    found = scan(source, **reading(options))  # a file that cannot be read is refused before an export
    options = replace(options, scores_pairs=isinstance(found.columns, PairColumns))
    with alone():
        prepared = prepare(options)
        if asked.variant not in prepared.artifacts:
            raise UserError(f"--variant: {asked.variant} cannot be used: {prepared.variants[asked.variant].failed}")
        return score_file(
            Job(
                prepared=prepared,
                variant=asked.variant,
                source=source,
                found=found,
                output=asked.file,
                max_memory=asked.max_memory,
                plan=plan,
                shard=asked.shard,
                cluster=asked.cluster,
            )
        )


def check_output(output: Path) -> None:
    """Raise UserError unless ``output`` can be written as a Parquet file."""
    if output.suffix != ".parquet" or output.is_dir():
        raise UserError(f"--output: found {str(output)!r}, expected a file that ends in .parquet; name one")
    refuse_unwritable(output.parent)


def _refuse_within(output: Path, source: Source) -> None:
    """Raise UserError for an output that is the source, or in its folder, where the next shard would find it."""
    if source.is_folder and output.resolve().is_relative_to(source.path.resolve()):
        raise UserError(f"--output: {str(output)!r} is in the folder that is scored, expected another place; name one")
    if not source.is_folder and output.exists() and source.path.exists() and output.samefile(source.path):
        raise UserError(f"--output: {str(output)!r} is the file whose texts are scored, expected another; name one")


def _threads(plan: Plan | None, threads: int) -> int:
    """The thread budget of a plan; raises UserError for more threads than cores."""
    if plan is None:
        return threads
    if plan.total_threads > available_cores():
        raise UserError(
            f"--plan: found {plan.total_threads} threads in {plan.short}, expected at most the {available_cores()} cores that "
            "this process may use"
        )
    return plan.total_threads
