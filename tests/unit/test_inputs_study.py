"""The study of inputs: its figures in the documents are those of its file, and none of them is a difference."""

import json
from pathlib import Path

from deploybench.suites.studies.inputs.__main__ import render

ROOT = Path(__file__).parents[2]
SAVED = json.loads((ROOT / "results" / "studies" / "inputs.json").read_text(encoding="utf-8"))


def test_nothing_differs_from_plain_transformers():
    assert SAVED["failed"] == []
    assert len(SAVED["architectures"]) > 100


def test_the_documents_say_what_the_file_holds():
    first = render(SAVED["architectures"]).splitlines()[0]

    assert first in (ROOT / "exporters" / "README.md").read_text(encoding="utf-8").replace("\n", " ")


def test_what_is_printed():
    found = {
        "a": {"one way": "equal", "another": "equal"},
        "b": {"one way": "refused: config.json: no; write it", "another": "equal"},
        "c": {"one way": "differ: by 1.0e-01", "another": "refused: config.json: no; write it"},
        "d": {"not built": "too large"},
    }

    assert render(found) == (
        "4 architectures, 3 built, 6 checkpoints: 3 equal, 2 refused, 1 differ\n"
        "equal however they are saved: 1 architectures; equal in no way of saving: 1 (c)\n"
        "  c: refused: config.json: no; write it\n"
        "  c: differ: by 1.0e-01\n"
        "  d: not built: too large\n"
    )
