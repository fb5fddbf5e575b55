"""What a Ray task does on a node: loads the variant once in its process, and answers chunks of texts by it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ....exporters.artifacts.artifact import changed_file, read_artifact
from ....exporters.cascades.cascade import thresholds_of
from ....exporters.files import whole_folder
from ....exporters.variant import TOKENIZER
from ...worker.client import Worker
from ..models import Opened
from ..pipeline import Pipeline
from ..reading import reader_of
from ..record import what_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ....exporters.checkpoints.long_texts import Windows
    from ....exporters.checkpoints.tokenization import Pad
    from ....exporters.texts import Text
    from ..pipeline import Answered
    from ..plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What a node needs to answer as this machine does."""

    variant: str
    fingerprint: str  # of the artifact
    plan: Plan
    length: int | None  # tokens at which texts are cut; None: not cut
    windows: Windows | None
    pad: Pad
    full_length: int  # tokens


class Answers(NamedTuple):
    """Of one task."""

    chunks: list[Answered | None]  # None: a chunk without texts
    process: str  # node and process that answered
    peak: int  # its resident bytes, with its child
    by: dict[str, Any]  # see ``record.what_answers``


_loaded: dict[Loading, tuple[Opened, dict[str, Any]]] = {}  # at most one: of the last task of this process


def answer(loading: Loading, files: Callable[[], Mapping[str, bytes]], chunks: Sequence[Sequence[Text]]) -> Answers:
    """Answer ``chunks``; ``files`` gives the artifact's, by path, where this node does not have them yet."""
    if loading not in _loaded:
        for opened, _ in _loaded.values():
            opened.workers[0].close()
        _loaded.clear()
        _loaded[loading] = _load(loading, files)
    opened, by = _loaded[loading]
    try:
        answered = [opened.pipeline.answer(texts, loading.plan.policy) if texts else None for texts in chunks]
        peak = opened.peak()
    except BaseException:
        _loaded.clear()  # the next task of this process starts another child
        raise
    return Answers(answered, f"{os.uname().nodename} {os.getpid()}", peak, by)


def _load(loading: Loading, files: Callable[[], Mapping[str, bytes]]) -> tuple[Opened, dict[str, Any]]:
    threads = loading.plan.threads
    os.environ["RAYON_NUM_THREADS"] = str(threads)  # of tokenizers
    folder = _artifact(loading, files)
    reader = reader_of(folder / TOKENIZER, loading.length, loading.windows)
    worker = Worker(f"{loading.variant}, on {os.uname().nodename}", threads)
    worker.start(loading.variant, folder, threads)
    pipeline = Pipeline(reader, [worker], loading.pad, loading.full_length, thresholds_of(folder))
    return Opened(pipeline=pipeline, workers=[worker]), what_answers(loading.variant, loading.fingerprint)


def _artifact(loading: Loading, files: Callable[[], Mapping[str, bytes]]) -> Path:
    """The artifact's folder on this node, written by the first process that needs it."""
    folder = Path(tempfile.gettempdir(), f"deploybench-{os.getuid()}", loading.fingerprint, loading.variant)
    if read_artifact(folder) is None or changed_file(folder):
        with whole_folder(folder) as aside:
            for name, content in files().items():
                path = aside / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    return folder
