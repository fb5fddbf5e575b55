"""Labelled files: what is read, what is refused in which words, what is left out and said."""

import csv
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.prepare import _origin
from deploybench.bench.pipeline.sets import labelled_sets
from deploybench.bench.pipeline.unlabelled import find_unlabelled
from deploybench.bench.texts.data import (
    LabelledSet,
    parse_external,
    read_labelled_file,
    read_real_fake,
    read_texts,
)
from deploybench.bench.texts.pairs import PairColumns
from deploybench.exporters.checkpoints.inputs import Inputs
from deploybench.exporters.checkpoints.tokenization import Pad, tokenise
from deploybench.exporters.errors import CheckpointError, DataError
from deploybench.exporters.head import Head
from deploybench.exporters.texts import row_hash

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"

COLUMNS = {"title": ["One", "Two", "NA"], "content": ["null", 'b, "c"\r\nd', "é\u2028"], "label": [0, 1, 1]}
TEXTS = ("One null", 'Two b, "c"\r\nd', "NA é\u2028")


def write_csv(path, columns, delimiter=","):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_tsv(path, columns):
    write_csv(path, columns, delimiter="\t")


def write_json_lines(path, columns):
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path, columns):
    pq.write_table(pa.table(columns), path)


WRITERS = {
    ".csv": write_csv,
    ".tsv": write_tsv,
    ".jsonl": write_json_lines,
    ".ndjson": write_json_lines,
    ".json-lines": write_json_lines,
    ".parquet": write_parquet,
    ".CSV": write_csv,
}


@pytest.fixture
def write(tmp_path):
    """Write text or bytes as one file and return its path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def refusal(path, read, *args, **kwargs):
    """Message of the DataError, with ``FILE`` for the path: one line whatever the error."""
    with pytest.raises(DataError) as caught:
        read(*args, **kwargs)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message.replace(str(path), "FILE")


def labels_of(path, **kwargs):
    found = read_labelled_file(path, **kwargs)
    return found.labels, found.label_names


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_set(tmp_path, suffix):
    path = tmp_path / f"news{suffix}"
    WRITERS[suffix](path, COLUMNS)

    expected = LabelledSet(name="news", texts=TEXTS, labels=(0, 1, 1), label_names=("0", "1"), dropped=())
    assert expected == read_labelled_file(path)


@pytest.mark.parametrize(
    ("header", "text_columns", "expected"),
    [
        ("title,content,label", None, "A B"),
        ("title,text,label", None, "A B"),
        ("id,text,label", None, "B"),
        ("id,content,label", None, "B"),
        ("title,body,label", ("title", "body"), "A B"),
        ("title,text,label", ("text",), "B"),
        ("text,title,label", None, "B A"),
        (" title , text ,label", None, "A B"),
    ],
)
def test_text_columns(write, header, text_columns, expected):
    path = write("news.csv", f"{header}\nA,B,0\n")

    assert (expected,) == read_labelled_file(path, text_columns=text_columns).texts


@pytest.mark.parametrize(
    "content",
    [
        b"text,label\nNA,0\nnull,1\nNone,1\n",
        b"text,label\r\nNA,0\r\nnull,1\r\nNone,1",
        b"\xef\xbb\xbftext,label\nNA,0\n\nnull,1\nNone,1\n\n",
        b'"text","label"\n"NA","0"\n"null","1"\n"None","1"\n',
    ],
    ids=["plain", "CRLF", "BOM and blank lines", "quoted"],
)
def test_csv_dialects(write, content):
    found = read_labelled_file(write("news.csv", content))

    assert (found.texts, found.labels) == (("NA", "null", "None"), (0, 1, 1))


def test_cell_of_a_million_characters(write):
    csv.field_size_limit(limit := 131_072)
    text = "fake news " * 100_000

    assert (text,) == read_labelled_file(write("news.csv", f"text,label\n{text},0\n")).texts
    assert limit == csv.field_size_limit()


@pytest.mark.parametrize(
    ("cells", "label_names", "expected"),
    [
        (["0", "1"], None, ((0, 1), ("0", "1"))),
        (["1", "1"], None, ((1, 1), ("0", "1"))),
        (["0.0", " 1 "], None, ((0, 1), ("0", "1"))),
        (["2", "0", "1"], None, ((2, 0, 1), ("0", "1", "2"))),
        (["Fake", "real", "fake"], None, ((1, 0, 1), ("real", "fake"))),
        (["fake"], None, ((1,), ("real", "fake"))),
        (["World", "Sports", "world"], None, ((1, 0, 1), ("Sports", "World"))),
        (["fake", "0", "REAL ", "1.0"], ("fake", "real"), ((0, 0, 1, 1), ("fake", "real"))),
        (["LABEL_1", "0", "1"], ("LABEL_0", "LABEL_1"), ((1, 0, 1), ("LABEL_0", "LABEL_1"))),
        (["sports", "0"], ("World", "Sports"), ((1, 0), ("World", "Sports"))),
        (["1", "3.0"], ("1", "2", "3"), ((0, 2), ("1", "2", "3"))),
    ],
)
def test_labels(write, cells, label_names, expected):
    path = write("news.csv", "text,label\n" + "".join(f"text {row},{cell}\n" for row, cell in enumerate(cells)))

    assert expected == labels_of(path, label_names=label_names)


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([1, 0], ("0", "1")),
        ([1.0, 0.0], ("0", "1")),
        (["1", "0"], ("0", "1")),
        (["fake", "real"], ("real", "fake")),
        ([True, False], ("False", "True")),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_typed_labels(tmp_path, suffix, cells, names):
    path = tmp_path / f"news{suffix}"
    WRITERS[suffix](path, {"text": ["a", "b"], "label": cells})

    assert labels_of(path) == ((1, 0), names)


def test_booleans_are_names_and_no_indices(write):
    path = write("news.jsonl", '{"text": "a", "label": true}\n{"text": "b", "label": false}\n')

    assert labels_of(path) == ((1, 0), ("False", "True"))
    expected = (
        "FILE: row 1: label True is none of real (0), fake (1); fix it, or pass --drop-bad-rows to leave such rows"
    )
    actual = refusal(path, read_labelled_file, path, label_names=("real", "fake"))
    assert f"{expected} out (in all: 2 rows with an unknown label)" == actual


def test_label_names_that_differ_in_case_only_are_matched_as_they_are_and_by_index(write):
    names = ("NEWS", "news")

    assert ((1, 0), names) == labels_of(write("a.csv", "text,label\na,1\nb,0\n"), label_names=names)
    assert ((1, 0), names) == labels_of(write("c.csv", "text,label\na,news\nb,NEWS\n"), label_names=names)
    expected = "none of NEWS (0), news (1);"
    path = write("b.csv", "text,label\na,News\n")
    assert expected in refusal(path, read_labelled_file, path, label_names=names)


DROP = "pass --drop-bad-rows to leave such rows out"
BAD_ROWS = [  # header, rows, message after "FILE: ", what is left out
    ("title,text,label", ["a,b,0", ",c,1"], (
        f"row 2: no 'title'; fix it, pass --text-columns text to use that column alone, or {DROP} "
        "(in all: 1 row with a missing cell)"
    ), "1 row with a missing cell"),
    ("title,text,label", ["a,b,0", "c,,1"], (
        f"row 2: no 'text'; fix it, or {DROP} (in all: 1 row with a missing cell)"
    ), "1 row with a missing cell"),
    ("text,label", ["a,", "b,1"], (
        f"row 1: no 'label'; fix it, or {DROP} (in all: 1 row with a missing cell)"
    ), "1 row with a missing cell"),
    ("text,label", ["a,0", "b,NaN", "c,1"], (
        f"row 2: no 'label'; fix it, or {DROP} (in all: 1 row with a missing cell)"
    ), "1 row with a missing cell"),
    ("text,label", ["a,0", ",1", " \t,1"], (
        f"row 2: no text in 'text'; fix it, or {DROP} (in all: 2 rows without text)"
    ), "2 rows without text"),
    ("title,text,label", ["a,b,0", ",,1"], (
        f"row 2: no text in 'title', 'text'; fix it, or {DROP} (in all: 1 row without text)"
    ), "1 row without text"),
    ("text,label", ["a,0", "b,0", "a,0", ",1", "a,0"], (
        f"row 3: repeats row 1; remove it, or {DROP} (in all: 2 duplicate rows, 1 row without text)"
    ), "2 duplicate rows, 1 row without text"),
    ("text,label", ["a,0", "b,0", "b,1", "b,0"], (
        "row 2: the same text is labelled real, but fake in row 3; keep only the right one, "
        "or pass --drop-bad-rows to leave every copy out (in all: 3 contradictory rows)"
    ), "3 contradictory rows"),
    ("text,label", ["a,0", "b,2", "c,spam"], (
        f"row 2: label '2' is none of real (0), fake (1); fix it, or {DROP} (in all: 2 rows with an unknown label)"
    ), "2 rows with an unknown label"),
    ("text,label", [",0", ",1", "a,7", "a,0"], (
        f"row 1: no text in 'text'; fix it, or {DROP} (in all: 2 rows without text, 1 row with an unknown label)"
    ), "2 rows without text, 1 row with an unknown label"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "rows", "message", "left_out"), BAD_ROWS)
def test_bad_rows_are_refused_or_said(write, header, rows, message, left_out):
    path = write("news.csv", "\n".join([header, *rows]))
    names = ("real", "fake")

    assert f"FILE: {message}" == refusal(path, read_labelled_file, path, label_names=names)
    found = read_labelled_file(path, label_names=names, bad_rows="drop")
    assert left_out == ", ".join(found.dropped)
    assert len(rows) == len(found.texts) + sum(int(reason.split()[0]) for reason in found.dropped)
    assert found.summary.endswith(f"; left out: {left_out}")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"text": 7, "label": 0},
            "'text' is 7, not text; fix it, or {drop} (in all: 1 row with a cell that is not text)",
        ),
        ({"text": None, "label": 0}, "no text in 'text'; fix it, or {drop} (in all: 1 row without text)"),
        ({"label": 0}, "no text in 'text'; fix it, or {drop} (in all: 1 row without text)"),
        ({"text": "b"}, "no 'label'; fix it, or {drop} (in all: 1 row with a missing cell)"),
        ({"text": "b", "label": float("nan")}, "no 'label'; fix it, or {drop} (in all: 1 row with a missing cell)"),
    ],
)
def test_bad_json_rows(write, record, message):
    path = write("news.jsonl", "\n" + json.dumps({"text": "a", "label": 0}) + "\n" + json.dumps(record))

    assert "FILE: row 2: " + message.format(drop=DROP) == refusal(path, read_labelled_file, path)


def test_json_columns_are_those_of_all_lines(write):
    path = write("news.jsonl", '\ufeff{"text": "a", "label": 0}\r\n{"title": "b", "text": "c", "label": 1}\r\n')

    expected = (
        f"FILE: row 1: no 'title'; fix it, pass --text-columns text to use that column alone, or {DROP} "
        "(in all: 1 row with a missing cell)"
    )
    assert expected == refusal(path, read_labelled_file, path)
    assert read_labelled_file(path, text_columns=("text",)).texts == ("a", "c")


def test_missing_parquet_cells(tmp_path):
    path = tmp_path / "news.parquet"
    write_parquet(path, {"title": ["a", None], "text": ["b", "c"], "label": [1.0, float("nan")]})

    expected = (
        f"FILE: row 2: no 'title'; fix it, pass --text-columns text to use that column alone, or {DROP} "
        "(in all: 1 row with a missing cell)"
    )
    assert expected == refusal(path, read_labelled_file, path)
    expected = f"FILE: row 2: no 'label'; fix it, or {DROP} (in all: 1 row with a missing cell)"
    assert expected == refusal(path, read_labelled_file, path, text_columns=("text",))


def test_nothing_left(write):
    path = write("news.csv", "text,label\n,0\na,0\na,1\n")

    expected = "FILE: no row can be used (2 contradictory rows, 1 row without text); fix the file"
    assert expected == refusal(path, read_labelled_file, path, bad_rows="drop")


SUFFIXES = ".csv, .tsv, .jsonl, .ndjson, .json-lines or .parquet"
ONE_OBJECT = "fix the line (one JSON object per line)"
CSV_QUOTES = "fix the line (a quote inside a quoted cell is written twice)"
CSV_CELLS = "fix the line (a cell that holds the separator or a line break is quoted)"
EMPTY = "empty file; give a file with at least one row"
BAD_FILES = [  # name, content, message after "FILE: "
    ("a.xlsx", b"PK", f"suffix '.xlsx' is not read; save it as {SUFFIXES}"),
    ("news", b"text,label\na,0\n", f"suffix '' is not read; save it as {SUFFIXES}"),
    ("a.csv", b"", EMPTY),
    ("b.csv", b"\xef\xbb\xbf\r\n", EMPTY),
    ("a.jsonl", b"\n \n", EMPTY),
    ("a.parquet", b"", EMPTY),
    ("c.csv", b"text,label\n", "no rows; give a file with at least one row"),
    ("d.csv", b"text,label\na,0\ncaf\xe9,1\n", "byte 18 (line 3) is not UTF-8 (b'\\xe9'); save the file as UTF-8"),
    ("b.jsonl", b'{"text": "\xe9"}', "byte 10 (line 1) is not UTF-8 (b'\\xe9'); save the file as UTF-8"),
    ("e.csv", "text,label\na,0\n".encode("utf-16"), "byte 0 (line 1) is not UTF-8 (b'\\xff'); save the file as UTF-8"),
    ("f.csv", b"text,label\na,0\ncut\xc3", "byte 18 (line 3) is not UTF-8 (b'\\xc3'); save the file as UTF-8"),
    ("g.csv", b'text,label\n"a\nb",0\n"c,1\n', f"line 4: unbalanced quotes (unexpected end of data); {CSV_QUOTES}"),
    ("h.csv", b'text,label\n"a" b,0\n', f"line 2: unbalanced quotes (',' expected after '\"'); {CSV_QUOTES}"),
    ("i.csv", b"text,label\na,0\nb\n", f"line 3: 1 cells where the header has 2; {CSV_CELLS}"),
    ("j.csv", b"text,label\na,0\nb,c,0\n", f"line 3: 3 cells where the header has 2; {CSV_CELLS}"),
    ("c.jsonl", b'{"text": "a", "label": 0}\n\n{"text": "b', (
        f"line 3: bad JSON at column 10 (Unterminated string); {ONE_OBJECT}"
    )),
    ("d.jsonl", b"[\n", f"line 1: bad JSON at column 2 (Expecting value); {ONE_OBJECT}"),
    ("e.jsonl", b'["a", 0]\n', f"line 1: ['a', 0] is no JSON object; {ONE_OBJECT}"),
    ("f.jsonl", b'{"text": "\\ud83d", "label": 0}', f"line 1: unpaired surrogate ('\\ud83d'); {ONE_OBJECT}"),
    ("k.csv", b"text,label,text\na,0,b\n", "2 columns are named 'text'; rename all but one"),
    ("l.csv", b"headline,label\na,0\n", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'headline', 'label'; name yours with --text-columns"
    )),
    ("g.jsonl", b"{}", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found none; name yours with --text-columns"
    )),
    ("semicolon.csv", b"text;label\na;0\nb;1\n", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'text;label' (is it separated by ';'? save it with commas); name yours with --text-columns"
    )),
    ("comma-in-text.csv", b"text;label\na, b;0\n", (
        f"line 2: 2 cells where the header has 1 (is it separated by ';'? save it with commas); {CSV_CELLS}"
    )),
    ("quoted.csv", b'"text";"label"\n"a";0\n', (
        "line 1: unbalanced quotes (',' expected after '\"') (is it separated by ';'? save it with commas); "
        f"{CSV_QUOTES}"
    )),
    ("bar.csv", b"text|label\na|0\n", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'text|label' (is it separated by '|'? save it with commas); name yours with --text-columns"
    )),
    ("tab.csv", b"text\tlabel\na\t0\n", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'text\\tlabel' (is it separated by '\\t'? save it with commas); name yours with --text-columns"
    )),
    ("comma.tsv", b"text,label\na,0\n", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'text,label' (is it separated by ','? save it with tabs); name yours with --text-columns"
    )),
    ("case.csv", b"Text,Label\na,0\n", (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'Text', 'Label' (did you mean 'Text'?); name it with --text-columns Text"
    )),
    ("case.jsonl", b'{"Title": "a", "CONTENT": "b", "label": 0}', (
        "no text column, expected 'title' + 'content', 'title' + 'text', 'text' or 'content', "
        "found 'Title', 'CONTENT', 'label' (did you mean 'Title' + 'CONTENT'?); name them with --text-columns Title,CONTENT"
    )),
    ("label-case.csv", b"text,Label\na,0\n", (
        "no column 'label' (did you mean 'Label'?), found 'text', 'Label'; "
        "name the column that holds the classes with --label-column"
    )),
    ("m.csv", b"text,Labels\na,0\n", (
        "no column 'label' (did you mean 'Labels'?), found 'text', 'Labels'; "
        "name the column that holds the classes with --label-column"
    )),
    ("n.csv", b"text,label\na,0\nb,n/a\n", (
        "row 2: label 'n/a' is a name where other rows have class indices (0); use one of the two"
    )),
    ("o.csv", b"text,label\na,1\nb,2\n", "labels 1, 2 do not run from 0 without a gap; renumber them or use names"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES, ids=[name for name, *_ in BAD_FILES])
def test_bad_files(write, name, content, message):
    path = write(name, content)

    for bad_rows in ("refuse", "drop"):  # dropping is for rows, not for what is torn
        assert f"FILE: {message}" == refusal(path, read_labelled_file, path, bad_rows=bad_rows)


def test_the_column_of_the_classes_is_no_text_of_a_pair(write):
    path = write("pairs.csv", "premise,label\na,b\n")
    expected = "FILE: column 'label' holds the classes; name other columns with --pair-columns"
    assert refusal(path, read_labelled_file, path, text_columns=PairColumns(("premise", "label"))) == expected


def test_the_column_of_the_classes_is_no_text(write):
    path = write("news.csv", "text,label\na,0\nb,1")

    assert refusal(path, read_labelled_file, path, text_columns=["text", "label"]) == (
        "FILE: column 'label' holds the classes; name other columns with --text-columns"
    )
    assert read_labelled_file(write("nan.csv", "text,label\na,0\nb,nan\nc,1"), bad_rows="drop").labels == (0, 1)


def test_unknown_text_column(write):
    path = write("news.csv", "Title,text,label\na,b,0\n")

    expected = (
        "FILE: no column 'titel' (did you mean 'Title'?), found 'Title', 'text', 'label'; "
        "name the text columns with --text-columns"
    )
    assert expected == refusal(path, read_labelled_file, path, text_columns=("titel", "text"))


def test_long_values_are_shortened(write):
    path = write("news.csv", f"text,label\na,{'very long ' * 1000}\n")

    expected = "FILE: row 1: label 'very long very long very lo...ry long very long very long ' is none of real (0), "
    assert refusal(path, read_labelled_file, path, label_names=("real", "fake")).startswith(expected)


def test_file_without_header_lists_few_columns(write):
    path = write("news.csv", ",".join(map(str, range(1000))) + "\n" + "," * 999)

    assert "'18', '19', …; name yours" in refusal(path, read_labelled_file, path)


def test_no_file(tmp_path):
    missing = tmp_path / "missing.csv"

    assert refusal(missing, read_labelled_file, missing) == "FILE: no such file; check the path"
    assert refusal(tmp_path, read_labelled_file, tmp_path) == "FILE: a folder, not a file; name one file in it"
    long = tmp_path / f"{'a' * 300}.csv"
    expected = "FILE: cannot be read (File name too long); check the path and its rights"
    assert expected == refusal(long, read_labelled_file, long)


def flip_byte(content, index):
    return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"text,label\na,0\n",
        lambda content: content[:-20],
        lambda content: content[:4] + bytes(200) + content[204:],
        lambda content: flip_byte(content, content.index(b"text number 55")),
    ],
    ids=["another format", "cut", "page header", "one byte"],
)
def test_damaged_parquet(tmp_path, damage):
    path = tmp_path / "news.parquet"
    columns = {"text": [f"text number {row}" for row in range(100)], "label": [0] * 100}
    pq.write_table(pa.table(columns), path, compression="none", write_page_checksum=True)
    path.write_bytes(damage(path.read_bytes()))

    message = refusal(path, read_labelled_file, path)

    assert message.startswith("FILE: not a whole Parquet file (")  # in pyarrow's words, which change
    assert message.endswith("); write it again")


def test_parquet_that_is_not_utf8(tmp_path):
    path = tmp_path / "news.parquet"
    write_parquet(path, {"text": pa.array([b"caf\xe9"]).view(pa.string()), "label": [0]})

    assert refusal(path, read_labelled_file, path).startswith("FILE: not a whole Parquet file ('utf-8' codec can't")


def test_parquet_below_a_folder_that_looks_like_a_partition(tmp_path):
    path = tmp_path / "label=9" / "news.parquet"
    path.parent.mkdir()
    write_parquet(path, {"text": ["a"], "label": [1]})

    assert labels_of(path) == ((1,), ("0", "1"))


def test_real_and_fake_file(write):
    real = write("real.csv", "title,content\na,b\nc,d\n")
    fake = write("fake.tsv", "text\ne\n")

    expected = LabelledSet(
        name="external", texts=("a b", "c d", "e"), labels=(0, 0, 1), label_names=("real", "fake"), dropped=()
    )
    assert expected == read_real_fake(real, fake)


@pytest.mark.parametrize(
    ("label_names", "expected"),
    [
        (("Real", "Fake"), (0, 1)),
        (("Fake News", "Real News"), (1, 0)),
        (("label_real", "label_fake"), (0, 1)),
        (("REAL.", "class: fake"), (0, 1)),
        (("FAKE", "REAL"), (1, 0)),
        (("fake", "satire", "real"), (2, 0)),
    ],
)
def test_real_and_fake_file_follow_the_label_names(write, label_names, expected):
    real, fake = write("real.csv", "text\na\n"), write("fake.csv", "text\nb\n")

    found = read_real_fake(real, fake, label_names=label_names)

    assert expected == found.labels
    assert label_names == found.label_names


def test_real_and_fake_file_for_four_classes(write):
    real, fake = write("real.csv", "text\na\n"), write("fake.csv", "text\nb\n")

    expected = (
        "two files, real and fake, need a checkpoint of two labels, this one has 3 ('a', 'b', 'c'); "
        "give one file with 'label'"
    )
    assert expected == refusal(real, read_real_fake, real, fake, label_names=("a", "b", "c"))


def test_errors_in_a_pair_name_the_right_file(write):
    real, fake = write("real.csv", "text\na\nb\n"), write("fake.csv", "text\nc\n\nd\nc\n")

    expected = f"FILE: row 3: repeats row 1; remove it, or {DROP} (in all: 1 duplicate row)"
    assert expected == refusal(fake, read_real_fake, real, fake)
    real.write_text("text\na\nc\n", encoding="utf-8")
    expected = (
        f"FILE: row 2: the same text is labelled real, but fake in row 1 of {fake}; keep only the right one, "
        "or pass --drop-bad-rows to leave every copy out (in all: 3 contradictory rows)"
    )
    assert expected == refusal(real, read_real_fake, real, fake)
    expected = "2 articles (1 real, 1 fake); left out: 3 contradictory rows"
    assert expected == read_real_fake(real, fake, bad_rows="drop").summary


def test_texts_need_no_label(write):
    path = write("news.csv", "title,text,label\na,b,7\nc,d,\n")

    assert read_texts(path) == (("a b", "c d"), "2 texts")
    assert read_texts(path, text_columns=("text",)) == (("b", "d"), "2 texts")


def test_texts_are_never_left_out_silently(write):
    path = write("news.csv", "text,label\na,0\na,1\n,1\nb,0\n")

    expected = f"FILE: row 2: repeats row 1; remove it, or {DROP} (in all: 1 duplicate row, 1 row without text)"
    assert expected == refusal(path, read_texts, path)
    expected = "2 texts; left out: 1 duplicate row, 1 row without text"
    assert read_texts(path, bad_rows="drop") == (("a", "b"), expected)


def test_sets_are_said_when_they_are_read(write, capsys):
    path = write("news.csv", "text,label\na,0\na,0\n,1\nb,1\n")
    sets = labelled_sets(
        Options(external=(f"x={path}",), drop_bad_rows=True), Head(task="single-label", labels=("real", "fake"))
    )

    expected = "2 articles (1 real, 1 fake); left out: 1 duplicate row, 1 row without text"
    assert [one.summary for one in sets] == [expected]
    printed = capsys.readouterr()
    assert (printed.out, " ".join(printed.err.split())) == ("", f"set x: {expected}")


@pytest.mark.process
def test_calibration_is_said_when_it_is_read(write, capsys, checkpoint):
    path = write("news.csv", "text\na\na\nb\n")
    options = Options(calibration=path, drop_bad_rows=True)
    inputs = Inputs(tokenizer=checkpoint.path, max_length=64, truncation_side="right", pad=Pad(0))
    origin = _origin(options, checkpoint, inputs)

    assert len(origin.calibration) == 2
    printed = capsys.readouterr()
    assert (printed.out, " ".join(printed.err.split())) == (
        "",
        f"calibration {path}: 2 texts; left out: 1 duplicate row",
    )


@pytest.mark.process
def test_texts_without_labels_are_those_of_files_and_of_training_but_none_that_calibrated(
    write, tmp_path, capsys, checkpoint
):
    path = write("news.csv", "text\na\nbread\nc\n")
    inputs = Inputs(tokenizer=checkpoint.path, max_length=64, truncation_side="right", pad=Pad(0))
    ids = tokenise(checkpoint.path, ["a", "bread", "c", "d", "e"], 64)
    left = {"rows": [row_hash("c"), row_hash("d"), row_hash("e")], "input_ids": ids[2:]}
    (tmp_path / "validation.json").write_text(json.dumps(left))
    trained = replace(checkpoint, path=tmp_path)
    found = find_unlabelled([path], trained, inputs, [ids[1], ids[4]], {})

    assert found.row_hashes == tuple(map(row_hash, "acd"))
    assert [*found.tokens.values()] == [ids[0], ids[2], ids[3]]
    assert "texts without labels: 3 validation texts that training left" in capsys.readouterr().err
    assert find_unlabelled([], trained, inputs, [], {}, labelled=598).row_hashes == tuple(left["rows"][:2])
    assert find_unlabelled([], trained, inputs, [], {}, labelled=700).row_hashes == ()

    (tmp_path / "validation.json").write_text('{"rows": []}')
    with pytest.raises(CheckpointError, match="holds no token ids of validation texts, expected"):
        find_unlabelled([], trained, inputs, [], {})


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("news.csv", ("news", Path("news.csv"))),
        ("data/news.test.csv", ("news.test", Path("data/news.test.csv"))),
        ("old=data/news.csv", ("old", Path("data/news.csv"))),
        ("old=data/rate=1.csv", ("old", Path("data/rate=1.csv"))),
        ("data/rate=1.csv", ("rate=1", Path("data/rate=1.csv"))),
        ("./a=b.csv", ("a=b", Path("a=b.csv"))),
    ],
)
def test_external_argument(argument, expected):
    assert expected == parse_external(argument)


@pytest.mark.parametrize("argument", ["=news.csv", "name=", " =news.csv"])
def test_bad_external_argument(argument):
    expected = f"{argument!r} is not [NAME=]FILE; write a name and a file, or a file alone"

    assert expected == refusal(Path("none"), parse_external, argument)


def labelled_set(labels, label_names, dropped=()):
    texts = tuple(f"text {row}" for row in range(len(labels)))
    return LabelledSet(name="a", texts=texts, labels=labels, label_names=label_names, dropped=dropped)


@pytest.mark.parametrize(
    ("labels", "label_names", "dropped", "expected"),
    [
        ((0, 1, 0), ("real", "fake"), (), "3 articles (2 real, 1 fake)"),
        ((1,), ("real", "fake"), (), "1 article (0 real, 1 fake)"),
        ((2, 0), ("0", "1", "2"), (), "2 articles (1 of class 0, 0 of class 1, 1 of class 2)"),
        ((9,), tuple("abcdefghijk"), (), "1 article in 11 classes"),
        (
            (0,),
            ("real", "fake"),
            ("2 duplicate rows", "1 row without text"),
            "1 article (1 real, 0 fake); left out: 2 duplicate rows, 1 row without text",
        ),
    ],
)
def test_summary(labels, label_names, dropped, expected):
    assert expected == labelled_set(labels, label_names, dropped).summary


def test_hashes():
    found = labelled_set((0, 1), ("real", "fake"))

    assert tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in found.texts) == found.row_hashes
    assert found.counts == (1, 1)
    assert len(found.sha256) == 64
    swapped = labelled_set((1, 0), ("real", "fake"))
    joined = replace(found, texts=("text 01 \ntext 1",), labels=(0,))
    assert len({one.sha256 for one in (found, swapped, joined)}) == 3
    assert found.sha256 == labelled_set((0, 1), ("a", "b"), ("1 duplicate row",)).sha256


@settings(max_examples=40)
@given(
    rows=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), st.integers(0, 2), min_size=1
    ),
    suffix=st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]),
)
def test_round_trip(rows, suffix):
    names = ("a", "b", "c")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"news{suffix}"
        WRITERS[suffix](path, {"text": list(rows), "label": list(rows.values())})

        found = read_labelled_file(path, label_names=names)

    assert (tuple(rows), tuple(rows.values())) == (found.texts, found.labels)


@pytest.mark.process
def test_import_is_light():
    code = "import deploybench.bench.texts.data, sys; print(sorted({'torch', 'pandas', 'pyarrow', 'numpy'} & set(sys.modules)))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert found == "[]\n"


needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason=f"the private test data {SHARED_DATA} is absent"
)


@needs_shared_data
def test_external_set_of_the_field():
    folder = SHARED_DATA / "external_politifactpp"

    assert read_real_fake(folder / "real.csv", folder / "fake_ai.csv").summary == "268 articles (171 real, 97 fake)"


@needs_shared_data
@pytest.mark.parametrize(
    ("file", "text_columns", "expected"),
    [
        (
            "ag_news/test.csv",
            None,
            "7600 articles (1900 of class 0, 1900 of class 1, 1900 of class 2, 1900 of class 3)",
        ),
        ("covid_constraint/train.csv", None, "6420 articles (3360 of class 0, 3060 of class 1)"),
        ("covid_constraint/validation.csv", None, "2140 articles (1120 of class 0, 1020 of class 1)"),
        ("covid_constraint/test.csv", None, "2140 articles (1120 of class 0, 1020 of class 1)"),
        ("newsmix/train.csv", ("text",), "3106 articles (1564 of class 0, 1542 of class 1)"),
        ("newsmix/validation.csv", ("text",), "632 articles (316 of class 0, 316 of class 1)"),
        ("newsmix/test.csv", ("text",), "672 articles (325 of class 0, 347 of class 1)"),
    ],
)
def test_real_files(file, text_columns, expected):
    assert expected == read_labelled_file(SHARED_DATA / file, text_columns=text_columns).summary


@needs_shared_data
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "newsmix/test.csv",
            (
                f"FILE: row 12: no 'title'; fix it, pass --text-columns text to use that column alone, or {DROP} "
                "(in all: 138 rows with a missing cell)"
            ),
        ),
        (
            "external_politifactpp/all.csv",
            (
                "FILE: row 121: the same text is labelled 0, but 1 in row 333; keep only the right one, or "
                "pass --drop-bad-rows to leave every copy out (in all: 1 duplicate row, 2 contradictory rows)"
            ),
        ),
    ],
)
def test_real_files_that_are_refused(file, expected):
    path = SHARED_DATA / file

    assert expected == refusal(path, read_labelled_file, path)
