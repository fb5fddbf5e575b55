"""The evidence of a selection, the JSON file beside the artifact that was taken; ``export --best`` and ``recommend`` write it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...exporters.errors import RunFileError
from ...exporters.variant import REFERENCE
from ..runs.decoding import DecodingError, decode
from ..runs.store import CheckpointInfo, SetInfo, load_saved
from .objectives import Limit, ServiceLevel  # noqa: TC001 - the types of fields are read
from .selection import Candidate  # noqa: TC001

if TYPE_CHECKING:
    from pathlib import Path

    from ..runs.store import Run
    from .selection import Selection

SCHEMA_VERSION = 2
# 1 - first version
# 2 - accuracy judged on all texts together; the counts that decide it


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a variant was taken: every candidate with its figures in SI units, and where all was measured."""

    schema_version: int
    chosen: (
        str | None
    )  # variant, of several models with its model: "minilm/openvino-int8"; None where none is certain to be within every limit
    objective: str
    max_accuracy_drop: float
    on_each_set: bool  # whether that limit holds on each labelled set, not on all texts together
    limits: tuple[Limit, ...]
    candidates: tuple[Candidate, ...]  # best first
    as_good: tuple[str, ...]  # variants that the run cannot tell from the chosen one
    possibly_better: tuple[str, ...]  # undecided variants that would come before it if they were within the limits
    run: str  # file name of the saved run
    checkpoint: CheckpointInfo
    sets: tuple[SetInfo, ...]
    environment: dict[str, Any]
    reference: str = REFERENCE  # what accuracy is lost against
    by_costs: bool = False  # whether costs alone decided, because accuracy was not measured
    service_level: ServiceLevel | None = None  # that its server has to keep


def evidence_of(run: Run, selection: Selection) -> Evidence:
    """The evidence of ``selection``, which was made from ``run``, or from several of which ``run`` has the model taken."""
    return Evidence(
        schema_version=SCHEMA_VERSION,
        chosen=selection.best.variant if selection.best else None,
        objective=selection.objective,
        max_accuracy_drop=selection.max_drop,
        on_each_set=selection.on_each_set,
        limits=selection.limits,
        candidates=selection.candidates,
        as_good=tuple(one.variant for one in selection.as_good),
        possibly_better=tuple(one.variant for one in selection.possibly_better),
        run=run.path.name,
        checkpoint=run.checkpoint,
        sets=run.sets,
        environment=run.environment,
        reference=selection.reference,
        by_costs=selection.by_costs,
        service_level=selection.service_level,
    )


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(asdict(evidence), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_evidence(path: Path) -> Evidence:
    """Read and validate it; raises RunFileError, in one line, for another file or an unknown schema version."""
    saved = load_saved(path)
    version = saved.get("schema_version") if isinstance(saved, dict) else None
    if version != SCHEMA_VERSION:
        raise RunFileError(
            f"{path}: schema_version is {version!r}, expected {SCHEMA_VERSION}; write it again with: deploybench recommend"
        )
    try:
        evidence: Evidence = decode(Evidence, saved, "evidence")
    except DecodingError as error:
        raise RunFileError(f"{path}: {error}; write it again with: deploybench recommend") from None
    return evidence
