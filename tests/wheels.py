"""For which Pythons every version in constraints.txt has a wheel for this system; nothing is downloaded or installed.

``python tests/wheels.py`` asks the package registry, which takes a minute, and writes results/studies/wheels.json.
"""

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAVED = ROOT / "results" / "studies" / "wheels.json"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MISSING = re.compile(r"No matching distribution found for (\S+)")


def pins():
    """The lines of constraints.txt, without its comments."""
    return [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1].isalnum()]


def without_wheel(asked, python):
    """Those of ``asked`` that have no wheel for ``python``; pip names one at a time."""
    missing = []
    while True:
        rest = [one for one in asked if one not in missing]
        options = ["--dry-run", "--no-deps", "--ignore-installed", "--only-binary=:all:", f"--python-version={python}"]
        with tempfile.TemporaryDirectory() as unused:
            command = [sys.executable, "-m", "pip", "install", "--quiet", *options, f"--target={unused}", *rest]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return missing
        found = MISSING.search(done.stderr)
        assert found, done.stderr
        missing.append(found[1])


if __name__ == "__main__":
    asked = pins()
    found = {python: without_wheel(asked, python) for python in PYTHONS}
    for python, missing in found.items():
        print(
            f"Python {python}: {len(asked) - len(missing)} of {len(asked)} have a wheel; without: {', '.join(missing) or 'none'}"
        )
    system = f"{platform.system()} {platform.machine()}"
    SAVED.write_text(
        json.dumps({"system": system, "pins": asked, "without_wheel": found}, indent=1) + "\n", encoding="utf-8"
    )
