"""The two rows that every timed run has beside its variants: they say what its figures can tell.

``again`` is the reference under a second name: what the two seem to differ by is noise. ``null`` does nothing: its time
is the harness's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.measure.schedule import Contender
from exporters.variant import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporters.artifacts.artifact import Artifact

AGAIN = f"{REFERENCE}-again"
NULL = "null"
CONTROLS = (AGAIN, NULL)


def contenders(artifacts: Mapping[str, Artifact]) -> list[Contender]:
    """The variants, by name, and the controls."""
    timed = [Contender(name=name, artifact=one.path, fingerprint=one.fingerprint) for name, one in artifacts.items()]
    reference = artifacts[REFERENCE]
    variants = {AGAIN: REFERENCE, NULL: "bench.worker.null"}
    controls = [
        Contender(name=name, variant=variant, artifact=reference.path, fingerprint=reference.fingerprint, control=True)
        for name, variant in variants.items()
    ]
    return [*timed, *controls]
