"""How to serve a cascade without this project."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING

from ..variant import Program
from .answering import answer_in_stages, chance_of_class, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

CASCADE_FILE = "cascade.json"  # of an artifact: its stages, their thresholds, and what certified them


def program_of(programs: Sequence[Program]) -> Program:
    """Of a cascade whose stages have these ``programs``: each is a function, beside those of ``answering``."""
    loaders = [
        f"def load_stage_{number}(folder, threads):\n{textwrap.indent(one.load, '    ')}\n\n"
        f"    def predict(inputs):\n{textwrap.indent(one.predict, '        ')}\n        return logits\n\n    return predict\n"
        for number, one in enumerate(programs, start=1)
    ]
    calls = ", ".join(f"load_stage_{number}" for number in range(1, len(programs) + 1))
    load = "\n\n".join(
        [
            *(_without_types(inspect.getsource(one)) for one in (answer_in_stages, chance_of_class, shortened)),
            *loaders,
            f"""\
described = json.loads((folder / "{CASCADE_FILE}").read_text(encoding="utf-8"))["stages"]
loaded = {{}}
for load_stage, one in zip([{calls}], described):
    if one["folder"] not in loaded:
        loaded[one["folder"]] = load_stage(folder / one["folder"], threads)
stages = [(loaded[one["folder"]], one["tokens"], one.get("threshold", 0.0)) for one in described]""",
        ]
    )
    imports = dict.fromkeys(["import json", *(line for one in programs for line in one.imports)])
    return Program(imports=tuple(imports), load=load, predict="logits, _ = answer_in_stages(inputs, stages)")


def _without_types(source: str) -> str:
    """The source of a function without annotations, whose names a program does not have."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree)
