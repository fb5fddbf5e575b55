"""Anyone's files of pytest-benchmark, made here by pytest-benchmark: compared as far as they go."""

import json
import subprocess
import sys

import pytest

from deploybench.bench import cli
from deploybench.bench.compare.stock import read_stock
from deploybench.exporters.errors import RunFileError

SUITE = """
import pytest

@pytest.mark.parametrize("size", [10, 1000])
def test_sum(benchmark, size):
    benchmark.pedantic(sum, args=(range(size),), rounds=5)

def test_that_fails(benchmark):
    benchmark(lambda: 1 / 0)
"""
ROW = ("test_anyones.py::test_sum[10]", "latency", None, None)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Three files as pytest-benchmark saves them: one without raw values, two with."""
    folder = tmp_path_factory.mktemp("stock")
    (folder / "test_anyones.py").write_text(SUITE)
    for flags in ([], ["--benchmark-save-data"], ["--benchmark-save-data"]):
        command = [sys.executable, "-m", "pytest", ".", "-q", "-p", "no:cacheprovider", "--rootdir=."]
        subprocess.run([*command, "--benchmark-autosave", *flags], cwd=folder, capture_output=True, check=False)
    bare, *full = sorted((folder / ".benchmarks").rglob("*.json"))
    return bare, *full


def compare(capsys, *arguments):
    code = cli.main(["compare", *map(str, arguments)])
    captured = capsys.readouterr()
    assert max(map(len, captured.out.splitlines()), default=0) <= 80
    return code, " ".join((captured.out or captured.err).split())


def changed(path, folder, change):
    saved = json.loads(path.read_text(encoding="utf-8"))
    change(saved)
    copy = folder / "changed.json"
    copy.write_text(json.dumps(saved), encoding="utf-8")
    return copy


def test_rows_are_benchmarks_by_their_full_names(stock):
    bare, full, _ = map(read_stock, stock)

    assert len(full.rows) == len(bare.rows) == 2  # what failed, pytest-benchmark does not save
    assert (len(full.rows[ROW].values), len(bare.rows[ROW].values)) == (5, 1)
    assert (full.summarised, bare.summarised) == (frozenset(), frozenset(bare.rows))
    assert {"cores", "system", "Python"} <= set(full.facts)


def test_rounds_of_one_process_show_no_change(stock, capsys):
    code, text = compare(capsys, *stock[1:])

    assert code == 4
    assert text.count("test_sum[") == 4  # twice in the table, though there is no verdict, and twice in the reason
    assert "one process per side: its rounds cannot separate a change from chance" in text
    assert "incomparable: 2 rows" in text
    assert compare(capsys, *stock[1:], "--lenient")[0] == 3  # nothing was compared, so no gate passes


def test_without_raw_values_the_message_names_the_flag(stock, capsys):
    code, text = compare(capsys, stock[0], stock[1])

    assert code == 4
    assert "no raw values were saved (run pytest-benchmark with --benchmark-save-data)" in text


def test_another_cpu_and_a_row_that_vanished(stock, tmp_path, capsys):
    def change(saved):
        saved["machine_info"]["cpu"]["brand_raw"] = "another"
        del saved["benchmarks"][0]

    moved = changed(stock[1], tmp_path, change)
    (tmp_path / "base").mkdir()
    base = changed(stock[1], tmp_path / "base", lambda saved: saved["machine_info"]["cpu"].update(brand_raw="this"))
    code, text = compare(capsys, base, moved)

    assert code == 3
    assert "CPU: this against another" in text
    assert "incomplete: 1 row missing" in text


def test_ours_is_a_stock_file_as_well(stock, tmp_path, capsys):
    ours = changed(stock[1], tmp_path, lambda saved: saved.update(deploybench={"schema_version": 1}))

    assert compare(capsys, stock[1], ours)[0] == compare(capsys, ours, stock[1])[0] == 4


def test_a_size_in_our_file_is_no_time(stock, tmp_path):
    saved = changed(stock[1], tmp_path, lambda saved: saved["benchmarks"][0].update(extra_info={"unit": "B"}))

    assert len(read_stock(saved).rows) == 1


def unnamed(saved):
    """As pytest-benchmark writes it on ARM where there is no lscpu; the model is a revision."""
    saved["machine_info"]["cpu"] = {"arch": "ARM_8", "arch_string_raw": "aarch64", "count": 2, "model": 1}


@pytest.mark.parametrize(
    ("change", "unknown"),
    [
        (unnamed, True),
        (lambda saved: saved["machine_info"].update(cpu={"brand_raw": "Neoverse-N1", "model": 1}), False),
        (lambda saved: saved["machine_info"].update(cpu={"family": 6, "model": 85}), False),
        (lambda saved: saved["machine_info"].pop("cpu"), False),  # files from before there was one forbid nothing
    ],
    ids=["unnamed", "named", "numbered", "not recorded"],
)
def test_two_unknown_processors_are_not_one(stock, tmp_path, capsys, change, unknown):
    files = []
    for side, path in zip(("base", "contender"), stock[1:], strict=True):
        (tmp_path / side).mkdir()
        files.append(changed(path, tmp_path / side, change))
    _, text = compare(capsys, *files)

    assert ("the CPU is unknown in both and may not be the same" in text) is unknown
    assert ("one process per side" in text) is not unknown


@pytest.mark.parametrize("name", ["test_anyones.py::test_sum[10]", "two\nlines"])
def test_a_name_that_is_there_twice_is_one_line(stock, tmp_path, capsys, name):
    def double(saved):
        saved["benchmarks"][1]["fullname"] = saved["benchmarks"][0]["fullname"] = name

    path = changed(stock[1], tmp_path, double)
    for files in ((path, stock[2]), (stock[2], path)):
        assert cli.main(["compare", *map(str, files)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert f"{path}: benchmark {name!r} appears twice, expected each name once" in line


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved.update(benchmarks=[3]),
        lambda saved: saved["benchmarks"][0].pop("fullname"),
        lambda saved: saved["benchmarks"][0]["stats"].update(data=["x"]),
        lambda saved: saved["benchmarks"][0]["stats"].update(data=[float("nan")]),
        lambda saved: saved["benchmarks"][0].update(stats=None),
        lambda saved: saved.update(machine_info=[1]),
    ],
)
def test_what_pytest_benchmark_does_not_write_is_one_line(stock, tmp_path, change):
    with pytest.raises(RunFileError) as raised:
        read_stock(changed(stock[1], tmp_path, change))
    assert "not a valid file of pytest-benchmark" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_neither_is_refused(tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text("{}")
    code, text = compare(capsys, path, path)

    assert code == 2
    assert "no 'deploybench' block" in text
