"""The whole preparation: files in; splits, and what was found on the way, out."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.texts.prepare.cleaning import Leak, clean, found_in_test
from bench.texts.prepare.evidence import Evidence, write_rows
from bench.texts.prepare.folder import SplitFiles, refuse_folder, write_record
from bench.texts.prepare.lengths import LENGTHS
from bench.texts.prepare.near import SIMILAR
from bench.texts.prepare.rows import Files, Rows, open_rows
from bench.texts.prepare.shingles import RUN
from bench.texts.prepare.splits import SPLITS, Shares
from bench.texts.prepare.survey import Survey, survey
from bench.units import many
from exporters.errors import DataError
from exporters.files import sha256_file, whole_folder

if TYPE_CHECKING:
    from pathlib import Path

    from bench.texts.prepare.cleaning import Cleaned
    from bench.texts.text_rows import BadRows

SCHEMA_VERSION = 1
# 1 - first version


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How files are to be prepared."""

    files: Files
    output: Path
    shares: Shares
    seed: int = 0
    text_columns: tuple[str, ...] = ()  # empty: found by name
    label_column: str | None = None  # None: "label"
    bad_rows: BadRows = "refuse"
    strict: bool = False  # refuse a test set that is found in the other files


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file that was read."""

    name: str  # without its folder
    sha256: str
    rows: int
    test: bool  # the test set that was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What was read, what was taken out and why, and what is left."""

    inputs: tuple[Input, ...]
    text_columns: tuple[str, ...]
    label_column: str
    label_names: tuple[str, ...]
    shares: Shares
    seed: int
    bad: tuple[str, ...]  # "2 rows without text"
    removed: dict[str, int]  # rows, by cause
    leaks: dict[tuple[str, str], Leak]  # rows of the first split that are in the second, before any was taken out
    repeated: int  # rows of a test set that was given and whose text stands in it before; they stay
    contradicting: int  # rows of it whose text has two labels; they stay
    counts: dict[str, tuple[int, ...]]  # rows of each split, by class
    evidence: Evidence
    sha256: dict[str, str]  # of the files that were written

    @property
    def rows(self) -> int:
        """Of all files."""
        return sum(one.rows for one in self.inputs)

    @property
    def kept(self) -> int:
        """Rows that were written."""
        return sum(map(sum, self.counts.values()))


def prepare_texts(asked: Asked) -> Preparation:
    """Read, clean, split and write; raises UserError for what the person can fix, and then leaves nothing behind."""
    refuse_folder(asked.output, asked.files.paths)
    rows = open_rows(asked.files, asked.text_columns, asked.label_column)
    before = {path: sha256_file(path) for path in asked.files.paths}
    found = survey(rows, asked.shares, asked.seed, asked.bad_rows)
    cleaned = clean(found.facts)
    if asked.strict and asked.files.test:
        _refuse_leak(asked.files.test, cleaned)
    counts = _count(rows, found, cleaned)
    fates: list[str | None] = [None] * len(rows)
    for place, fate in zip(found.places, cleaned.fates, strict=True):
        fates[place] = fate
    with whole_folder(asked.output) as folder:
        with SplitFiles(folder, rows) as files:
            evidence = write_rows(rows, fates, files)
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
            shares=asked.shares,
            seed=asked.seed,
            bad=found.bad,
            removed=dict(cleaned.removed),
            leaks=cleaned.leaks,
            repeated=cleaned.repeated,
            contradicting=cleaned.contradicting,
            counts=counts,
            evidence=evidence,
            sha256={f"{split}.csv": sha256_file(folder / f"{split}.csv") for split in SPLITS},
        )
        write_record(folder, record(prepared))
    return prepared


def _refuse_leak(test: Path, cleaned: Cleaned) -> None:
    exact, near = found_in_test(cleaned)
    if exact or near:
        rows = many(exact + near, "row")
        raise DataError(
            f"{test}: {rows} of the other files are in it, {exact} to the letter and {near} nearly, expected none with --strict; "
            "leave --strict out to have them removed"
        )


def _count(rows: Rows, found: Survey, cleaned: Cleaned) -> dict[str, tuple[int, ...]]:
    """Rows of each split by class; DataError where a class is missing from one."""
    counts = Counter((fate, fact.label) for fate, fact in zip(cleaned.fates, found.facts, strict=True))
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
    """What the record says: the same for the same files, settings and versions."""
    return {
        "schema_version": SCHEMA_VERSION,
        **asdict(found),
        "leaks": [{"of": of, "found_in": where, **asdict(leak)} for (of, where), leak in found.leaks.items()],
        "lengths": {"words": LENGTHS},
        "near_duplicate": {"jaccard": SIMILAR[0] / SIMILAR[1], "words_in_a_run": RUN},
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }
