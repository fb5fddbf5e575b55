"""Notes on a duel: how it was measured, and where its two sides differ in more than speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....exporters.checkpoints.tokenization import FAST_FILE
from ....exporters.files import sha256_file
from ...analysis.timing_figures import budget_problem
from ...machine.cpu import available_cores
from ...machine.environment import describe_environment
from ...units import CAUTION, counted
from ..comparability import differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...runs.measurement import Measurement
    from ...runs.store import VariantInfo
    from ..comparability import Difference
    from .side import Side


_FEW = 3  # versions in the name of a side


def differing_packages(sides: Sequence[Side]) -> tuple[Difference, ...]:
    """Versions in which the environments of two sides differ."""
    base, contender = (side.environment.facts if side.environment else {} for side in sides)
    return differences(base, contender)


def names_of(sides: Sequence[Side]) -> tuple[str, str]:
    """Each side as reports name it, with the versions in which its environment differs: ``A: python (onnxruntime 1.31.1)``."""
    found = differing_packages(sides)
    versions = [f"{one.name} {one.base}" for one in found], [f"{one.name} {one.contender}" for one in found]
    base, contender = (_with_versions(side.name, own) for side, own in zip(sides, versions, strict=True))
    return f"A: {base}", f"B: {contender}"


def _with_versions(name: str, versions: Sequence[str]) -> str:
    more = [f"{len(versions) - _FEW} more"] if len(versions) > _FEW else []
    return f"{name} ({', '.join([*versions[:_FEW], *more])})" if versions else name


def duel_notes(
    sides: tuple[Side, Side],
    measured: Sequence[Measurement],
    infos: Mapping[str, Mapping[str, VariantInfo]],
    blocks: int,
    threads: int,
) -> Iterator[str]:
    """One sentence each; ``infos``: by the mark of a side, then by variant."""
    launches = sorted({len(set(one.launches)) for one in measured if one.metric == "latency" and one.launches})
    times = " to ".join(str(number) for number in dict.fromkeys((launches[0], launches[-1]))) if launches else "no"
    yield (
        f"times: {times} launches of each side, {blocks} blocks per launch, paired by launch and block; 99 % intervals; "
        f"{counted(threads, 'thread')}, {describe_environment()['cpu']}"
    )
    late = sorted({one.variant for one in measured if one.stopped == "budget"})
    if late:
        yield f"the time budget ended before intervals were narrow enough: {', '.join(late)}"
    for mark, of_side in infos.items():
        for name, info in of_side.items():
            yield from _cautions(f"{mark}{name}", info, threads)
    yield from _of_environments(sides)
    base, contender = sides
    if base.checkpoint != contender.checkpoint:
        yield "A and B are of different checkpoints: their accuracy and labels are not compared"
    if len({sha256_file(side.tokenizer / FAST_FILE) for side in sides}) > 1:
        yield "A and B have different tokenizers: each gets its own tokens of the same texts, equally many"


def _of_environments(sides: tuple[Side, Side]) -> Iterator[str]:
    base, contender = (side.environment for side in sides)
    if not base or not contender:
        return
    if base.prefix == contender.prefix:
        yield "A and B are the same environment (A/A): a difference between them is chance"
    elif not differing_packages(sides):
        yield f"A and B have the same versions of {', '.join(base.facts)}"
    lacking = [side.name for side in sides if side.environment and not side.environment.has_memray]
    if lacking:
        yield f"memory was not measured, because these have no memray: {', '.join(dict.fromkeys(lacking))}"


def _cautions(name: str, info: VariantInfo, threads: int) -> Iterator[str]:
    """Problems of a variant: precision, threads, or that these are unknown."""
    if info.executed_problem:
        yield f"{CAUTION} {name} {info.executed_problem}"
    if info.executed_unknown:
        yield f"executed precision unknown: {name}: {info.executed_unknown}"
    if problem := budget_problem(min(info.cores_used, available_cores()), threads):
        yield f"{CAUTION} {name} {problem}"
