"""The README's tables are what `deploybench report` prints of the saved runs that it names."""

import re
from pathlib import Path

import pytest

from bench.report.render import render
from bench.store import read_run

ROOT = Path(__file__).parents[1]
TABLE = re.compile(r"<!-- deploybench report (\S+) --format md --table (\S+) -->\n(.*?)<!-- end -->", re.DOTALL)
TABLES = TABLE.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_readme_shows_tables():
    assert len(TABLES) >= 3


@pytest.mark.parametrize(("run", "tables", "text"), TABLES)
def test_a_table_is_the_saved_runs(run, tables, text):
    assert text.strip() == render(read_run(ROOT / run), "md", tuple(tables.split(","))).strip()


def test_saved_runs_hold_no_path_of_a_machine():
    for path in (ROOT / "results").rglob("*.json"):
        assert "/work/" not in path.read_text(encoding="utf-8"), path
