"""LaTeX tables compile with pdflatex and two usual packages, whatever names are in them, and nothing is cut off."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from shipped import shipped

from deploybench.bench.report.formats.latex import escaped
from deploybench.bench.report.render import render
from deploybench.bench.runs.store import read_run

DATA = Path(__file__).parents[1] / "data"
RUNS = shipped("*/[0-9]*.json")[-3:]
WIDER = 2.0  # points that a line may reach beyond the margin, unseen
HOSTILE = (
    "a\\b{c}d%e$f#g_h~i^j&k<l>m|n\"o'p`q``r--s[t]*!`u,,v\x1b[31m\r\n\t\x00\u202e\u2028\u200b\ud800éŁßçñÅ\u0301真фع"
    "\U0001f600\u0301\U0001d518ﬁ½€№→«»ªµ¿\\\\[2pt]\\*\\end{table}\\input{x}"
)
DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


def compiled(folder, text):
    """What pdflatex says of it."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex: apt-get install --no-install-recommends texlive-latex-base texlive-latex-recommended")
    (folder / "report.tex").write_text(DOCUMENT % text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / "report.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    return log


def is_whole(log):
    """Nothing reaches beyond a page, and every character is there."""
    wide = [float(points) for points in re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", log)]
    assert max(wide, default=0.0) <= WIDER
    assert not re.findall(r"Missing character|Unicode character|Float too large|undefined", log)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name[:4])
def test_every_table_of_a_saved_run(path, tmp_path):
    is_whole(compiled(tmp_path, render(read_run(path), "latex")))


@pytest.mark.parametrize("name", [HOSTILE, HOSTILE * 2, "x" * 300, "[", "*", "-" * 99], ids=range(6))
def test_names_that_are_somebodys(name, tmp_path):
    run = read_run(DATA / "run-schema-1.json")
    checkpoint = replace(run.checkpoint, name=name, labels=(name, f"{name}2"))
    sets = tuple(replace(one, name=name, summary=name) for one in run.sets)
    measured = tuple(replace(one, data=name) if one.data else one for one in run.measurements)
    variants = {one: replace(info, failed=info.failed and name) for one, info in run.variants.items()}
    hostile = replace(run, checkpoint=checkpoint, sets=sets, measurements=measured, variants=variants)

    is_whole(compiled(tmp_path, render(hostile, "latex")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"50 % of a_b\c", r"50 \% of a\_b\textbackslash{}c"),
        ("--all ---", "-{}-all -{}-{}-"),
        ("café, Ź", r"caf\'{e}, \'{Z}"),
        ("真\U0001f600", r"\textbackslash{}u771f\textbackslash{}U0001f600"),
        ("0.1 µs ±2 × 3†", r"0.1 \ensuremath{\mu}s \ensuremath{\pm}2 \ensuremath{\times} 3\ensuremath{\dagger}"),
        ("``a''", "{`}{`}a{'}{'}"),
    ],
)  # fmt: skip
def test_text_is_shown_as_it_is(text, expected):
    assert escaped(text) == expected
