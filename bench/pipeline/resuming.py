"""The journal of a run, and the facts that must be equal before its finished measurements are reused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import bench, exporters
from ...exporters.files import sha256_file, sha256_json
from ..console import say
from ..machine.environment import describe_environment
from ..runs.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .prepare import Prepared

FILE = "journal.jsonl"


def open_journal(models: Sequence[Prepared]) -> Journal:
    """The journal of this run; with ``--resume``, it holds the measurements of an interrupted run whose facts are equal."""
    options = models[0].options
    facts = {
        "environment": describe_environment(),
        "code": code_digest(),
        "threads": options.threads,
        "blocks": (options.schedule.blocks, options.schedule.rounds),
        "models": [_facts(one) for one in models],
    }
    journal = Journal(options.work_dir / FILE, facts, resume=options.resume)
    if options.resume:
        others = f"; {journal.others} others are of another model, version, setting or machine"
        spoilt = f"; {journal.spoilt} lines of {options.work_dir / FILE} cannot be read"
        say(
            f"resuming: {journal.taken} finished measurements found"
            f"{others if journal.others else ''}{spoilt if journal.spoilt else ''}"
        )
    return journal


def _facts(prepared: Prepared) -> dict[str, Any]:
    return {
        "model": prepared.options.model,
        "checkpoint": prepared.checkpoint.sha256,
        "tokens": sha256_json(prepared.tokens),
        "tokenizer": tokenizer_digest(prepared),
        "random_weights": prepared.checkpoint.random_weights,
        "scoring_length": prepared.scoring_length,
    }


def tokenizer_digest(prepared: Prepared) -> str:
    """Hex digest of the tokenizer's files."""
    return sha256_json(
        {file.name: sha256_file(file) for file in sorted(prepared.inputs.tokenizer.iterdir()) if file.is_file()}
    )


def code_digest() -> str:
    """Hex digest of all code that loads or measures a model."""
    roots = [Path(package.__path__[0]) for package in (bench, exporters)]
    return sha256_json([sha256_file(file) for root in roots for file in sorted(root.rglob("*.py"))])
