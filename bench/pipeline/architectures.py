"""Count architectures, in a new process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.checkpoints.architectures import ARCHITECTURES, PREFIX, check_architecture
from ...exporters.checkpoints.checkpoint import read_config
from ...exporters.counting import count
from ..worker.client import call_in_child

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...exporters.counting.counts import Counted


def count_architectures(names: Sequence[str], lengths: Sequence[int]) -> dict[str, Counted]:
    """Counts by name, of ``names`` or, without any, of all architectures; raises CheckpointError for an unknown one.

    A name is one of ARCHITECTURES, with or without its prefix, or the folder of a checkpoint.
    """
    sources: dict[str, str | Path] = {}
    for name in names or ARCHITECTURES:
        source = _source(name)
        label = source if isinstance(source, str) else source.resolve().name
        sources[label if sources.get(label, source) == source else name] = source
    counted = call_in_child(count.count_architectures, tuple(sources.values()), tuple(lengths), threads=1, forked=True)
    return dict(zip(sources, counted, strict=True))


def _source(name: str) -> str | Path:
    known = name.removeprefix(PREFIX)
    folder = Path(name)
    if known not in ARCHITECTURES and not name.startswith(PREFIX) and (folder.exists() or len(folder.parts) > 1):
        read_config(folder)  # an error of the folder is reported here, not in the child
        return folder
    check_architecture(known)
    return known
