"""A variant, loaded in as many processes as a plan has."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...exporters.cascades.cascade import thresholds_of
from ..worker.instances import loaded_instances
from .pipeline import Pipeline
from .reading import reader_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...exporters.checkpoints.long_texts import Windows
    from ..pipeline.prepare import Prepared
    from ..worker.client import Worker
    from .reading import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A loaded pipeline."""

    pipeline: Pipeline
    workers: list[Worker]

    def peak(self) -> int:
        """Sum of the peak resident bytes of its processes and this one."""
        status = Path("/proc/self/status").read_text(encoding="ascii")
        own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
        return own + sum(worker.ask("memory_status")["VmHWM"] for worker in self.workers)


class Models:
    """Opens pipelines of ``variant``, which read texts by ``windows``, or cut them."""

    def __init__(self, prepared: Prepared, variant: str, windows: Windows | None = None) -> None:
        self.artifact = prepared.artifacts[variant]
        self.windows, self.cut_at = windows, None if windows else prepared.scoring_length
        self.full_length = windows.length if windows else prepared.full_length
        self.length = self.cut_at or self.full_length
        self.pad, self.threads = prepared.inputs.pad, prepared.options.threads
        self.reader: Reader = reader_of(prepared.inputs.tokenizer, self.cut_at, windows)

    @contextmanager
    def opened(self, instances: int) -> Iterator[Opened]:
        """A pipeline of ``instances`` processes that share the thread budget."""
        with loaded_instances(self.artifact.variant, self.artifact.path, instances, self.threads) as workers:
            pipeline = Pipeline(self.reader, workers, self.pad, self.full_length, thresholds_of(self.artifact.path))
            yield Opened(pipeline=pipeline, workers=workers)
