"""Shards of a scoring: merged, the file is to the last byte that of one machine; what does not belong together is refused."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from deploybench.bench import cli
from deploybench.bench.score.plan import read_plan
from deploybench.bench.score.record import Record, read_record, with_record
from deploybench.bench.score.shard import Shard, find_shards, read_shard
from deploybench.bench.score.source import find_source
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.errors import DataError, UserError

ROWS = 2 * 1024 + 300  # three chunks


@pytest.fixture(scope="module")
def command(score_command):
    """The command line up to the file."""
    return score_command("onnx-int8-dynamic")


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    """A file of three chunks, with rows that have no text."""
    folder = tmp_path_factory.mktemp("posts")
    texts = list(corpus.corpus("train")[0])
    texts = [" " if index % 900 == 7 else texts[index % len(texts)] for index in range(ROWS)]
    pd.DataFrame({"id": range(ROWS), "text": texts}).to_csv(folder / "posts.csv", index=False)
    return folder / "posts.csv"


@pytest.fixture(scope="module")
def whole(command, posts):
    """What one machine makes of the file."""
    output = posts.with_name("whole.parquet")
    assert cli.main([*command, str(posts), "--drop-bad-rows", "-o", str(output)]) == 0
    return output


@pytest.mark.parametrize("count", [1, 4])
def test_merged_they_are_the_file_of_one_machine_whatever_their_number_and_order(
    command, posts, whole, tmp_path, capsys, count
):
    """Of four, one has no chunk."""
    numbers = list(range(1, count + 1))
    random.Random(count).shuffle(numbers)
    output = tmp_path / "labels.parquet"
    for number in numbers:
        shard = f"--shard={number}/{count}"
        assert cli.main([*command, str(posts), "--drop-bad-rows", shard, "-o", str(output)]) == 0
    capsys.readouterr()
    assert not output.exists()

    assert cli.main(["score", "--merge", "-o", str(output)]) == 0

    assert output.read_bytes() == whole.read_bytes()
    labels = pd.read_parquet(output)["label"].value_counts()
    shards = "1 shard" if count == 1 else f"{count} shards"
    said = f"{shards}, {ROWS:,} rows\nlabels: {labels['fake']:,} fake, {labels['real']:,} real\n"
    assert capsys.readouterr().out == said


def test_a_killed_shard_goes_on_where_it_was(command, posts, whole, tmp_path):
    output, shard = tmp_path / "labels.parquet", ["--shard=2/2", "--drop-bad-rows"]
    start = [sys.executable, "-m", "deploybench.bench.cli", *command, str(posts), *shard, "-o", str(output)]
    parts = tmp_path / ".labels-00002-of-00002.parquet.parts"
    process = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(parts.glob("0*.parquet")) and process.poll() is None:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not Shard(2, 2).file(output).exists()

    done = subprocess.run(start, check=True, capture_output=True, text=True)
    assert "reused: " in done.stderr
    assert done.stdout.startswith("shard 2/2: ")
    assert cli.main([*command, str(posts), "--drop-bad-rows", "--shard=1/2", "-o", str(output)]) == 0
    assert cli.main(["score", "--merge", "-o", str(output)]) == 0
    assert output.read_bytes() == whole.read_bytes()


def test_a_folder_of_files_of_all_kinds_is_one_source(command, tmp_path, capsys):
    texts = list(corpus.corpus("test")[0][:60])
    folder = tmp_path / "posts"
    (folder / "b").mkdir(parents=True)
    pd.DataFrame({"text": texts[:20]}).to_csv(folder / "a.csv", index=False)
    pd.DataFrame({"text": texts[20:45]}).to_parquet(folder / "b" / "c.parquet")
    pd.DataFrame({"text": texts[45:]}).to_json(folder / "d.jsonl", orient="records", lines=True)
    (folder / "_SUCCESS").touch()
    (folder / ".hidden").write_text("x")

    for arguments in (
        ["-o", "all.parquet"],
        ["-o", "labels.parquet", "--shard=1/2"],
        ["-o", "labels.parquet", "--shard=2/2"],
    ):
        paths = [str(tmp_path / one) if one.endswith("parquet") else one for one in arguments]
        assert cli.main([*command, str(folder), *paths]) == 0
    assert cli.main(["score", "--merge", "-o", str(tmp_path / "labels.parquet")]) == 0

    made = pd.read_parquet(tmp_path / "labels.parquet")
    assert made["file"].tolist() == ["a.csv"] * 20 + ["b/c.parquet"] * 25 + ["d.jsonl"] * 15
    assert made["row"].tolist() == [*range(1, 21), *range(1, 26), *range(1, 16)]
    assert (tmp_path / "labels.parquet").read_bytes() == (tmp_path / "all.parquet").read_bytes()


def test_the_shards_of_a_folder_must_be_read_alike(tmp_path):
    (tmp_path / "a.csv").write_text("text\nx\n")
    (tmp_path / "b.csv").write_text("title,content\nx,y\n")
    source = find_source(tmp_path)
    expected = "b.csv: texts are 'title' + 'content', expected 'text' as in "
    with pytest.raises(DataError, match=re.escape(expected)):
        source.columns(None)
    (tmp_path / "b.csv").rename(tmp_path / "b.txt")
    with pytest.raises(DataError, match=r"b\.txt: suffix '\.txt' is not read; save it as \.csv, "):
        find_source(tmp_path).columns(None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no tables in this folder, expected files that end in \.csv"):
        find_source(tmp_path / "empty")


def test_a_shard_says_what_answered(command, posts, tmp_path):
    output = tmp_path / "labels.parquet"
    arguments = [str(posts), "--drop-bad-rows", "--plan=longest/4/1x1", "--shard=3/3", "-o", str(output)]
    assert cli.main([*command, *arguments]) == 0

    record = read_record(Shard(3, 3).file(output))
    [answered] = record.answered_by
    assert record.asked["variant"] == "onnx-int8-dynamic"
    assert (answered["padding"], answered["batch_size"], answered["threads"]) == ("longest", 4, 1)
    assert len(answered["artifact"]) == 64
    assert {"isa", "kernels", "onnxruntime", "tokenizers"} <= {*answered}
    assert (record.shard["first"], record.shard["rows"]) == (2 * 1024 + 1, 300)
    assert "int8" in record.shard["executed"]


def write_shard(output, number, count, *, executed=("int8",), source="a", **answered):
    """The file of a shard, of one row."""
    record = Record(
        asked={"source": source, "variant": "onnx-int8-dynamic"},
        answered_by=({"artifact": "f", "isa": "avx2", **answered},),
        shard={"number": number, "count": count, "first": number, "rows": 1, "executed": dict.fromkeys(executed, 1)},
    )
    table = pa.table({"row": [number], "label": ["real"]})
    path = Shard(number, count).file(output)
    parquet.write_table(table.cast(with_record(table.schema, record)), path)
    return path


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ([], "--merge: found no shards of labels.parquet, expected files such as labels-00001-of-00016.parquet beside it"),
        ([{"number": 1}], "--merge: found 1 of 2 shards of labels.parquet; score --shard 2/2"),
        ([{"number": 2, "count": 9}], "found 1 of 9 shards of labels.parquet; score --shard 1/9, 3/9, 4/9, 5/9, 6/9 and 3 more"),
        ([{"number": 1}, {"number": 1, "count": 3}], "cut into 2 and into 3, expected those of one number"),
        (
            [{"number": 1}, {"number": 2, "source": "b"}],
            "labels-00002-of-00002.parquet: was scored otherwise than shard 1/2 (source: 'a' and 'b')",
        ),
        (
            [{"number": 1}, {"number": 2, "isa": "avx2 avx512f"}],
            "--merge: shards 1/2 and 2/2 may answer differently (isa: 'avx2' and 'avx2 avx512f'); score one of them again",
        ),
        (
            [{"number": 1}, {"number": 2, "executed": ("bf16",)}],
            "may answer differently (executed: ['int8'] and ['bf16'])",
        ),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused_in_one_line(tmp_path, monkeypatch, capsys, shards, message):
    monkeypatch.chdir(tmp_path)
    for one in shards:
        write_shard(tmp_path / "labels.parquet", **{"count": 2, **one})

    assert cli.main(["score", "--merge", "-o", "labels.parquet"]) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said
    assert not (tmp_path / "labels.parquet").exists()


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ({3: 2}, "labels-00003-of-00003.parquet: is shard 2/3 of its scoring, expected 3/3 by its name"),
        ({2: 3, 3: 2}, "labels-00002-of-00003.parquet: is shard 3/3 of its scoring, expected 2/3 by its name"),
    ],
)
def test_a_shard_under_the_name_of_another_is_refused(tmp_path, monkeypatch, capsys, renamed, message):
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "labels.parquet"
    content = {number: write_shard(output, number, 3).read_bytes() for number in (1, 2, 3)}
    for name, taken in renamed.items():
        Shard(name, 3).file(output).write_bytes(content[taken])

    assert cli.main(["score", "--merge", "-o", "labels.parquet"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not output.exists()


def test_shards_that_may_differ_are_merged_when_told_and_say_so(tmp_path):
    output = tmp_path / "labels.parquet"
    write_shard(output, 1, 3)
    write_shard(output, 2, 3, isa="avx2 avx512f")
    write_shard(output, 3, 3)

    assert cli.main(["score", "--merge", "--allow-mixed", "-o", str(output)]) == 0

    assert [one["isa"] for one in read_record(output).answered_by] == ["avx2", "avx2 avx512f"]
    assert pd.read_parquet(output)["row"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("content", ["torn", "foreign", "odd"])
def test_a_damaged_or_foreign_file_is_no_shard(tmp_path, content, capsys):
    output = tmp_path / "labels.parquet"
    write_shard(output, 1, 2)
    path = write_shard(output, 2, 2)
    if content == "torn":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        schema = pa.schema(
            {"row": pa.int64()}, metadata={} if content == "foreign" else {"deploybench": json.dumps([1])}
        )
        parquet.write_table(pa.table({"row": [1]}, schema=schema), path)

    assert cli.main(["score", "--merge", "-o", str(output)]) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "labels-00002-of-00002.parquet: not a file that deploybench score wrote (" in said
    assert "score that shard again" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["few.csv", "--shard=0/3"], "--shard: found '0/3', expected a number and how many there are, such as 3/16"),
        (["few.csv", "--shard=4/3"], "--shard: found '4/3'"),
        (["few.csv", "--shard=1"], "--shard: found '1'"),
        (["few.csv", "--shard=1/100000"], "--shard: found '1/100000'"),
        (["few.csv", "--plan=bucketed/8"], "--plan: found 'bucketed/8', expected padding/batch size/processes x threads"),
        (["few.csv", "--plan=best/8/1x1"], "(padding: max_length, longest, bucketed)"),
        (["few.csv", "--plan=bucketed/8/900x2"], "--plan: found 1800 threads in bucketed/8/900x2, expected at most the "),
        (["few.csv", "--plan=bucketed/8/2x1", "--threads=1"], "--threads: found 1, and the plan bucketed/8/2x1 has 2"),
        (["few.csv", "--shard=1/2", "--max-memory-mb=900"], "--max-memory-mb: chooses a plan, and with --shard it is not"),
        (["few.csv", "--allow-mixed"], "--allow-mixed: was given without --merge or --engine ray; pass both or neither"),
        (["few.csv", "--merge"], "--merge: was given with FILE (few.csv), expected -o OUTPUT alone; leave it out"),
        ([], "score: found no FILE, expected one; give it"),
        (["empty/"], "empty: no tables in this folder"),
        (["."], "--output: 'out.parquet' is in the folder that is scored, expected another place; name one"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(command, monkeypatch, tmp_path, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.csv").write_text("text\nfew\n")
    (tmp_path / "empty").mkdir()
    variant = [] if "--merge" in arguments else command[1:]

    assert cli.main(["score", *variant, *arguments, "-o", "out.parquet"]) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said


def test_names_and_plans_are_read_as_they_are_written(tmp_path):
    shards = [Shard(number, 12) for number in (12, 3, 7)]
    for shard in shards:
        shard.file(tmp_path / "labels.parquet").touch()
    (tmp_path / "labels-00001-of-00002.parquet.parts").mkdir()
    (tmp_path / "other-00001-of-00002.parquet").touch()

    assert list(find_shards(tmp_path / "labels.parquet")) == sorted(shards)
    assert [read_shard(str(one)) for one in shards] == shards
    assert read_plan("longest/32/2x4").short == "longest/32/2x4"
    with pytest.raises(UserError, match="--plan: found 'bucketed/0/1x1'"):
        read_plan("bucketed/0/1x1")
