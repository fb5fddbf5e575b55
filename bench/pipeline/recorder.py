"""The measurements of one model's run, and the run that they become."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.checkpoints.tokenization import Tokeniser
from ...exporters.counting import built
from ...exporters.errors import DeploybenchError
from ..console import note
from ..machine.environment import describe_commit, describe_environment
from ..machine.watch import Watch
from ..measure.deadline import Deadline
from ..runs.journal import Journal
from ..runs.measurement import batch_shape
from ..runs.predictions import write_predictions
from ..runs.store import SCHEMA_VERSION, CheckpointInfo, Plan, Run, SetInfo
from ..worker.client import call_in_child
from .resuming import tokenizer_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...exporters.variant import Batch
    from ..runs.ledger import CellLedger
    from ..runs.measurement import Measurement, Workload
    from ..runs.predictions import Scores
    from .prepare import Prepared


@dataclass(slots=True)
class Recorder:
    """Collects the measurements and scores of one model."""

    prepared: Prepared
    journal: Journal = field(default_factory=Journal)
    deadline: Deadline = field(default_factory=Deadline)
    watch: Watch = field(default_factory=Watch)
    commit: dict[str, Any] = field(default_factory=describe_commit)  # at the start: a checkout may follow
    saved: Path | None = None  # set once the file is complete
    unsaved: str = ""  # why no file can be saved
    made: datetime = field(default_factory=lambda: datetime.now(UTC))
    measurements: list[Measurement] = field(default_factory=list)
    ledgers: list[CellLedger] = field(default_factory=list)
    cold_starts: list[Measurement] = field(default_factory=list)  # of the processes that timed
    operations: dict[str, float] = field(default_factory=dict)  # per forward pass, by ``batch_shape``
    effective_parameters: int | None = None  # as of ``CheckpointInfo``
    scores: dict[tuple[str, str], Scores] = field(default_factory=dict)  # by set and variant

    def add(self, *measurements: Measurement) -> None:
        """Add measurements to the run."""
        self.measurements += measurements

    def run(self, predictions: str) -> Run:
        """The run of the model, without a path; ``predictions`` is the name of the file beside the saved one."""
        return Run(
            path=Path(),
            schema_version=SCHEMA_VERSION,
            plan=self._plan(),
            checkpoint=self._checkpoint(),
            sets=self._sets(),
            variants=self.prepared.variants,
            measurements=tuple(self.measurements),
            environment={
                **describe_environment(),
                **self.commit,
                **self.watch.shares(),
                "resumed": self.journal.taken > 0,  # the shares are then those after resuming
                "tokenizer_sha256": tokenizer_digest(self.prepared),
            },
            ledgers=tuple(self.ledgers),
            operations=self.operations,
            predictions=predictions,
        )

    def save_predictions(self, folders: Sequence[Path]) -> str:
        """Write the logits of every example into ``folders``; returns the file's name, or "" if nothing was scored."""
        prepared = self.prepared
        model = f"{prepared.options.model}_" * bool(prepared.options.model)
        name = f"predictions_{self.made:%Y%m%d_%H%M%S}_{model}{prepared.checkpoint.sha256[:8]}.parquet"
        tokens = self._tokens() if self.scores else {}
        for folder in folders if self.scores else ():
            if not (folder / name).exists():
                write_predictions(
                    folder / name, (*prepared.sets, prepared.unlabelled), self.scores, tokens, prepared.checkpoint.head
                )
        return name if self.scores else ""

    def _tokens(self) -> dict[str, list[int]]:
        """Number of tokens of every text, by set."""
        tokeniser = Tokeniser(self.prepared.inputs.tokenizer, self.prepared.scoring_length)
        unlabelled = self.prepared.unlabelled
        cut = {unlabelled.name: [len(ids) for ids in unlabelled.tokens.values()]}
        return {**{one.name: tokeniser(one.texts)[1] for one in self.prepared.sets}, **cut}

    def _plan(self) -> Plan:
        options = self.prepared.options
        return Plan(
            profile=options.profile,
            variants=options.variants,
            batch_sizes=options.batch_sizes,
            sequence_lengths=self.prepared.sequence_lengths,
            text_lengths=self.prepared.text_lengths,
            memory_batch_size=options.memory_batch_size,
            threads=options.threads,
            precision=options.target_width,
            time_budget=options.time_budget,
            windows=options.windows,
            p99_limit=options.p99_limit or 0.0,
            text_means=self.prepared.text_means,
        )

    def _checkpoint(self) -> CheckpointInfo:
        checkpoint = self.prepared.checkpoint
        kept = {one.name for one in dataclasses.fields(CheckpointInfo)}
        known = {
            **_shallow(checkpoint),
            **_shallow(self.prepared.inputs),
            "effective_parameters": self.effective_parameters,
        }
        return CheckpointInfo(**{name: value for name, value in known.items() if name in kept})

    def _sets(self) -> tuple[SetInfo, ...]:
        return tuple(
            SetInfo(
                name=one.name,
                rows=len(one.texts),
                counts=one.counts,
                sha256=one.sha256,
                summary=one.summary,
                unscored=one.unscored,
            )
            for one in self.prepared.sets
        )


def _shallow(instance: Any) -> dict[str, Any]:
    return {one.name: getattr(instance, one.name) for one in dataclasses.fields(instance)}


def count_checkpoint(
    checkpoint: Path, batches: Mapping[Workload, Sequence[Batch]], threads: int
) -> tuple[dict[str, float], int | None]:
    """Operations of one forward pass of the middle one of each workload's batches by length, by ``batch_shape``.

    And the effective parameters. Nothing, after one line with the reason, if they cannot be counted.
    """
    shapes = {
        batch_shape(workload): sorted(ids.shape for ids, *_ in several)[len(several) // 2]
        for workload, several in batches.items()
    }
    try:
        operations, effective = call_in_child(
            built.count_checkpoint, checkpoint, list(shapes.values()), threads=threads, forked=True
        )
    except DeploybenchError as error:
        note(f"operations not counted: {error}")
        return {}, None
    return dict(zip(shapes, operations, strict=True)), effective
