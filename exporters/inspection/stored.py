"""Tensors in an artifact's files, compared by content: a tensor stored twice was not shared. Read without the runtime."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np

from ..artifacts.artifact import model_files
from ..errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_SMALLEST = 1024  # bytes; smaller tensors are shapes, axes or biases, and may be equal by chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The weights in the files of one artifact."""

    size: int  # bytes of all tensors
    doubled: int  # of these, bytes of tensors equal to an earlier one, bit by bit
    doubles: dict[str, int] = field(default_factory=dict)  # how often a tensor is stored, by the name of the first


class _Tensor(NamedTuple):
    name: str
    content: bytes


def stored_weights(artifact: Path) -> Stored:
    """Read every tensor in an artifact's files; those below 1 KiB count towards the size, but are not compared.

    Raises ExportError for an unknown kind of file.
    """
    size, doubled = 0, 0
    names: dict[str, str] = {}
    times: Counter[str] = Counter()
    for name, content in _tensors(model_files(artifact)):
        size += len(content)
        if len(content) < _SMALLEST:
            continue
        digest = hashlib.sha256(content).hexdigest()
        doubled += len(content) if digest in names else 0
        times[names.setdefault(digest, name)] += 1
    return Stored(size=size, doubled=doubled, doubles={name: n for name, n in times.items() if n > 1})


def _tensors(files: Iterable[Path]) -> Iterator[_Tensor]:
    for file in files:
        reader = _READERS.get(file.suffix)
        if reader is None:
            raise ExportError(f"{file.name}: expected one of {', '.join(_READERS)}; add a reader in {__name__}")
        yield from reader(file)


def _onnx(file: Path) -> Iterator[_Tensor]:
    import onnx
    from onnx.external_data_helper import _get_all_tensors

    for tensor in _get_all_tensors(
        onnx.load(file)
    ):  # weights, including those outside the file, and constants of nodes
        yield _Tensor(tensor.name, onnx.numpy_helper.to_array(tensor).tobytes())


def _openvino(file: Path) -> Iterator[_Tensor]:
    """The constants of the graph, stored in the file beside it; several may share one place."""
    weights = file.with_suffix(".bin").read_bytes()
    seen = set()
    for layer in ET.parse(file).iterfind(".//layer[@type='Const']"):  # noqa: S314 - we wrote it
        data: Any = layer.find("data")
        offset, size = int(data.get("offset")), int(data.get("size"))
        if size and (offset, size) not in seen:
            seen.add((offset, size))
            yield _Tensor(layer.get("name", ""), weights[offset : offset + size])


def _safetensors(file: Path) -> Iterator[_Tensor]:
    from safetensors import deserialize

    for name, tensor in deserialize(file.read_bytes()):
        yield _Tensor(name, tensor["data"])


def _zip(file: Path) -> Iterator[_Tensor]:
    """A PyTorch archive: one entry for each storage, without names of tensors; a compiled one has a single blob of weights."""
    with zipfile.ZipFile(file) as archive:
        for entry in archive.namelist():
            weights = (
                entry.endswith(".blob") if "/aotinductor/" in entry else "/data/" in entry or "/constants/" in entry
            )
            if weights:
                yield _Tensor(entry.partition("/")[2], archive.read(entry))


def _npz(file: Path) -> Iterator[_Tensor]:
    with np.load(file) as arrays:
        for name, array in arrays.items():
            yield _Tensor(name, array.tobytes())


def _nothing(_: Path) -> Iterator[_Tensor]:
    return iter(())


_READERS: dict[str, Callable[[Path], Iterator[_Tensor]]] = {
    ".onnx": _onnx,
    ".data": _nothing,  # read with the .onnx file
    ".xml": _openvino,
    ".bin": _nothing,  # read with the .xml file
    ".safetensors": _safetensors,
    ".pt": _zip,
    ".pt2": _zip,
    ".npz": _npz,
    ".json": _nothing,
}
