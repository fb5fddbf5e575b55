"""A baseline: one file with a saved run, its predictions and artifacts, for a CI cache; every file in it has a digest."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from ...exporters.errors import RunFileError, UserError, first_line
from ...exporters.files import whole_file, whole_folder
from .decoding import DecodingError, decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MANIFEST = "baseline.json"
_RUN, _ARTIFACTS = "run", "artifacts"  # folders within a baseline
_VERSION = 1
_CHUNK = 1024 * 1024  # bytes read at once
_LARGEST_MANIFEST = 16 * 1024 * 1024  # bytes
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    DecodingError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    schema_version: int
    run: str  # name of the saved run's file within the baseline
    files: dict[str, _File]  # by name within the baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A restored baseline."""

    run: Path
    artifacts: Path | None  # folder with one for each variant; None: saved without


def save_baseline(file: Path, run: Path, predictions: Mapping[str, Path], artifacts: Mapping[str, Path]) -> None:
    """Write ``file`` whole or not at all; the same content gives the same bytes.

    ``predictions``: files by name beside the run; ``artifacts``: folders by variant. Raises UserError for a name that cannot be
    restored.
    """
    found = {f"{_RUN}/{run.name}": run} | {f"{_RUN}/{name}": path for name, path in predictions.items()}
    for variant, folder in artifacts.items():
        within = (one for one in folder.rglob("*") if one.is_file())
        found |= {f"{_ARTIFACTS}/{variant}/{one.relative_to(folder).as_posix()}": one for one in within}
    if wrong := [name for name in found if not _is_safe(name)]:
        raise UserError(f"{file}: cannot hold {wrong[0]!r:.80}, expected a plain name of a file; rename it")
    with whole_file(file.resolve()) as stream, zipfile.ZipFile(stream, "w") as archive:
        files = {name: _add(archive, name, found[name]) for name in sorted(found)}
        manifest = _Manifest(schema_version=_VERSION, run=f"{_RUN}/{run.name}", files=files)
        archive.writestr(_entry(_MANIFEST), json.dumps(asdict(manifest), indent=1))


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> _File:
    entry = _entry(name)
    entry.file_size = path.stat().st_size  # whether it needs the format for more than 4 GiB
    with path.open("rb") as source, archive.open(entry, "w") as target:
        return _copy(source, target)


def _entry(name: str) -> zipfile.ZipInfo:
    """Not compressed, because caches compress and weights hardly shrink; with a fixed time."""
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3  # Unix, on every system
    entry.external_attr = 0o644 << 16
    return entry


def _copy(source: IO[bytes], target: IO[bytes]) -> _File:
    digest, size = hashlib.sha256(), 0
    while part := source.read(_CHUNK):
        digest.update(part)
        size += target.write(part)
    return _File(size=size, sha256=digest.hexdigest())


def is_baseline(file: Path) -> bool:
    """Whether the file is one that ``save_baseline`` wrote, damaged or not."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def restore_baseline(file: Path, folder: Path) -> Baseline:
    """Write the files of a baseline below ``folder``, which is new, empty or an older baseline, all of them or none.

    Raises UserError for another folder, and RunFileError for a file that is no baseline or was changed.
    """
    if folder.exists() and not _may_be_replaced(folder):
        raise UserError(f"--to: {folder} holds other files, expected a new folder or a restored baseline; name one")
    with _opened(file) as archive:
        manifest = _read_manifest(file, archive)
        with whole_folder(folder) as aside:
            for name, expected in manifest.files.items():
                _extract(archive, name, expected, aside)
            (aside / _MANIFEST).write_bytes(archive.read(_MANIFEST))
    artifacts = folder / _ARTIFACTS
    return Baseline(run=folder / manifest.run, artifacts=artifacts if artifacts.is_dir() else None)


def _may_be_replaced(folder: Path) -> bool:
    """Whether it is empty or holds what ``restore_baseline`` wrote there, and nothing else."""
    if not folder.is_dir():
        return False
    names = {one.name for one in folder.iterdir()}
    return not names or {_MANIFEST, _RUN} <= names <= {_MANIFEST, _RUN, _ARTIFACTS}


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    if not file.is_file():
        found = "is a folder" if file.is_dir() else "no such file"
        raise RunFileError(f"{file}: {found}; expected one written by: deploybench baseline save")
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except UserError:
        raise
    except _DAMAGED as error:
        raise RunFileError(
            f"{file}: no baseline, or a damaged one ({first_line(error)}); save it again with: deploybench baseline save"
        ) from None


def _read_manifest(file: Path, archive: zipfile.ZipFile) -> _Manifest:
    if _MANIFEST not in archive.namelist():
        raise DecodingError(f"it holds no {_MANIFEST}")
    if archive.getinfo(_MANIFEST).file_size > _LARGEST_MANIFEST:
        raise DecodingError(f"{_MANIFEST} is too large")
    content = json.loads(archive.read(_MANIFEST))
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > _VERSION:
        raise RunFileError(
            f"{file}: schema_version is {version}, this deploybench reads {_VERSION}; update deploybench"
        )
    manifest: _Manifest = decode(_Manifest, content, _MANIFEST)
    if sorted(archive.namelist()) != sorted([_MANIFEST, *manifest.files]):
        raise DecodingError(f"its files are not those of {_MANIFEST}")
    if wrong := [name for name in (manifest.run, *manifest.files) if not _is_safe(name)]:
        raise DecodingError(f"{wrong[0]!r:.80} is no name of a file within a baseline")
    if manifest.run not in manifest.files:
        raise DecodingError("the saved run is missing")
    return manifest


def _is_safe(name: str) -> bool:
    """Whether a name is within the folder of the run or the artifacts, in every system."""
    path = PurePosixPath(name)
    within = path.parts[:1] in ((_RUN,), (_ARTIFACTS,)) and len(path.parts) > 1 and ".." not in path.parts
    return within and str(path) == name and name.isprintable() and not set(name) & set('\\:*?"<>|')


def _extract(archive: zipfile.ZipFile, name: str, expected: _File, folder: Path) -> None:
    if archive.getinfo(name).file_size != expected.size:
        raise DecodingError(f"{name} has another size")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("xb") as stream:
        if _copy(source, stream) != expected:
            raise DecodingError(f"{name} was changed")
