"""Python environments as sides of a duel: other packages export and run the same models, with the code of this process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .... import bench
from ....exporters.artifacts.catalogue import find_variant
from ....exporters.errors import UserError
from ...machine.environment import RUNTIMES
from ...worker.client import inherited
from ...worker.interpreter import Interpreter
from .exporting import last_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FLAGS = ("--python-a", "--python-b")
_OLDEST = (3, 11)
_ANSWER_S = 60.0
_MEMRAY = "memray"  # measures memory
# Any Python 3 can read it; the current folder is no place to import from.
_QUESTION = """
import sys
sys.path = [one for one in sys.path if one]
import json
found = {"version": sys.version_info[:2], "python": sys.version.split()[0], "prefix": sys.prefix}
if list(found["version"]) >= json.loads(sys.argv[1]):
    from importlib.util import find_spec
    from deploybench.bench.machine.environment import describe_environment
    found.update(versions=describe_environment()["versions"], lacking=[one for one in sys.argv[2:] if not find_spec(one)])
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An interpreter with its packages."""

    name: str  # as it was given
    interpreter: Interpreter
    prefix: str  # folder of the environment
    facts: Mapping[str, str] = field(
        default_factory=dict
    )  # version of Python and of packages, as ``comparability.FACTS``
    has_memray: bool = True


@contextmanager
def environments(
    pythons: tuple[str, str], variants: Sequence[tuple[str, ...]]
) -> Iterator[tuple[Environment, Environment]]:
    """Both environments, each able to run its ``variants``; raises UserError for one that is not."""
    with tempfile.TemporaryDirectory(prefix="deploybench-duel-") as folder:
        # Of this process's packages nothing but this one: it may be installed beside others, which would come first as well.
        code = Path(folder, "code")
        code.mkdir()
        (code / "deploybench").symlink_to(Path(bench.__path__[0]).parent.resolve())
        base, contender = (_found(*one[:2], code, one[2]) for one in zip(FLAGS, pythons, variants, strict=True))
        yield base, contender


def _found(flag: str, name: str, code: Path, variants: tuple[str, ...]) -> Environment:
    program = shutil.which(name)
    if program is None:
        raise UserError(f"{flag}: {name}: no such program; expected a Python interpreter, such as .venv/bin/python")
    interpreter = Interpreter(python=os.path.abspath(program), code=code)  # noqa: PTH100 - a link into an environment stays
    needed = {module.partition(".")[0]: variant for variant in variants for module in find_variant(variant).imports}
    said = _answer(flag, name, interpreter, ("numpy", _MEMRAY, *needed))
    if tuple(said["version"]) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise UserError(f"{flag}: {name} is Python {said['python']}, expected {oldest} or newer; name another")
    lacking = [module for module in said["lacking"] if module != _MEMRAY]
    if lacking:
        needs = needed.get(lacking[0], variants[0])
        raise UserError(f"{flag}: {name} has no {lacking[0]}, which {needs} needs; install it there, or name another")
    return Environment(
        name=name,
        interpreter=interpreter,
        prefix=said["prefix"],
        facts={"Python": said["python"], **{package: said["versions"][package] for package in RUNTIMES}},
        has_memray=_MEMRAY not in said["lacking"],
    )


def _answer(flag: str, name: str, interpreter: Interpreter, modules: tuple[str, ...]) -> dict[str, Any]:
    """What the interpreter says of itself."""
    command = [interpreter.python, "-c", _QUESTION, json.dumps(_OLDEST), *modules]
    environment = {**inherited(), **interpreter.path}
    try:
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=_ANSWER_S)
        found: dict[str, Any] = json.loads(last_line(said.stdout))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = f" ({last_line(said.stderr)})" if isinstance(error, ValueError) and said.stderr.strip() else ""
        raise UserError(f"{flag}: {name} does not answer as a Python interpreter{why}; name one") from error
    return found
