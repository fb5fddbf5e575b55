"""Ways of naming two classes and five: what a label column says of them is the right class of every row, or one line.

What a file means is written by hand, by a convention a person follows: the names, the indices, the names' own numbers.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploybench.bench.texts.data import read_labelled_file, read_real_fake
from deploybench.exporters.errors import DataError

# Names by class index, and the number that a person reads in each name; None where there is none.
NO_NUMBERS = (None, None)
TWO = {
    ("real", "fake"): NO_NUMBERS,
    ("fake", "real"): NO_NUMBERS,
    ("REAL", "FAKE"): NO_NUMBERS,
    ("Real News", "Fake News"): NO_NUMBERS,
    ("reliable", "unreliable"): NO_NUMBERS,
    ("negative", "positive"): NO_NUMBERS,
    ("POSITIVE", "NEGATIVE"): NO_NUMBERS,
    ("ham", "spam"): NO_NUMBERS,
    ("not fake", "fake"): NO_NUMBERS,
    ("A", "B"): NO_NUMBERS,
    ("vrai", "faux é"): NO_NUMBERS,
    ("false", "true"): (0, 1),
    ("true", "false"): (1, 0),
    ("True", "False"): (1, 0),
    ("no", "yes"): (0, 1),
    ("YES", "NO"): (1, 0),
    ("on", "off"): (1, 0),
    ("LABEL_0", "LABEL_1"): (0, 1),
    ("LABEL_1", "LABEL_0"): (1, 0),
    ("LABEL_1", "LABEL_2"): (1, 2),
    ("class-0", "class-1"): (0, 1),
    ("1: fake", "0: real"): (1, 0),
    ("0", "1"): (0, 1),
    ("1", "0"): (1, 0),
    ("-1", "1"): (-1, 1),
}
FIVE = {
    ("1 star", "2 stars", "3 stars", "4 stars", "5 stars"): (1, 2, 3, 4, 5),
    ("5 stars", "4 stars", "3 stars", "2 stars", "1 star"): (5, 4, 3, 2, 1),
    ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4"): (0, 1, 2, 3, 4),
    ("LABEL-1", "LABEL-2", "LABEL-3", "LABEL-4", "LABEL-5"): (1, 2, 3, 4, 5),
    ("1", "2", "3", "4", "5"): (1, 2, 3, 4, 5),
    ("1.0", "2.0", "3.0", "4.0", "5.0"): (1, 2, 3, 4, 5),
    ("one star", "two stars", "three stars", "four stars", "five stars"): (1, 2, 3, 4, 5),
    ("score -2", "score -1", "score 0", "score +1", "score +2"): (-2, -1, 0, 1, 2),
    ("terrible", "bad", "okay", "good", "great"): (None,) * 5,
    ("World", "Sports", "Business", "Sci/Tech", "COVID-19"): (None, None, None, None, 19),
}
NAMINGS = TWO | FIVE
THEIR_OWN_NUMBERS = {("0", "1"), ("1", "0"), ("-1", "1"), *(names for names in FIVE if names[0] in ("1", "1.0"))}


def write(path, cells):
    rows = [{"text": f"text {row}", "label": cell} for row, cell in enumerate(cells)]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        path.write_text("text,label\n" + "".join(f'text {row},"{cell}"\n' for row, cell in enumerate(cells)), "utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def numbers(names, way):
    """The number that a user writes for each class; None for a name that is no number."""
    if way == "by number":
        return NAMINGS[names]
    return (None,) if names in THEIR_OWN_NUMBERS else tuple(range(len(names)))


def spelled(names, way):
    """The cells that a user writes for each class: text, whole number, fraction, boolean."""
    if way == "by name":
        yield names
        yield tuple(f" {name.upper()} " for name in names)
        if {name.lower() for name in names} == {"true", "false"}:
            yield tuple(name.lower() == "true" for name in names)
        return
    written = numbers(names, way)
    if None in written:
        return
    yield written
    yield tuple(map(float, written))
    yield tuple(map(str, written))
    if set(written) == {0, 1}:  # true for 1, as SQL and pandas write it
        yield tuple(map(bool, written))


def read_so(names, cells, own):
    """Class index of each of ``cells`` by the names' numbers, or where ``own`` is false by index; None where there is none."""
    known = NAMINGS[names] if own else tuple(range(len(names)))
    return [known.index(cell) if cell in known else None for cell in cells]


def may_be_read(names, cells):
    """Whether whole numbers mean one class each: by one way alone, or alike by both. Written from the rule, not from the code."""
    readings = [read_so(names, cells, own) for own in (True, False)]
    if names in THEIR_OWN_NUMBERS:
        readings = readings[:1]
    whole = [reading for reading in readings if None not in reading]
    return bool(whole) and all(reading == whole[0] for reading in whole)


COUNTS = {"right": 0, "refused": 0}


@pytest.fixture(scope="module", autouse=True)
def _print_counts():
    yield
    print(f"\nlabels of {len(TWO)} + {len(FIVE)} namings: {COUNTS['right']} files right, {COUNTS['refused']} refused")


def outcome(path, names, **kwargs):
    """Labels, or None for one line."""
    try:
        found = read_labelled_file(path, label_names=names, **kwargs).labels
    except DataError as error:
        found, message = None, str(error)
    else:
        message = f"{path}: right"
    assert len(message.splitlines()) == 1
    assert message.startswith(str(path))
    COUNTS["refused" if found is None else "right"] += 1
    return found


def test_there_are_as_many_namings_as_are_said():
    assert (len(TWO), len(FIVE)) == (25, 10)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("names", NAMINGS, ids=", ".join)
def test_names_say_their_class(tmp_path, names, suffix):
    truth = [0, *range(len(names)), 0]
    for cells in spelled(names, "by name"):
        path = write(tmp_path / f"a{suffix}", [cells[one] for one in truth])

        assert outcome(path, names) == tuple(truth)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("way", ["by index", "by number"])
@pytest.mark.parametrize("names", NAMINGS, ids=", ".join)
def test_numbers_say_one_class_or_are_refused(tmp_path, names, way, suffix):
    """Of every subset of consecutive classes: a file need not hold all of them."""
    for first in range(len(names)):
        for last in range(first, len(names)):
            check_numbers(tmp_path, names, way, suffix, range(first, last + 1))


def check_numbers(tmp_path, names, way, suffix, truth):
    for cells in spelled(names, way):
        written = [cells[one] for one in truth]
        found = outcome(write(tmp_path / f"a{suffix}", written), names)
        if isinstance(cells[0], bool):  # a word, never 1 and 0: right where the names are true and false
            words = [name.lower() for name in names]
            said = [words.index(str(cell).lower()) for cell in written if str(cell).lower() in words]
            assert found == (tuple(said) if len(said) == len(written) else None)
        elif may_be_read(names, [int(float(cell)) for cell in written]):
            assert found == tuple(truth)
        else:
            assert found is None


@pytest.mark.parametrize("names", NAMINGS, ids=", ".join)
def test_numbers_from_1_never_mean_the_next_class(tmp_path, names):
    """With all classes there, nothing but the names' own numbers can be meant; with or without --drop-bad-rows."""
    cells, own = range(1, len(names) + 1), NAMINGS[names]
    path = write(tmp_path / "a.jsonl", cells)
    found = outcome(path, names)

    assert found == (tuple(map(own.index, cells)) if set(cells) == set(own) else None)
    if names not in THEIR_OWN_NUMBERS:  # of those, a number that is a name is right, and others are left out
        assert outcome(path, names, bad_rows="drop") == found


def test_a_file_is_read_one_way_throughout(tmp_path):
    names = tuple(f"{number} stars" for number in range(1, 6))

    with pytest.raises(DataError) as error:
        read_labelled_file(write(tmp_path / "a.csv", [0, 5]), label_names=names, bad_rows="drop")
    assert str(error.value).endswith(
        "a.csv: labels 0, 5: expected all numbers of the names ('1 stars', '2 stars', '3 stars', '4 stars', '5 stars'), or "
        "all class indices from 0 to 4; write the names"
    )


def test_two_readings_are_both_said(tmp_path):
    names = tuple(f"{number} stars" for number in range(1, 6))

    with pytest.raises(DataError) as error:
        read_labelled_file(write(tmp_path / "a.csv", [3, 4]), label_names=names)
    assert str(error.value).endswith(
        "a.csv: label 3 can be '3 stars', by the number in its name, and '4 stars', by its index; write the names"
    )


def test_labels_that_are_counted_from_1_are_said(tmp_path):
    with pytest.raises(DataError) as error:
        read_labelled_file(write(tmp_path / "a.csv", [1, 2]), label_names=("ham", "spam"), bad_rows="drop")
    assert str(error.value).endswith(
        "a.csv: labels 1, 2 are counted from 1, expected class indices from 0 to 1 ('ham', 'spam'); "
        "renumber them or write the names"
    )


def test_fractions_and_strange_numbers_are_unknown_labels(tmp_path):
    path = write(tmp_path / "a.jsonl", [0, 0.5, -1, 7, 1])

    found = read_labelled_file(path, label_names=("ham", "spam"), bad_rows="drop")
    assert (found.labels, found.dropped) == ((0, 1), ("3 rows with an unknown label",))


@pytest.mark.parametrize("names", [names for names in TWO if "real" not in "".join(names).lower()], ids=", ".join)
def test_two_files_are_refused_where_the_names_do_not_say_which_is_real(tmp_path, names):
    real, fake = write(tmp_path / "real.csv", [0]), write(tmp_path / "fake.csv", [0])
    fake.write_text("text\nb\n", encoding="utf-8")
    told = {
        name: read_real_fake(real, fake, label_names=names, real_label=name).labels for name in names if name != "fake"
    }

    with pytest.raises(DataError) as error:
        read_real_fake(real, fake, label_names=names)
    shown = ", ".join(map(repr, names))
    assert str(error.value) == (
        f"two files, real and fake: the checkpoint's labels are {shown}, expected names that say which is real; "
        "pass --real-label NAME"
    )
    assert told == {name: (names.index(name), 1 - names.index(name)) for name in names if name != "fake"}


@pytest.mark.parametrize(
    ("names", "real_label", "message"),
    [
        (("a", "b"), "c", "--real-label: found 'c', expected one of 'a', 'b'; name one of them"),
        (("a", "b"), "", "--real-label: found '', expected one of 'a', 'b'; name one of them"),
        (("a", "b"), "2", "--real-label: found '2', expected one of 'a', 'b'; name one of them"),
        (("true", "false"), "1", "--real-label: found '1', expected one of 'true', 'false'; name one of them"),
        (("real", "fake"), "fake", (
            "--real-label: found 'fake', but the checkpoint's labels 'real', 'fake' say otherwise; leave it out"
        )),
        (("Fake News", "other"), "0", (
            "--real-label: found '0', but the checkpoint's labels 'Fake News', 'other' say otherwise; leave it out"
        )),
        (("a", "b", "c"), "a", (
            "--real-label: the checkpoint has 3 labels ('a', 'b', 'c'), expected two; leave it out, and write the names as labels"
        )),
    ],
)  # fmt: skip
def test_a_real_label_that_cannot_be_is_one_line(tmp_path, names, real_label, message):
    path = write(tmp_path / "a.csv", ["real"])

    for read, files in ((read_labelled_file, (path,)), (read_real_fake, (path, path))):
        with pytest.raises(DataError) as error:
            read(*files, label_names=names, real_label=real_label)
        assert str(error.value) == message


def test_the_words_real_and_fake_are_understood_where_it_is_said_which_is_real(tmp_path):
    names, path = ("LABEL_0", "LABEL_1"), write(tmp_path / "a.csv", ["Real", "fake", "LABEL_0", "1"])

    with pytest.raises(DataError) as error:
        read_labelled_file(path, label_names=names)
    assert "row 1: label 'Real' is none of LABEL_0 (0), LABEL_1 (1); pass --real-label NAME to say" in str(error.value)
    found = read_labelled_file(path, label_names=names, real_label="LABEL_1")
    assert (found.labels, found.label_names) == ((1, 0, 0, 1), names)
    assert read_labelled_file(path, label_names=names, real_label="0").labels == (0, 1, 0, 1)
    assert read_labelled_file(path, label_names=names, real_label="label_1").summary == (
        "4 articles (2 of class LABEL_0, 2 of class LABEL_1)"
    )
