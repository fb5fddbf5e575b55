"""A baseline: what is restored is what was saved, to the last byte, and what is no baseline is refused in one line."""

import json
import shutil
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from several import save_models
from shipped import shipped

from deploybench.bench.cli import main
from deploybench.bench.runs.store import read_run, run_block
from deploybench.exporters.artifacts.artifact import read_artifact
from deploybench.exporters.variant import MANIFEST

DATA = Path(__file__).parents[1] / "data"
ENTRY = "run/0001_run.json"
SHIPPED = next(iter(shipped("Linux-*/0022*.json")))


@pytest.fixture
def run(tmp_path):
    """The file of a run, with predictions beside it."""
    saved = replace(read_run(DATA / "run-schema-1.json"), predictions="predictions_a.parquet")
    folder = tmp_path / "results" / "Linux"
    folder.mkdir(parents=True)
    (folder / "predictions_a.parquet").write_bytes(b"PAR1")
    file = folder / "0001_run.json"
    file.write_text(json.dumps({"datetime": "2026-11-29T12:00:00+00:00", "deploybench": run_block(saved)}))
    return file


def make_artifact(folder, run, **changes):
    """A made-up artifact of the run's checkpoint."""
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"weights" * 1_000)
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    files = {"model.onnx": {"size": 7_000, "sha256": sha256(b"weights" * 1_000).hexdigest()}}
    facts = {"schema_version": 1, "variant": "onnx-fp32", "fingerprint": "f", "files": files, "labels": ["a", "b"]}
    facts |= {"checkpoint_sha256": read_run(run).checkpoint.sha256, **changes}
    (folder / MANIFEST).write_text(json.dumps(facts))
    return folder


@pytest.fixture
def saved(run, tmp_path):
    """A baseline with one artifact."""
    make_artifact(tmp_path / "artifacts" / "onnx-fp32", run)
    file = tmp_path / "baseline.zip"
    assert main(["baseline", "save", str(file), str(run), "--artifacts", str(tmp_path / "artifacts")]) == 0
    return file


def contents(folder):
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def rewritten(file, change):
    """The baseline with the entries that ``change`` makes of them, each with a right CRC."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in change(entries).items():
            archive.writestr(name, content)
    return file


def renamed(name):
    """A change: the run's file has another name, in the manifest too."""

    def change(entries):
        manifest = json.loads(entries["baseline.json"])
        manifest["files"][name] = manifest["files"].pop(ENTRY)
        manifest["run"] = name
        return {
            **{name if one == ENTRY else one: content for one, content in entries.items()},
            "baseline.json": json.dumps(manifest).encode(),
        }

    return change


def manifest_with(**fields):
    return lambda entries: {
        **entries,
        "baseline.json": json.dumps({**json.loads(entries["baseline.json"]), **fields}).encode(),
    }


def test_what_is_restored_is_what_was_saved(run, saved, tmp_path, capsys):
    to = tmp_path / "base"
    capsys.readouterr()

    assert main(["baseline", "restore", str(saved), "--to", str(to)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{to / ENTRY}\n"
    assert err == f"artifacts, for --confirm: {to / 'artifacts'}\n"
    found = contents(to)
    assert found.pop("baseline.json")
    assert found == {
        **{f"run/{name}": content for name, content in contents(run.parent).items()},
        **{f"artifacts/{name}": content for name, content in contents(tmp_path / "artifacts").items()},
    }
    assert read_artifact(to / "artifacts" / "onnx-fp32").size == 7_000
    assert read_run(to / ENTRY).plan == read_run(run).plan
    assert main(["baseline", "restore", str(saved), "--to", str(to)]) == 0  # again, as a cache does


def test_a_command_that_wants_a_run_says_what_to_do_with_a_baseline(run, saved, capsys):
    for command in (["compare", str(saved), str(run)], ["compare", str(run), str(saved)], ["report", str(saved)]):
        capsys.readouterr()
        assert main(command) == 2
        err = capsys.readouterr().err
        assert err.endswith("expected a saved run; of a baseline, the one that baseline restore writes\n")
        assert err.count("\n") == 1


def test_the_same_content_gives_the_same_bytes(run, saved, tmp_path):
    other = tmp_path / "other.zip"
    shutil.copytree(tmp_path / "artifacts", tmp_path / "copied")
    (tmp_path / "copied" / "onnx-fp32" / "model.onnx").touch()
    main(["baseline", "save", str(other), str(run), "--artifacts", str(tmp_path / "copied" / "onnx-fp32")])

    assert other.read_bytes() == saved.read_bytes()


def test_a_run_of_several_models(tmp_path, capsys):
    run = save_models(tmp_path)
    file, to = tmp_path / "baseline.zip", tmp_path / "base"

    assert main(["baseline", "save", str(file), str(tmp_path / "results")]) == 0
    assert main(["baseline", "restore", str(file), "--to", str(to)]) == 0
    assert contents(to / "run") == contents(run.parent)
    capsys.readouterr()
    assert main(["compare", str(to / "run" / run.name), str(run)]) == 0
    assert main(["baseline", "save", str(file), str(run), "--artifacts", str(tmp_path)]) == 2
    assert "--artifacts: is of one model" in capsys.readouterr().err


def test_predictions_that_are_missing_are_told(run, tmp_path, capsys):
    (run.parent / "predictions_a.parquet").unlink()

    assert main(["baseline", "save", str(tmp_path / "b.zip"), str(run)]) == 0
    assert "left out: predictions_a.parquet, which is not beside the run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes", [{"checkpoint_sha256": "another"}, {"variant": "of-no-plan"}, {"files": {"model.onnx": {"size": 1}}}]
)
def test_artifacts_of_something_else_are_refused(run, tmp_path, changes, capsys):
    folder = make_artifact(tmp_path / "artifacts" / "onnx-fp32", run, **changes)

    assert main(["baseline", "save", str(tmp_path / "b.zip"), str(run), "--artifacts", str(folder)]) == 2
    assert (
        f"--artifacts: {folder} holds no whole artifact of this run, expected some of torch" in capsys.readouterr().err
    )
    assert not (tmp_path / "b.zip").exists()


def test_a_run_that_names_a_file_elsewhere_is_not_saved(run, tmp_path, capsys):
    (tmp_path / "secret").write_text("")
    content = json.loads(run.read_text())
    content["deploybench"]["predictions"] = "../../secret"
    run.write_text(json.dumps(content))

    assert main(["baseline", "save", str(tmp_path / "b.zip"), str(run)]) == 2
    assert "cannot hold 'run/../../secret', expected a plain name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entries: {**entries, ENTRY: b"x" * len(entries[ENTRY])}, "run/0001_run.json was changed"),
        (lambda entries: {**entries, ENTRY: b"x"}, "run/0001_run.json has another size"),
        (lambda entries: {**entries, "run/more": b""}, "its files are not those of baseline.json"),
        (lambda entries: {name: one for name, one in entries.items() if name != ENTRY}, "its files are not those"),
        (lambda entries: {"model.onnx": b"x"}, "it holds no baseline.json"),
        (renamed("../run.json"), "'../run.json' is no name of a file within a baseline"),
        (renamed("run/../../run.json"), "is no name of a file"),
        (renamed("/tmp/run.json"), "is no name of a file"),
        (renamed("run/C:\\run.json"), "is no name of a file"),
        (renamed("run//run.json"), "is no name of a file"),
        (renamed("else/run.json"), "is no name of a file"),
        (manifest_with(run="run/no.json"), "the saved run is missing"),
        (manifest_with(files={}), "its files are not those"),
        (manifest_with(files=3), "baseline.json.files is 3"),
        (manifest_with(schema_version=2), "schema_version is 2, this deploybench reads 1; update deploybench"),
        (lambda entries: {**entries, "baseline.json": b"[]"}, "baseline.json is []"),
        (lambda entries: {**entries, "baseline.json": b"{"}, "no baseline, or a damaged one (Expecting property"),
    ],
)
def test_a_changed_baseline_is_refused_in_one_line(saved, tmp_path, change, said, capsys):
    before = contents(tmp_path)
    rewritten(saved, change)
    capsys.readouterr()

    assert main(["baseline", "restore", str(saved), "--to", str(tmp_path / "base")]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"deploybench: error: {saved}: ")
    assert err.count("\n") == 1
    assert said in err
    assert contents(tmp_path).keys() == before.keys()  # nothing is left


def test_a_damaged_or_foreign_file_is_refused_in_one_line(saved, tmp_path, capsys):
    whole = saved.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"weights")] ^= 1
    for content in (b"", b"text", whole[: len(whole) // 2], whole[:-5], bytes(flipped), b"PK\x05\x06" + bytes(18)):
        saved.write_bytes(content)
        capsys.readouterr()
        assert main(["baseline", "restore", str(saved), "--to", str(tmp_path / "base")]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"deploybench: error: {saved}: no baseline, or a damaged one (")
        assert err.count("\n") == 1
        assert not (tmp_path / "base").exists()
    for missing, found in ((tmp_path / "none.zip", "no such file"), (tmp_path, "is a folder")):
        assert main(["baseline", "restore", str(missing)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"deploybench: error: {missing}: {found}; expected one written by")


def test_a_folder_with_other_files_is_never_replaced(saved, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("notes.txt", "baseline.json", "run"):
        (mine / name).write_text("mine")
    for place in (mine, mine / "notes.txt"):
        assert main(["baseline", "restore", str(saved), "--to", str(place)]) == 2
        assert f"--to: {place} holds other files, expected a new folder" in capsys.readouterr().err
    assert contents(mine) == dict.fromkeys(("notes.txt", "baseline.json", "run"), b"mine")


def test_a_file_that_cannot_be_made_is_refused(run, tmp_path, capsys):
    assert main(["baseline", "save", str(tmp_path), str(run)]) == 2
    assert f"baseline save: {tmp_path} cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["baseline", "save", "RUN", "results"],
        ["report", "RUN", "--output", "RUN"],
        ["report", "RUN", "--format", "bencher", "--output", "RUN"],
        ["compare", "RUN", "OTHER", "--output", "RUN"],
        ["compare", "RUN", "OTHER", "--junit", "OTHER"],
    ],
)
def test_a_saved_run_is_never_written_over(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    files = {"RUN": tmp_path / "results" / "0001_a.json", "OTHER": tmp_path / "results" / "0002_b.json"}
    (tmp_path / "results").mkdir()
    for file in files.values():
        shutil.copy(SHIPPED, file)
    before = contents(tmp_path)

    assert main([str(files.get(one, one)) for one in command]) == 2
    assert "is a saved run, which would be lost; name another file\n" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_a_file_that_is_no_baseline_is_not_replaced_by_one(run, tmp_path, capsys):
    claims = tmp_path / "claims.toml"
    claims.write_text("[[claim]]\n")

    assert main(["baseline", "save", str(claims), str(run)]) == 2
    assert f"{claims} is no baseline, and would be lost; name another file" in capsys.readouterr().err
    assert claims.read_text() == "[[claim]]\n"
