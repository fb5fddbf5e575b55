"""The undocumented names of pytest-benchmark are where the suites look for them; a later version that moves one is named."""

from types import SimpleNamespace

import pytest
from pytest_benchmark import utils
from pytest_benchmark.storage.file import FileStorage

from deploybench.exporters.errors import UserError
from deploybench.suites import pytest_benchmark_internals
from deploybench.suites.pytest_benchmark_internals import StockSession, as_json


def test_the_installed_version_has_every_name(request):
    StockSession(request.config)  # raises UserError, with the names that have moved


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (FileStorage, "_next_num", "FileStorage._next_num"),
        (FileStorage, "get", "FileStorage.get"),
        (utils, "safe_dumps", "utils.safe_dumps"),
    ],
)
def test_a_name_that_has_moved_is_one_line(request, monkeypatch, owner, name, said):
    monkeypatch.delattr(owner, name)

    with pytest.raises(UserError) as error:
        StockSession(request.config)
    assert f"has no {said}, expected what {pytest_benchmark_internals.READ_FROM} has; install" in str(error.value)


def test_a_session_that_has_moved_is_one_line():
    with pytest.raises(
        UserError, match="has no session.storage, session.save, session.autosave, session.json, expected"
    ):
        StockSession(SimpleNamespace())


def test_what_is_saved_is_ours_and_is_numbered(tmp_path):
    storage = FileStorage(tmp_path, logger=None, default_machine_id="here")
    session = SimpleNamespace(storage=storage, save=None, autosave="run", json=tmp_path / "apart" / "run.json")
    stock, saved = StockSession(SimpleNamespace(_benchmarksession=session)), []
    stock.save_by(lambda content, name: saved.append((content, stock.new_file(name).name)))
    session.storage.save({"a": 1}, "run")

    assert saved == [({"a": 1}, "0001_run.json")]
    assert stock.folders() == [tmp_path / "here", tmp_path / "apart"]
    stock.save_nothing()
    assert stock.folders() == []
    assert as_json({"a": "é"}) == b'{"a":"\\u00e9"}\n'
