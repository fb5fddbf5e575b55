"""The README files, and the blocks in them that a command prints.

A block stands between ``<!-- COMMAND -->`` and ``<!-- end -->``. ``python tests/documents.py`` writes every block again, after a
change of a table or of its notes; run it from an environment that has the project.
"""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import NamedTuple

from deploybench.bench import cli
from deploybench.bench.report.render import render_tables
from deploybench.suites.studies.matrix.shown import render as render_matrix
from deploybench.suites.studies.models.shown import tables as models_tables
from deploybench.suites.studies.sharing.shown import accuracy_table, costs_tables

ROOT = Path(__file__).parents[1]
ROOMS = ("bench", "exporters", "suites", "results", "tests")
DOCUMENTS = (ROOT / "README.md", *(ROOT / room / "README.md" for room in ROOMS))
BLOCK = re.compile(r"(?<=<!-- )((?:deploybench|python -m|excerpt of) [^\n]*)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
EXCERPT = re.compile(r"excerpt of deploybench (.*); columns: (.*); notes: (.*)")
SHARING = "python -m deploybench.suites.studies.sharing --only show --format md"
MATRIX = "python -m deploybench.suites.studies.matrix --show"
MODELS = "python -m deploybench.suites.studies.models --format md"


class Block(NamedTuple):
    document: str
    command: str
    text: str


def blocks():
    """Those of all documents."""
    return [
        Block(path.relative_to(ROOT).as_posix(), command, text)
        for path in DOCUMENTS
        for command, _, text in BLOCK.findall(path.read_text(encoding="utf-8"))
    ]


def made(command):
    """What ``command`` prints, as it stands in a document."""
    if command == SHARING:
        return _sharing()
    if command == MATRIX:
        return _matrix()
    if command == MODELS:
        return _models()
    if found := EXCERPT.fullmatch(command):
        asked, columns, notes = found.groups()
        return _excerpt(_printed(asked), columns.split(" | "), notes.split(" | "))
    arguments = command.removeprefix("deploybench ")
    text = _printed(arguments)
    return f"```\n{text}\n```\n" if arguments.startswith("compare ") else f"{text}\n"


def _printed(arguments):
    """Paths are relative to the project; the exit code is 0."""
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) as out:
        code = cli.main(arguments.split())
        out.flush()
        assert code == 0, arguments
        return out.buffer.getvalue().decode().strip()


def _excerpt(text, columns, notes):
    """The first column and those whose heads begin with ``columns``; of the notes, those that begin with ``notes``."""
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    heads = [head.strip() for head in rows[0]]
    kept = [0, *(_only(place for place, head in enumerate(heads) if head.startswith(column)) for column in columns)]
    said = [_only(line for line in text.splitlines() if line.startswith(f"- {note}:")) for note in notes]
    return "\n".join([*("|".join(["", *(row[place] for place in kept), ""]) for row in rows), "", *said, ""])


def _only(found):
    [one] = found
    return one


def _matrix():
    saved = ROOT / "results" / "studies" / "matrix.json"
    return render_matrix(json.loads(saved.read_text(encoding="utf-8"))["architectures"])


def _models():
    saved = ROOT / "results" / "studies" / "models.json"
    return render_tables(models_tables(json.loads(saved.read_text(encoding="utf-8"))), (), "md").strip() + "\n"


def _sharing():
    """Without the plots, which the command writes as well."""
    costs, accuracy = (
        json.loads((ROOT / "results" / "studies" / f"sharing-{part}.json").read_text(encoding="utf-8"))
        for part in ("costs", "accuracy")
    )
    return render_tables([*costs_tables(costs), accuracy_table(accuracy)], (), "md").strip() + "\n"


if __name__ == "__main__":
    for path in DOCUMENTS:
        old = path.read_text(encoding="utf-8")
        path.write_text(BLOCK.sub(lambda found: found[1] + found[2] + made(found[1]), old), encoding="utf-8")
