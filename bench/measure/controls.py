"""The control rows of every timed run, which show how precise its figures are.

``again`` is the reference under a second name: the difference between the two is noise. ``null`` does nothing: its time
is that of the harness. ``kernel`` is a fixed matrix product, timed right before and after each other row: what slows it as
well is the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.variant import REFERENCE
from .schedule import TimedArtifact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...exporters.artifacts.artifact import Artifact

AGAIN = f"{REFERENCE}-again"
NULL = "null"
KERNEL = "kernel"
CONTROLS = (AGAIN, NULL, KERNEL)


def with_controls(
    artifacts: Mapping[str, Artifact], rows: Iterable[TimedArtifact] | None = None
) -> list[TimedArtifact]:
    """The ``rows``, by default the variants of a model by name, and the controls, which are of that model."""
    timed = rows or [
        TimedArtifact(name=name, artifact=one.path, fingerprint=one.fingerprint) for name, one in artifacts.items()
    ]
    reference = artifacts[REFERENCE]
    variants = {AGAIN: REFERENCE, NULL: "deploybench.bench.worker.null", KERNEL: "deploybench.bench.worker.kernel"}
    controls = [
        TimedArtifact(
            name=name,
            variant=variant,
            artifact=reference.path,
            fingerprint=reference.fingerprint,
            control=True,
            neighbour=name == KERNEL,
        )
        for name, variant in variants.items()
    ]
    return [*timed, *controls]
