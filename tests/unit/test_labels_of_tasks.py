"""Labels of multi-label files and of files of scores: what is read, what is refused in which words, what is said."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploybench.bench import cli
from deploybench.bench.pipeline.options import Options
from deploybench.bench.pipeline.sets import labelled_sets
from deploybench.bench.texts.data import read_labelled_file
from deploybench.bench.texts.pairs import PairColumns
from deploybench.exporters.errors import DataError, UserError
from deploybench.exporters.head import Head
from deploybench.exporters.texts import row_hash

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
NAMES = ("anger", "joy", "love", "toys, games")
DROP = "or pass --drop-bad-rows to leave such rows out"
needs_shared_data = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"the test data {SHARED_DATA} is absent")


def table(path, columns):
    """Write columns as the file that the suffix of ``path`` says."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([columns, *(row.values() for row in rows)])
    return path


def labels(path, cells, column="labels", **kwargs):
    """What is read of texts with these cells."""
    table(path, {"text": [f"text {row}" for row in range(len(cells))], column: cells})
    return read_labelled_file(path, **{"task": "multi-label", "label_names": NAMES, **kwargs})


def refusal(path, read, *args, **kwargs):
    """The one line, with ``FILE`` for the path."""
    with pytest.raises(DataError) as caught:
        read(path, *args, **kwargs)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("cells", [[["love", "Joy"], [], ["toys, games"]], [[2, 1], [], [3]]])
def test_lists_of_names_or_indices(tmp_path, suffix, cells):
    found = labels(tmp_path / f"a{suffix}", cells)

    assert found.labels == ((1, 2), (), (3,))
    assert (found.task, found.label_names, found.counts, found.queries) == ("multi-label", NAMES, (0, 1, 1, 1), ())
    assert found.summary == "3 texts (0 anger, 1 joy, 1 love, 1 toys, games; 1.0 labels per text)"


@pytest.mark.parametrize(
    "cells",
    [
        ["love|joy", "", "toys, games"],
        ["love; joy;", " ", "toys, games"],
        ["love, joy", "", "toys, games"],
        ['["love", "joy"]', "[]", "[3]"],
        ["['love', 'joy']", "", "['toys, games']"],
        ["1|2", "", "3"],
        ["joy,love,joy", "", "Toys, Games"],
    ],
)
@pytest.mark.parametrize("column", ["labels", "label"])
def test_strings_with_a_separator_or_a_list(tmp_path, cells, column):
    assert labels(tmp_path / "a.csv", cells, column).labels == ((1, 2), (), (3,))


def test_a_name_with_the_separator_is_never_split(tmp_path):
    assert labels(tmp_path / "a.csv", ["toys, games, joy", "anger,toys, games"]).labels == ((1, 3), (0, 3))


def test_a_file_of_single_names_is_fine(tmp_path):
    assert labels(tmp_path / "a.csv", ["joy", "love"], "label").labels == ((1,), (2,))


@pytest.mark.parametrize(
    ("cells", "names", "expected"),
    [
        (["love|joy", "", "Anger"], ("Anger", "joy", "love"), ((1, 2), (), (0,))),
        (["love;joy, too", "love"], ("joy, too", "love"), ((0, 1), (1,))),
        (["0|2", "1"], ("0", "1", "2"), ((0, 2), (1,))),
    ],
)
def test_names_are_inferred_from_the_file(tmp_path, cells, names, expected):
    found = labels(tmp_path / "a.csv", cells, label_names=None)

    assert (found.label_names, found.labels) == (names, expected)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("values", [([0, 1, 1], [0, 0, 1]), ([False, True, True], [False, False, True])])
def test_columns_of_0_and_1(tmp_path, suffix, values):
    path = table(tmp_path / f"a{suffix}", {"love": values[0], "text": ["a", "b", "c"], "joy": values[1]})

    found = read_labelled_file(path, task="multi-label", label_names=("joy", "love"))
    assert found.labels == ((), (1,), (0, 1))
    found = read_labelled_file(path, task="multi-label")
    assert (found.label_names, found.labels) == (("love", "joy"), ((), (0,), (0, 1)))


OUT = f"{DROP} (in all: 1 row with an unknown label)"
BAD_CELLS = [
    ([["joy"], ["anger", "joyy"]], (
        "row 2: label 'joyy' is none of anger (0), joy (1), love (2), toys, games (3); did you mean 'joy'? "
        f"fix it, {OUT}"
    )),
    ([[0], [7]], f"row 2: label 7 is none of anger (0), joy (1), love (2), toys, games (3); fix it, {OUT}"),
    ([[3], [0, 1, 0, 0]], (
        f"row 2: labels [0, 1, 0, 0] repeat a number, expected names or indices of the labels that are given; fix it, {OUT}"
    )),
]  # fmt: skip


def test_names_that_differ_in_case_only(tmp_path):
    assert labels(tmp_path / "a.jsonl", [["b"], ["B", "a"]], label_names=("a", "b", "B")).labels == ((1,), (0, 2))


@pytest.mark.parametrize("cells", [[[0, 1], [1, 0]], [["0", "1"]]])
def test_two_numbers_for_two_labels_are_indices_or_bits_and_refused(tmp_path, cells):
    expected = (
        "FILE: every row has the labels 0 and 1, which can be the indices of both ('joy', 'love') and whether each is given; "
        "write the names, or give each label a column of 0 and 1"
    )
    path = tmp_path / "a.jsonl"

    assert refusal(path, labels, cells, label_names=("joy", "love")) == expected
    assert labels(path, [*cells, []], label_names=("joy", "love")).labels == (*[(0, 1)] * len(cells), ())


@pytest.mark.parametrize(("cells", "message"), BAD_CELLS)
def test_bad_lists_are_refused_or_said(tmp_path, cells, message):
    path = tmp_path / "a.jsonl"

    assert refusal(path, labels, cells) == f"FILE: {message}"
    assert labels(path, cells, bad_rows="drop").dropped == ("1 row with an unknown label",)


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        ({"joy": ["0"], "text": ["a"], "id": ["7"]}, None, (
            "no column 'labels' or 'label', and 'id' holds '7', expected 0 or 1 in every column that is no text; name the column "
            "that holds the labels with --label-column, or keep texts and columns of 0 and 1 alone"
        )),
        ({"joy": ["0"], "text": ["a"], "id": ["7"]}, ("joy", "love"), (
            "no column 'labels' or 'label', and none for the labels 'love', found 'joy', 'text', 'id'; name the column that holds "
            "the labels with --label-column, or give each label a column of 0 and 1"
        )),
        ({"joy": ["0", "-1"], "text": ["a", "b"]}, ("joy",), f"row 2: 'joy' is '-1', expected 0 or 1; fix it, {OUT}"),
        ({"joy": ["", "1"], "text": ["a", "b"]}, ("joy",), (
            f"row 1: no 'joy'; fix it, {DROP} (in all: 1 row with a missing cell)"
        )),
        ({"text": ["a"]}, None, (
            "no column 'labels' or 'label', found 'text'; name the column that holds the labels with --label-column"
        )),
        ({"text": ["a"], "labels": [""]}, None, (
            "no row of column 'labels' has a label, expected one at least; fix the file"
        )),
        ({"text": ["a", "b", "a"], "labels": ["joy|love", "joy", ""]}, ("joy", "love"), (
            "row 1: the same text is labelled joy + love, but nothing in row 3; keep only the right one, or pass --drop-bad-rows "
            "to leave every copy out (in all: 2 contradictory rows)"
        )),
    ],
)  # fmt: skip
def test_bad_files_of_labels(tmp_path, columns, names, message):
    path = table(tmp_path / "a.csv", columns)

    assert refusal(path, read_labelled_file, task="multi-label", label_names=names) == f"FILE: {message}"


def test_several_labels_are_no_class(tmp_path):
    path, names = tmp_path / "a.jsonl", ("anger", "joy")
    for cell in ("joy|anger", ["joy", "anger"]):
        message = refusal(path, labels, ["joy", cell], "label", task="single-label", label_names=names)
        assert message.startswith(
            f"FILE: row 2: label {cell!r} holds several labels, expected one of anger (0), joy (1); fix it, or"
        )
    message = refusal(path, labels, [["joy", "anger"]], "label", task="single-label", label_names=None)
    assert message == "FILE: row 1: label ['joy', 'anger'] is a list, expected one class; write one name in each row"
    message = refusal(path, labels, ["joy", "anger", "joy|anger"], "label", task="single-label", label_names=None)
    assert message == (
        "FILE: row 3: label 'joy|anger' holds several labels of other rows, expected one class; write one name in each row"
    )
    assert labels(path, ["joy", "a|b"], "label", task="single-label", label_names=None).label_names == ("a|b", "joy")


@pytest.mark.parametrize("cells", [["joy", "love", "joy|love"], ["['joy']", "joy", "love"]])
def test_prepare_splits_texts_of_one_class(tmp_path, capsys, cells):
    cells = [json.loads(cell.replace("'", '"')) if cell.startswith("[") else cell for cell in cells]
    path = table(tmp_path / "a.jsonl", {"text": ["a", "b", "c"], "label": cells})

    assert cli.main(["prepare", str(path), "--output", str(tmp_path / "prepared")]) == 2
    assert ", expected one class; write one name in each row\n" in capsys.readouterr().err
    assert not (tmp_path / "prepared").exists()


def scores(path, cells, column="label", **kwargs):
    table(path, {"text": [f"text {row}" for row in range(len(cells))], column: cells})
    return read_labelled_file(path, task="score", **kwargs)


@pytest.mark.parametrize("column", ["label", "score"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_scores(tmp_path, suffix, column):
    found = scores(tmp_path / f"a{suffix}", [1.0, -2.5, 3e-2], column, label_names=("LABEL_0",))

    assert found.labels == (1.0, -2.5, 0.03)
    assert (found.task, found.label_names, found.counts, found.queries) == ("score", ("LABEL_0",), (), ())
    assert found.summary == "3 texts (scores -2.5 to 1, mean -0.49)"
    assert scores(tmp_path / "b.csv", [" 1 ", "2e0"], "rating", label_column="rating").label_names == ("rating",)


@pytest.mark.parametrize("cell", ["high", "1_5", "3,5", "inf", "1e999"])
def test_what_is_no_number_is_refused_or_said(tmp_path, cell):
    path = tmp_path / "a.csv"
    kind = "finite number" if cell in {"inf", "1e999"} else "number"

    assert refusal(path, scores, ["1", cell]) == (
        f"FILE: row 2: label {cell!r} is no {kind}; fix it, {DROP} (in all: 1 row with a label that is no number)"
    )
    assert scores(path, ["1", cell], bad_rows="drop").labels == (1.0,)


def test_names_are_no_scores(tmp_path):
    assert refusal(tmp_path / "a.csv", scores, ["high", "low"]) == (
        "FILE: row 1: label 'high' is no number; name the column that holds the scores with --label-column, fix it, "
        f"{DROP} (in all: 2 rows with a label that is no number)"
    )
    assert "row 2: no 'label'; fix it" in refusal(tmp_path / "a.csv", scores, ["1", "nan"])
    assert "row 1: label True is no number" in refusal(tmp_path / "a.jsonl", scores, [True, 1])


def test_two_scores_of_one_text_are_refused(tmp_path):
    path = table(tmp_path / "a.csv", {"text": ["a", "b", "a"], "label": ["1", "2", "1.5"]})

    assert "row 1: the same text is labelled 1.0, but 1.5 in row 3" in refusal(path, read_labelled_file, task="score")


@pytest.mark.parametrize(("queries", "found"), [(["q", "p", "q"], True), (["q", "p", "r"], False)])
def test_the_queries_of_pairs(tmp_path, queries, found):
    path = table(tmp_path / "a.csv", {"Query": queries, "passage": ["a", "b", "c"], "score": ["0", "1", "2"]})
    expected = tuple(map(row_hash, queries)) if found else ()

    read = read_labelled_file(path, task="score")
    assert read.queries == expected
    assert read.summary == f"3 pairs ({'2 queries, ' if found else ''}scores 0 to 2, mean 1)"
    assert read_labelled_file(path, task="score", text_columns=PairColumns(("passage", "Query"))).queries == ()


def test_labels_below_0_rank_nothing(tmp_path, capsys):
    columns = {"query": ["a", "a", "b"], "document": ["x", "y", "z"], "label": ["1", "-1", "0"]}
    path = table(tmp_path / "a.csv", columns)

    assert read_labelled_file(path, task="score").queries == ()
    said = " ".join(capsys.readouterr().err.split())
    assert said == f"{path}: a label is -1, and the gains of NDCG begin at 0: queries are not ranked"


def test_a_pair_with_a_missing_or_empty_text(tmp_path):
    columns = {"query": ["a", "b"], "passage": ["c", " "], "score": ["0", "1"]}
    path = table(tmp_path / "a.csv", columns)

    assert "FILE: row 2: no text in 'passage', one of a pair; fix it, or" in refusal(
        path, read_labelled_file, task="score"
    )
    missing = PairColumns(("query", "document"))
    message = refusal(path, read_labelled_file, task="score", text_columns=missing)
    assert message.startswith(
        "FILE: no column 'document', found 'query', 'passage', 'score'; name the columns of both texts"
    )


@pytest.mark.parametrize("flags", [{"real": Path("a"), "fake": Path("b")}, {"real_label": "a", "external": ("a.csv",)}])
def test_real_and_fake_are_single_labels(flags):
    with pytest.raises(
        UserError, match="says which of two classes is real, and the model gives a score; pass --external"
    ):
        labelled_sets(Options(**flags), Head(task="score", labels=("LABEL_0",)))


@needs_shared_data
def test_real_files_of_every_task():
    emotions = tuple((SHARED_DATA / "go_emotions" / "labels.txt").read_text().split())
    keywords = {"task": "multi-label", "bad_rows": "drop"}
    known = read_labelled_file(SHARED_DATA / "go_emotions" / "test.csv", label_names=emotions, **keywords)
    inferred = read_labelled_file(SHARED_DATA / "go_emotions" / "test.csv", **keywords)
    related = read_labelled_file(
        SHARED_DATA / "sick" / "test.csv", task="score", label_column="relatedness", bad_rows="drop"
    )

    assert known.summary == "5420 texts (28 labels, 1.2 per text); left out: 4 duplicate rows, 3 contradictory rows"
    assert inferred.label_names == tuple(sorted(emotions))
    assert [{inferred.label_names[one] for one in some} for some in inferred.labels] == [
        {emotions[one] for one in some} for some in known.labels
    ]
    assert related.summary == "4927 pairs (scores 1 to 5, mean 3.53)"
