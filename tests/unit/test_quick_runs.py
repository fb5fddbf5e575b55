"""The saved quick runs, whose texts are timed at their own length: every table, format and command of them."""

import pytest
from shipped import shipped

from deploybench.bench.cli import main
from deploybench.bench.report.messages.first_screen import first_screen
from deploybench.bench.report.render import render
from deploybench.bench.report.tables import TABLES
from deploybench.bench.runs.store import read_run

QUICK = {path.stem: path for path in shipped("studies/quick/*.json")}


@pytest.fixture(params=sorted(QUICK))
def path(request):
    return QUICK[request.param]


def test_there_are_some():
    assert {"minilm-covid", "minilm-newsmix", "albert-base-1x512"} <= QUICK.keys()


@pytest.mark.parametrize("form", ["text", "md", "csv", "latex", "json"])
def test_every_table_can_be_rendered(path, form):
    run = read_run(path)

    assert render(run, form, TABLES).strip()
    for table in TABLES:  # some hold nothing for a quick run
        render(run, form, [table])


def test_the_page_and_the_card_can_be_written(path, tmp_path, capsys):
    assert main(["report", str(path), "--format", "html", "-o", str(tmp_path / "page.html")]) == 0
    assert main(["report", str(path), "--format", "card"]) == 0
    assert "<table" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_screen_ends_with_a_decision(path):
    run = read_run(path)
    lines = first_screen(run).splitlines()

    assert len(lines) <= 40
    assert all(len(line) <= 80 for line in lines if "deploybench" not in line)  # a path is not broken
    assert any(line.startswith("take ") for line in lines)
    assert main(["recommend", str(path)]) == 0
