"""The study of architectures and variants: no cell of its saved matrix is empty, and a reason is one line."""

import json
import re
from pathlib import Path

from deploybench.suites.studies.matrix.__main__ import VARIANTS
from deploybench.suites.studies.matrix.models import ARCHITECTURES
from deploybench.suites.studies.matrix.shown import render

ROOT = Path(__file__).parents[2]
SAVED = json.loads((ROOT / "results" / "studies" / "matrix.json").read_text(encoding="utf-8"))["architectures"]


def test_no_cell_is_empty():
    assert [*SAVED] == [*ARCHITECTURES]
    for name, row in SAVED.items():
        assert {*row["variants"]} == {*VARIANTS}, name
        assert all("failed" in one or one["parity"]["examples"] >= 4 for one in row["variants"].values()), name


def test_a_reason_is_one_line_and_no_error_of_a_library():
    reasons = {one["failed"] for row in SAVED.values() for one in row["variants"].values() if "failed" in one}

    assert not [reason for reason in reasons if "\n" in reason or re.search(r"\w+(Error|Exception)\b", reason)]


def test_what_is_printed():
    works, fails = {"parity": {}, "notes": []}, {"failed": "X has no Y"}
    found = {
        "A": {
            "texts": ["single", "pairs"],
            "typed": True,
            "padding": "left",
            "variants": {"torch-eager": works, "onnx-fp32": fails, "openvino-int8": works},
        },
        "B": {
            "texts": ["single"],
            "typed": False,
            "padding": "right",
            "variants": {"torch-eager": works, "onnx-fp32": fails, "openvino-int8": {"failed": "Z"}},
        },
    }

    assert render(found) == (
        "| architecture | texts | `torch-eager` | `onnx-fp32` | `openvino-int8` |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| A | single, pairs with types, padded left | ✓ | fails [1] | ✓ labels |\n"
        "| B | single, padded right | ✓ | fails [1] | fails [2] |\n"
        "\n"
        "1. X has no Y\n"
        "2. Z\n"
    )
