"""Prepares labelled files for training: reads, deduplicates, splits and writes them."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ....exporters.errors import DataError
from ....exporters.files import sha256_file, whole_folder
from ...units import many
from .deduplicate import Overlap, deduplicate, overlap_with_test
from .label_leakage import LENGTHS, LabelLeakage
from .near_duplicates import RUN, SIMILAR
from .rows import Files, Rows, open_rows
from .scan import Scan, scan
from .splits import SPLITS, Shares
from .write import SplitFiles, refuse_folder, write_record, write_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ..text_rows import BadRows
    from .deduplicate import Deduplicated

SCHEMA_VERSION = 1
# 1 - first version


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Files to prepare, and how."""

    files: Files
    output: Path
    shares: Shares
    seed: int = 0
    text_columns: tuple[str, ...] = ()  # empty: found by name
    label_column: str | None = None  # None: "label"
    bad_rows: BadRows = "refuse"
    strict: bool = False  # refuse a test set that overlaps with the other files


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file that was read."""

    name: str  # without its folder
    sha256: str
    rows: int
    test: bool  # a test set that was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What was read, what was left out and why, and what was written."""

    inputs: tuple[Input, ...]
    text_columns: tuple[str, ...]
    label_column: str
    label_names: tuple[str, ...]
    shares: Shares
    seed: int
    bad: tuple[str, ...]  # "2 rows without text"
    removed: dict[str, int]  # rows, by cause
    overlaps: dict[tuple[str, str], Overlap]  # rows of the first split that are in the second, before deduplication
    repeated: int  # rows of a given test set whose text is in it before; they stay
    contradicting: int  # rows of a given test set whose text has two labels; they stay
    counts: dict[str, tuple[int, ...]]  # rows of each split, by class
    leakage: LabelLeakage
    sha256: dict[str, str]  # of the written files, by name

    @property
    def rows(self) -> int:
        """Number of rows in all files."""
        return sum(one.rows for one in self.inputs)

    @property
    def kept(self) -> int:
        """Number of rows that were written."""
        return sum(map(sum, self.counts.values()))


def prepare_texts(request: Request) -> Preparation:
    """Read, deduplicate, split and write; raises UserError for a user mistake, and then leaves no file behind."""
    refuse_folder(request.output, request.files.paths)
    rows = open_rows(request.files, request.text_columns, request.label_column)
    before = {path: sha256_file(path) for path in request.files.paths}
    found = scan(rows, request.shares, request.seed, request.bad_rows)
    deduplicated = deduplicate(found.facts)
    if request.strict and request.files.test:
        _refuse_overlap(request.files.test, deduplicated)
    counts = _count(rows, found, deduplicated)
    outcomes: list[str | None] = [None] * len(rows)
    for place, outcome in zip(found.places, deduplicated.outcomes, strict=True):
        outcomes[place] = outcome
    with whole_folder(request.output) as folder:
        with SplitFiles(folder, rows) as files:
            leakage = write_rows(rows, outcomes, files)
        for path, digest in before.items():
            if sha256_file(path) != digest:
                raise DataError(f"{path}: changed while it was being read; try again")
        sources = {one.table.path: one for one in rows.sources}
        prepared = Preparation(
            inputs=tuple(
                Input(name=path.name, sha256=digest, rows=sources[path].rows, test=sources[path].test)
                for path, digest in before.items()
            ),
            text_columns=rows.text_columns,
            label_column=rows.label_column,
            label_names=rows.label_names,
            shares=request.shares,
            seed=request.seed,
            bad=found.bad,
            removed=dict(deduplicated.removed),
            overlaps=deduplicated.overlaps,
            repeated=deduplicated.repeated,
            contradicting=deduplicated.contradicting,
            counts=counts,
            leakage=leakage,
            sha256={f"{split}.csv": sha256_file(folder / f"{split}.csv") for split in SPLITS},
        )
        write_record(folder, record(prepared))
    return prepared


def _refuse_overlap(test: Path, deduplicated: Deduplicated) -> None:
    overlap = overlap_with_test(deduplicated)
    if overlap.exact or overlap.near:
        rows = many(overlap.exact + overlap.near, "row")
        raise DataError(
            f"{test}: {rows} of the other files are in it, {overlap.exact} exactly and {overlap.near} nearly, expected none with "
            "--strict; leave --strict out to have them removed"
        )


def _count(rows: Rows, found: Scan, deduplicated: Deduplicated) -> dict[str, tuple[int, ...]]:
    """Rows of each split by class; DataError where a class is missing from one."""
    counts = Counter((outcome, fact.label) for outcome, fact in zip(deduplicated.outcomes, found.facts, strict=True))
    names = rows.label_names
    for label, name in enumerate(names):
        total = sum(counts[split, label] for split in SPLITS)
        for split in SPLITS:
            if not counts[split, label]:
                raise DataError(
                    f"split {split!r}: would have no text of class {name!r}, of which there {'is' if total == 1 else 'are'} "
                    f"{total} in all; "
                    "give more texts, or another --split or --seed"
                )
    return {split: tuple(counts[split, label] for label in range(len(names))) for split in SPLITS}


def record(found: Preparation) -> dict[str, Any]:
    """The content of preparation.json: the same for the same files, settings and versions."""
    fields = asdict(found)
    del fields["overlaps"]  # its keys are pairs
    return {
        "schema_version": SCHEMA_VERSION,
        **fields,
        "evidence": fields.pop("leakage"),
        "leaks": [{"of": of, "found_in": where, **asdict(one)} for (of, where), one in found.overlaps.items()],
        "lengths": {"words": LENGTHS},
        "near_duplicate": {"jaccard": SIMILAR[0] / SIMILAR[1], "words_in_a_run": RUN},
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }
