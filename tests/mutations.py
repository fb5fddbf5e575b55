"""Faults put into the code on purpose, one at a time: which of them do the tests find?

``python tests/mutations.py [ID...]`` applies those of ``results/studies/mutations.json`` to a copy of HEAD and runs the tests
named with each: red is found. A fragment that is no longer there is reported as such: write the fault anew.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "results" / "studies" / "mutations.json"


def main(ids):
    """The number of faults that no test found."""
    faults = json.loads(STUDY.read_text(encoding="utf-8"))["mutations"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", copy, "HEAD"], check=True)
        try:
            found = [_try(copy, fault) for fault in faults if not ids or fault["id"] in ids]
        finally:
            subprocess.run([*git, "remove", "--force", copy], check=True)
    print(f"{found.count('red')} of {len(found)} are found")
    return len(found) - found.count("red")


def _try(copy, fault):
    file = copy / fault["file"]
    whole = file.read_text(encoding="utf-8") if file.is_file() else ""
    if whole.count(fault["find"]) != 1:
        state = "fragment not found"
    else:
        file.write_text(whole.replace(fault["find"], fault["replace"]), encoding="utf-8")
        tests = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *fault["tests"]]
        own = {**os.environ, "PYTHONPATH": str(copy)}
        ended = subprocess.run(tests, check=False, cwd=copy, env=own, capture_output=True)
        file.write_text(whole, encoding="utf-8")
        state = {0: "green", 1: "red"}.get(ended.returncode, f"pytest ended with {ended.returncode}")
    print(f"{fault['id']:4} {state:6} {fault['what']}", flush=True)
    return state


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
