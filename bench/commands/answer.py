"""Where ``compare`` and ``duel`` write what they found: the terminal, files, and GitHub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import OutputError
from ..console import say
from ..pipeline.arguments import path
from .common import print_answer, refuse_no_file, write_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from ..compare.changes import Comparison
    from ..compare.outcome import Outcome

_SUMMARY = "GITHUB_STEP_SUMMARY"  # a variable of GitHub Actions: the file of the step's summary


def add_answer(add: Callable[..., Any]) -> None:
    """Add the flags."""
    add(
        "--format",
        choices=("text", "md", "json", "github"),
        default="text",
        help="text (default), md, json, or github: Markdown of a comment; within GitHub Actions also the step's summary "
        "and annotations",
    )
    add("-o", "--output", metavar="FILE", type=path, help="write the answer to FILE, and print it as text")
    add("--junit", metavar="FILE", type=path, help="write the rows to FILE as tests, in JUnit XML")


def refuse_unwritable_answer(parsed: argparse.Namespace) -> None:
    """Raise UserError for files that cannot be written: before a duel, not after."""
    for flag in ("output", "junit"):
        if file := getattr(parsed, flag):
            refuse_no_file(file, f"--{flag}")


def give_answer(comparison: Comparison, outcome: Outcome, parsed: argparse.Namespace, *, every_row: bool) -> None:
    """Print and write the comparison as ``parsed`` asks."""
    from ..report.messages.comparison import render_comparison
    from ..report.messages.junit import render_junit

    def rendered(fmt: str) -> str:
        return render_comparison(comparison, fmt, every_row=every_row, outcome=outcome)

    if parsed.junit:
        write_file(render_junit(comparison, lenient=parsed.lenient), parsed.junit, "--junit")
    answer = _for_github(comparison, outcome) if parsed.format == "github" else rendered(parsed.format)
    give_text(answer, rendered("text") if parsed.output else "", parsed.output)


def give_text(answer: str, text: str, output: Path | None) -> None:
    """Print ``answer``; or write it to ``output``, and print ``text``."""
    if output:
        write_file(answer, output, "--output")
    print_answer(text if output else answer)


def _for_github(comparison: Comparison, outcome: Outcome) -> str:
    """The comment; annotations go to standard error, which GitHub Actions reads too, so that they are in no comment."""
    from ..report.messages.github import COMMENT, SUMMARY, annotation_lines, github_markdown

    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotation_lines(comparison):
            say(line)
    if name := os.environ.get(_SUMMARY):
        summary = Path(name)
        try:
            written = summary.stat().st_size if summary.exists() else 0
            text = github_markdown(comparison, outcome, SUMMARY - written, lambda part: len(part.encode()))
            with summary.open("ab") as stream:
                stream.write(text.encode())
        except OSError as error:
            raise OutputError(f"{_SUMMARY}: {name} cannot be written ({error.strerror}); name another file") from error
    return github_markdown(comparison, outcome, COMMENT)
