"""A virtual environment with extras of the project and nothing else, made of links to what is installed: no network, no copies."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def bare_environment(folder, *extras):
    """The interpreter of a new environment with the base install, and ``extras``."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    for name in _needed(extras):
        for entry in _entries(name):
            if not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
    (site / "deploybench").symlink_to(ROOT / "deploybench")
    script = folder / "bin" / "deploybench"
    script.write_text(f"#!{folder}/bin/python\nimport sys\nfrom deploybench.bench.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    return folder / "bin" / "python"


def _needed(extras):
    """The distributions that pyproject.toml asks for, and all that these ask for."""
    own = {extra: PROJECT["optional-dependencies"][extra] for extra in extras}
    waiting = [*PROJECT["dependencies"], *(line for lines in own.values() for line in lines)]
    found = {}
    while waiting:
        asked = Requirement(waiting.pop())
        name = re.sub("[-_.]+", "-", asked.name).lower()
        wanted = {"", *asked.extras} - found.get(name, set())
        if not _applies(asked) or not wanted:
            continue
        found.setdefault(name, set()).update(wanted)
        if name == "deploybench":
            waiting += [line for extra in asked.extras for line in PROJECT["optional-dependencies"][extra]]
            continue
        for line in distribution(name).requires or ():
            marker = Requirement(line).marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted):
                waiting.append(line.partition(";")[0])
    return sorted(found.keys() - {"deploybench"})


def _applies(asked):
    return asked.marker is None or asked.marker.evaluate({"extra": ""})


def _entries(name):
    """What a distribution has at the top of site-packages."""
    found = distribution(name)
    tops = {file.parts[0] for file in found.files or () if ".." not in file.parts and file.parts[0] != "__pycache__"}
    return [Path(found.locate_file(top)) for top in sorted(tops)]
