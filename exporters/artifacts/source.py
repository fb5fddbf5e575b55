"""Digest of the code that a module can run, by its imports: a changed exporter leads to a new export."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator


def source_digest(*modules: str) -> str:
    """SHA-256 (hexadecimal) over ``source_files`` of ``modules``."""
    lines = (f"{name} {_digest(path)}" for name, path in sorted(source_files(*modules).items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def source_files(*modules: str) -> dict[str, Path]:
    """The files of ``modules`` and of all that they import from their own package and ``exporters``, recursively, by module.

    Includes imports within functions and the ``__init__`` of each package. No module is run but those ``__init__``.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _file(name) if name not in found else None
        if path is not None:
            found[name] = path
            roots = {_root(name), _root(__name__)}
            waiting += [one for one in (name.rpartition(".")[0], *_imports(path, name)) if _root(one) in roots]
    return found


def _file(module: str) -> Path | None:
    """The file of a module; None if there is no such module, as for a name within one."""
    try:
        spec = importlib.util.find_spec(module) if module else None
    except ModuleNotFoundError:  # its parent is no package
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _root(module: str) -> str:
    """The package of a module: of this project, one of its three."""
    first, *rest = module.split(".")
    return ".".join([first, *rest[:1]]) if first == __name__.partition(".")[0] else first


def _imports(path: Path, module: str) -> Iterator[str]:
    """Modules that the file of ``module`` imports; an imported name may be a module, too."""
    if path.suffix != ".py":  # compiled
        return
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (source, *(f"{source}.{alias.name}" for alias in node.names))


_digest = cache(sha256_file)
