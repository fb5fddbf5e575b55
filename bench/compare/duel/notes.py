"""What is said of a duel beside its rows: on what it was measured, and where its two sides are no like for like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.timing_figures import budget_problem
from bench.machine.cpu import available_cores
from bench.machine.environment import describe_environment
from bench.units import CAUTION, counted
from exporters.checkpoints.tokenization import FAST_FILE
from exporters.files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.compare.duel.side import Side
    from bench.runs.measurement import Measurement
    from bench.runs.store import VariantInfo


def duel_notes(
    sides: tuple[Side, Side],
    measured: Sequence[Measurement],
    infos: Mapping[str, Mapping[str, VariantInfo]],
    blocks: int,
    threads: int,
) -> Iterator[str]:
    """One sentence each; ``infos`` by the mark of a side and the variant."""
    launches = sorted({len(set(one.launches)) for one in measured if one.metric == "latency" and one.launches})
    times = " to ".join(str(number) for number in dict.fromkeys((launches[0], launches[-1]))) if launches else "no"
    yield (
        f"times: {times} launches of each side, {blocks} blocks a launch, paired by launch and block; 99 % intervals; "
        f"{counted(threads, 'thread')}, {describe_environment()['cpu']}"
    )
    late = sorted({one.variant for one in measured if one.stopped == "budget"})
    if late:
        yield f"the time was over before {', '.join(late)} {'was' if len(late) == 1 else 'were'} known as well as asked"
    for mark, of_side in infos.items():
        for name, info in of_side.items():
            yield from _cautions(f"{mark}{name}", info, threads)
    base, contender = sides
    if base.checkpoint != contender.checkpoint:
        yield "A and B are of different checkpoints: what their answers are worth, and of which labels, is not compared"
    if len({sha256_file(side.tokenizer / FAST_FILE) for side in sides}) > 1:
        yield "A and B have different tokenizers: each is fed tokens of its own, as many, of the same texts"


def _cautions(name: str, info: VariantInfo, threads: int) -> Iterator[str]:
    """What a variant does that it should not, or that could not be found out."""
    if info.executed_problem:
        yield f"{CAUTION} {name} {info.executed_problem}"
    if info.executed_unknown:
        yield f"executed precision unknown: {name}: {info.executed_unknown}"
    if problem := budget_problem(min(info.cores_used, available_cores()), threads):
        yield f"{CAUTION} {name} {problem}"
