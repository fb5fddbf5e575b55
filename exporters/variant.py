"""What a variant is: data plus two functions, in one file of ``exporters/variants``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pathlib import Path

Int64Array: TypeAlias = npt.NDArray[np.int64]
Float32Array: TypeAlias = npt.NDArray[np.float32]

Predictor: TypeAlias = Callable[[Int64Array, Int64Array], Float32Array]
"""Logits ``(batch, num_labels)`` for ids and mask ``(batch, sequence_length)``; mask is 1 for real tokens."""

MANIFEST = "manifest.json"
"""File of an artifact that says what it is."""

TOKENIZER = "tokenizer"
"""Folder of an artifact."""

REFERENCE = "torch-eager"
"""The variant that every other one must agree with, and is compared to."""


BF16 = ("avx512_bf16", "amx_bf16")
"""CPU features, of which one makes bf16 faster than fp32; without one it is emulated."""

VNNI = ("avx512_vnni", "avx_vnni")
"""CPU features, of which one multiplies int8 as fast as it is meant to be; without one, int8 sums may be cut, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """What an export reads and where it writes."""

    checkpoint: Path  # folder of the fine-tuned classifier, safetensors weights
    out_dir: Path  # empty folder for the model files
    base: Path | None  # artifact of ``Variant.base``
    tokenizer: Path  # folder with tokenizer.json
    calibration: tuple[tuple[int, ...], ...]  # token ids of training texts, special tokens included
    notes: list[str] = field(default_factory=list)  # the export adds what people should know of it, one line each


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The part of a program that is a variant's own; ``exporters/artifacts/serving.py`` has the rest."""

    imports: tuple[str, ...]  # lines
    answer: str  # lines from ``ids``, one text's in a list, and the artifact's ``folder`` to ``chances``, one per class


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to deploy a checkpoint; its name is its file's name with dashes, ``<runtime>-<precision>[-<how>]``.

    ``export(job)`` writes the model files into ``job.out_dir``; ``load(artifact, threads)`` gives a predictor that keeps
    to ``threads`` threads.
    """

    runtime: str
    precision: str
    packages: tuple[str, ...]  # distributions whose versions decide what is exported and how it runs
    imports: tuple[
        str, ...
    ]  # modules that ``load`` needs; imported ahead, so that load time and memory are the model's
    export: Callable[[ExportJob], None]
    load: Callable[[Path, int], Predictor]
    logits_atol: float | None = None  # largest |difference| from the reference; None: judged by agreement alone
    min_agreement: float = 1.0  # smallest share of labels equal to the reference's
    base: str | None = None  # variant whose artifact this one is made from
    calibrates: bool = False  # reads ``ExportJob.calibration``
    needs: tuple[str, ...] = ()  # CPU features, of which one must be there for the variant to be worth while
    example: Example = Example(imports=(), answer="")  # how to serve it without this project
    default: bool = True  # among those that are made when none is named
    deprecated: str = ""  # why, when upstream has deprecated this way
