"""A comparison as JUnit XML, which CI servers show as tests: a suite with one test case for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ...printable import printable
from .comparison import place_name, row_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...compare.changes import Comparison
    from ...compare.judging import Change, Verdict

_RESULTS: Mapping[Verdict, str] = {
    "worse": "failure",
    "missing": "error",
    "failed": "error",
    "not comparable": "skipped",
}  # the others pass
_LENIENT: Mapping[Verdict, str] = {**_RESULTS, "missing": "skipped"}


def render_junit(comparison: Comparison, *, lenient: bool = False) -> str:
    """The rows as test cases: a failure where worse, an error where missing or failed, skipped where not comparable.

    ``lenient``: missing rows are skipped as well.
    """
    results = _LENIENT if lenient else _RESULTS
    found = [results.get(change.verdict, "") for change in comparison.changes]
    counts = {"tests": len(found), "failures": found.count("failure"), "errors": found.count("error")}
    attributes = {key: str(count) for key, count in counts.items()}
    root = ET.Element("testsuites", name="deploybench", attrib=attributes)
    name = printable(f"{comparison.base} against {comparison.contender}")
    suite = ET.SubElement(root, "testsuite", name=name, skipped=str(found.count("skipped")), attrib=attributes)
    for change, result in zip(comparison.changes, found, strict=True):
        _add_case(suite, change, result)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_case(suite: ET.Element, change: Change, result: str) -> None:
    variant, what, base, contender, difference, word = row_cells(change, place_name(change))
    case = ET.SubElement(suite, "testcase", classname=variant, name=f"{variant} {what}")
    figures = f"{base} → {contender} ({difference})" if difference else ""
    reason = printable(change.reason)
    said = ": ".join(filter(None, (word, figures, reason)))
    if result:
        ET.SubElement(case, result, type=word, message=said)
    elif figures:
        ET.SubElement(case, "system-out").text = said
