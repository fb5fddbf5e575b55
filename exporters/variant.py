"""A variant: data and two functions, in one file of ``exporters/variants``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Int64Array: TypeAlias = npt.NDArray[np.int64]
Float32Array: TypeAlias = npt.NDArray[np.float32]

Batch: TypeAlias = tuple[Int64Array, ...]
"""Ids and mask, each ``(batch, sequence_length)``; mask is 1 for real tokens. Token types as well, for a model that reads them."""

Predictor: TypeAlias = Callable[..., Float32Array]
"""Logits ``(batch, num_labels)`` for the arrays of a ``Batch``."""

MANIFEST = "manifest.json"
"""File of an artifact: its sources, hashes and versions."""

TOKENIZER = "tokenizer"
"""Folder of an artifact: its tokenizer."""

CONFIG = "config.json"
"""File of an artifact: the checkpoint's configuration, which other programs read."""

REFERENCE = "torch-eager"
"""The variant that all others are compared with."""


BF16 = ("avx512_bf16", "amx_bf16")
"""CPU features for bf16; without any of them it is emulated."""

VNNI = ("avx512_vnni", "avx_vnni")
"""CPU features for int8 products; without any of them they are slower, and their sums may saturate."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingTexts:
    """Texts that another model is trained on; arrays, because every export is handed them by its parent process."""

    tokens: Int64Array  # ids of all texts, one text after the other, special tokens included
    lengths: Int64Array  # tokens of each text
    types: Int64Array | None  # token types of all texts; None: the model reads none
    labels: Int64Array | None  # class index of each text; None: without labels, the reference classifies them
    source: str  # "labelled texts of train.csv"

    @classmethod
    def of(cls, ids: Sequence[Sequence[int]], labels: Sequence[int] | None, source: str) -> TrainingTexts:
        """From the token ids and the class index of each text."""
        types = [one for text in ids for one in getattr(text, "types", ())]
        return cls(
            tokens=np.array([one for text in ids for one in text], dtype=np.int64),
            lengths=np.array([len(text) for text in ids], dtype=np.int64),
            types=np.array(types, dtype=np.int64) if types else None,
            labels=None if labels is None else np.array(labels, dtype=np.int64),
            source=source,
        )

    def ids(self) -> list[list[int]]:
        """Token ids of each text."""
        return [one.tolist() for one in np.split(self.tokens, np.cumsum(self.lengths)[:-1])]

    def each(self) -> list[Batch]:
        """Each text as a batch of one."""
        parts = [self.tokens, np.ones_like(self.tokens), *([] if self.types is None else [self.types])]
        ends = np.cumsum(self.lengths)[:-1]
        return [*zip(*(np.split(part[None], ends, axis=1) for part in parts), strict=True)]

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of all token ids and labels in their order."""
        arrays = [self.tokens, self.lengths, *(one for one in (self.types, self.labels) if one is not None)]
        return hashlib.sha256(b"".join(one.tobytes() for one in arrays)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """Inputs and output folder of an export."""

    checkpoint: Path  # folder of the fine-tuned classifier, safetensors weights
    out_dir: Path  # empty folder for the model files
    bases: tuple[Path, ...]  # artifact of ``Variant.base``, then that of its own base, and so on
    tokenizer: Path  # folder with tokenizer.json
    calibration: tuple[Sequence[int], ...]  # token ids of training texts, special tokens included
    training: TrainingTexts | None = None  # of a variant that is another model; None: there are no such texts
    stages: tuple[Path, ...] = ()  # artifacts of ``Variant.stages``
    # Of a cascade: token ids, as they are read, of texts that neither trained nor calibrated
    held_out: tuple[Sequence[int], ...] = ()
    bound: float = 0.0  # of a cascade: share of all texts that may get another class than from its last stage
    notes: list[str] = field(default_factory=list)  # remarks for the user, added by the export, one line each
    unneeded: list[str] = field(default_factory=list)  # why the artifact is the same as another, added by the export

    @property
    def base(self) -> Path:
        """The artifact of ``Variant.base``."""
        return self.bases[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How to serve an artifact without this project: lines of Python, for ``example.py`` and the server beside it."""

    imports: tuple[str, ...]  # beside ``import numpy as np``
    load: str  # from the artifact's ``folder`` and a number of ``threads`` to the names that ``predict`` uses
    predict: (
        str  # from ``inputs``, int64 arrays ``(texts, tokens)`` by name, to ``logits``, an array ``(texts, outputs)``
    )
    # Of the runtime, which decide the logits wherever it runs
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to deploy a checkpoint; its name is its file's name with dashes, ``<runtime>-<precision>[-<how>]``.

    ``export(job)`` writes the model files into ``job.out_dir``; ``load(artifact, threads)`` returns a predictor that uses
    ``threads`` threads.
    """

    runtime: str
    precision: str
    packages: tuple[str, ...]  # distributions whose versions decide what is exported and how it runs
    imports: tuple[str, ...]  # modules that ``load`` needs, imported before its time and memory are measured
    export: Callable[[ExportJob], None]
    load: Callable[[Path, int], Predictor]
    logits_atol: float | None = None  # largest |difference| from the reference; None: only labels are compared
    min_agreement: float = 1.0  # smallest share of labels equal to the reference's
    base: str | None = None  # variant from whose artifact this one is exported; of a cascade the last stage
    stages: tuple[str, ...] = ()  # of a cascade: the variants before the last one
    least_share: float = 0.9  # of the multiply-adds with weights, that must run in ``precision`` unless it is fp32
    calibrates: bool = False  # reads ``ExportJob.calibration``
    needs: tuple[str, ...] = ()  # CPU features, one of which a CPU must have for the variant to be a default
    without: str = ""  # what it is like on CPUs without these features
    program: Program | None = None  # how to serve it without this project; None: it cannot be
    default: bool = True  # whether it is exported when no variant is named
    deprecated: str = ""  # why, if upstream deprecated it
    trace: str = ""  # module that sees what is executed; empty: deploybench.exporters.inspection.trace_<runtime>
    another_model: bool = (
        False  # trained on ``ExportJob.training``: its labels are compared with the reference's, not judged
    )
