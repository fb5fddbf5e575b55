"""The server beside an artifact: ``exporters/serving/server``, the variant's predictor, pinned requirements and a Dockerfile."""

from __future__ import annotations

import json
import platform
import re
import shutil
import textwrap
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..artifacts.catalogue import find_variant
from ..errors import UserError
from ..files import sha256_file
from ..packages import EXTRAS, require
from .served import whole_artifact
from .server.settings import MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..variant import Program

SERVER = "server"  # the folder
DOCKERFILE = "Dockerfile"
_WRITTEN = "written.json"  # digests of these files, to tell those that a user has changed
_SOURCE = Path(__file__).parent / "server"
_OF_THE_SERVER = ("numpy", *(one for one in EXTRAS["serve"] if one != "packaging"))  # which only this file needs
_PREDICTOR = '''\
"""Logits by {variant}, as its artifact is loaded where it was measured."""

{imports}


def load(folder, threads):
    """A function from arrays by name to logits, with ``threads`` threads."""
{load}

    def predict(inputs):
{predict}
        return logits

    return predict
'''
_DOCKERFILE = """\
# docker build -t {name} . && docker run -p 8080:8080 {name}
FROM python:{python}-slim
WORKDIR /app
COPY server/requirements.txt server/
RUN pip install --no-cache-dir -r server/requirements.txt
COPY . .
USER nobody
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health')"]
CMD ["python", "-m", "server", "--host", "0.0.0.0"]
"""


def write_server(artifact: Path, target: Path, measured: Mapping[str, int] | None = None) -> None:
    """Write the folder ``server`` and the Dockerfile of a whole ``artifact`` into ``target``.

    ``measured``: instances, threads of each and largest batch with which its rate was measured, which it then has by default.

    Raises UserError where there is no whole artifact, and for a variant that has no program.
    """
    require("the server", "serve")
    variant = whole_artifact(artifact).variant
    program = find_variant(variant).program
    if program is None:
        raise UserError(f"{variant}: its module says no program that serves it; expected VARIANT with a Program")
    folder = target / SERVER
    folder.mkdir()
    for file in sorted(_SOURCE.glob("*.py")):
        shutil.copyfile(file, folder / file.name)
    (folder / "predictor.py").write_text(_predictor(variant, program), encoding="utf-8")
    (folder / "requirements.txt").write_text(_requirements(program), encoding="utf-8")
    if measured:
        (folder / MEASURED).write_text(json.dumps(measured) + "\n", encoding="utf-8")
    python = ".".join(platform.python_version_tuple()[:2])
    (target / DOCKERFILE).write_text(_DOCKERFILE.format(name=variant, python=python), encoding="utf-8")
    (folder / _WRITTEN).write_text(json.dumps(_digests(target), indent=1) + "\n", encoding="utf-8")


def is_server_changed(folder: Path) -> bool:
    """Whether a file of the server in ``folder`` is not as ``write_server`` wrote it, so that a user has changed it."""
    if not (folder / SERVER).exists() and not (folder / DOCKERFILE).exists():
        return False
    try:
        written = json.loads((folder / SERVER / _WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return bool(written != _digests(folder))


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the server's files by name; what Python leaves is not among them."""
    files = [*(folder / SERVER).iterdir(), folder / DOCKERFILE]
    return {
        file.relative_to(folder).as_posix(): sha256_file(file)
        for file in sorted(files)
        if file.is_file() and file.name != _WRITTEN
    }


def _predictor(variant: str, program: Program) -> str:
    imports = sorted(["import numpy as np", *program.imports], key=lambda line: (line.startswith("from"), line))
    return _PREDICTOR.format(
        variant=variant,
        imports="\n".join(imports),
        load=textwrap.indent(program.load, " " * 4),
        predict=textwrap.indent(program.predict, " " * 8),
    )


def _requirements(program: Program) -> str:
    """The installed versions of all that the server and the program import, and of what these need."""
    modules = [found[1] for line in program.imports if (found := re.match(r"(?:import|from) (\w+)", line))]
    owners = packages_distributions()
    roots = [*_OF_THE_SERVER, *(owner for module in modules for owner in owners.get(module, ()))]
    return "".join(f"{line}\n" for line in _pinned(roots))


def _pinned(roots: Iterable[str]) -> list[str]:
    """``name==version`` of distributions and, in turn, of those that they require here; sorted."""
    found: dict[str, str] = {}
    left = [*roots]
    while left:
        name = canonicalize_name(left.pop())
        if name in found:
            continue
        try:
            found[name] = f"{name}=={version(name).partition('+')[0]}"  # without the local part, such as +cpu
        except PackageNotFoundError:  # required for another system
            continue
        needed = map(Requirement, requires(name) or ())
        left += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return sorted(found.values())
