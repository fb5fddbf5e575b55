"""What a file of answers says of itself: what was asked, and what may make another machine answer otherwise.

Source: Parquet's key-value metadata, which every reader of Parquet shows.
"""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ...exporters.artifacts.catalogue import find_variant
from ...exporters.errors import DataError, first_line
from ..machine.environment import describe_environment
from ..texts.pairs import PairColumns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ..pipeline.options import Options
    from .plan import Plan

_KEY = b"deploybench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Of a file of answers."""

    asked: dict[str, Any]  # the same for all that may be merged
    answered_by: tuple[
        dict[str, Any], ...
    ]  # each may answer otherwise; several in a merged file only if that was allowed
    shard: dict[str, Any] = field(default_factory=dict)  # number, count, rows and what ran; empty: all rows


def what_is_asked(options: Options, variant: str, columns: Sequence[str], sha256: str) -> dict[str, Any]:
    """What is scored, and how its texts are read; ``sha256``: of the source."""
    return {
        "source": sha256,
        "text_columns": list(columns),
        "pairs": isinstance(columns, PairColumns),
        "windows": options.windows and asdict(options.windows),
        "drop_bad_rows": options.drop_bad_rows,
        "variant": variant,
    }


def what_answers(variant: str, fingerprint: str) -> dict[str, Any]:
    """What may change a logit, be it by rounding, apart from the plan: artifact, processor, settings and versions."""
    here = describe_environment()
    return {
        "artifact": fingerprint,
        "isa": " ".join(here["isa"]),
        "kernels": here["kernels"],
        **{name: importlib.metadata.version(name) for name in ("tokenizers", *find_variant(variant).packages)},
    }


def with_plan(answers: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """And by the plan, whose number of processes changes nothing."""
    return {
        **answers,
        "padding": plan.policy.padding,
        "batch_size": plan.policy.batch_size,
        "threads": plan.threads,
    }


def with_record(schema: pa.Schema, record: Record) -> pa.Schema:
    """The schema of a file that holds the record."""
    return schema.with_metadata({_KEY: json.dumps(asdict(record), sort_keys=True).encode()})


def read_record(path: Path) -> Record:
    """The record in a Parquet file; raises DataError for a file that is not whole or holds none."""
    from pyarrow import parquet

    try:
        found = (parquet.read_schema(path).metadata or {})[_KEY]
        content = json.loads(found)
        return Record(**{**content, "answered_by": tuple(content["answered_by"])})
    except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's errors are ValueErrors
        found = first_line(error) if isinstance(error, OSError | ValueError) else "no record of deploybench in it"
        raise DataError(f"{path}: not a file that deploybench score wrote ({found}); score that shard again") from error


def differences(some: Iterable[dict[str, Any]]) -> list[str]:
    """Fields that are not the same in all, with their values: ``isa: 'avx2' and 'avx2 avx512f'``."""
    every = list(some)
    names = dict.fromkeys(name for one in every for name in one)
    return [
        f"{name}: {' and '.join(values)}"
        for name in names
        if len(values := dict.fromkeys(repr(one.get(name)) for one in every)) > 1
    ]
