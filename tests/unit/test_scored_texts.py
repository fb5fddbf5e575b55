"""Which texts a run scores: every one that its time budget allows, and the same for all variants."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench.pipeline.scored_texts import LEAST, SHARE, expected_tokens, stepped, within_budget
from deploybench.bench.pipeline.unlabelled import Unlabelled
from deploybench.bench.texts.data import LabelledSet

NONE = Unlabelled(tokens={})
PLACES = st.integers(1, 5000)


def labelled(count, name="mine"):
    """Sorted by label, as many files are; text i has the tokens 0 to i % 7."""
    return LabelledSet(
        name=name,
        texts=tuple(f"text {number}" for number in range(count)),
        labels=tuple(int(number >= count // 2) for number in range(count)),
        label_names=("a", "b"),
        dropped=("2 duplicate rows",),
        places=tuple(("file.csv", number) for number in range(count)),
    )


def test_tokens_are_those_of_all_texts_whatever_has_a_label():
    plain = Unlabelled(tokens={"a": [1] * 7, "b": [1] * 5})

    assert expected_tokens([labelled(1000), labelled(3)], plain, lambda texts: [10] * len(texts)) == 10_030 + 12


@given(PLACES, st.floats(1e-6, 1e-1), st.floats(1, 4000))
def test_as_many_texts_are_scored_as_the_share_of_the_budget_allows(count, seconds, budget):
    [found], _ = within_budget([labelled(count)], NONE, seconds * 10 * count, budget)

    scored, most = len(found.texts), SHARE * budget / (10 * seconds)
    if most >= count * 1.001:
        assert scored == count
    else:
        assert scored <= max(most * 1.001, min(LEAST, count))
        assert scored >= min(count, LEAST, most) or scored * 1.5 >= most


@given(st.integers(101, 5000), st.floats(0.001, 0.999))
def test_the_number_is_one_of_few_and_at_most_a_third_smaller(count, share):
    found = stepped(count, share)

    assert found in {int(LEAST * step * 2**power) for power in range(7) for step in (1, 1.25, 1.5, 1.75)}
    assert found == LEAST or found <= count * share < found * 1.26


def test_texts_labels_and_places_stay_together_and_in_the_order_of_the_file():
    whole = labelled(1000)
    [found], _ = within_budget([whole], NONE, 100, SHARE * 100 * SHARE)

    numbers = [int(text.split()[1]) for text in found.texts]
    assert 100 <= len(numbers) < 1000
    assert all(before < after for before, after in pairwise(numbers))
    assert [whole.labels[number] for number in numbers] == [*found.labels]
    assert [whole.places[number] for number in numbers] == [*found.places]
    assert found.counts[0] == pytest.approx(found.counts[1], abs=1)


@given(st.lists(st.integers(0, 3), min_size=101, max_size=600), st.floats(0.01, 0.99))
def test_every_class_keeps_its_share_and_one_text_at_least(labels, share):
    whole = replace(labelled(len(labels)), labels=tuple(labels), label_names=("a", "b", "c", "d"))
    [found], _ = within_budget([whole], NONE, 1, share / SHARE)

    count = stepped(len(labels), share)
    assert len(found.texts) == count
    assert set(found.labels) == set(labels)
    for before, after in zip(whole.counts, found.counts, strict=True):
        assert after == pytest.approx(before * count / len(labels), abs=4)


@given(st.integers(101, 300), st.integers(0, 60))
def test_no_class_is_lost_where_there_are_more_classes_than_texts(classes, doubled):
    labels = [*range(classes), *range(doubled), *range(doubled)]
    whole = replace(labelled(len(labels)), labels=tuple(labels), label_names=tuple(map(str, range(classes))))
    [found], _ = within_budget([whole], NONE, 1, 0.01 / SHARE)

    assert set(found.labels) == set(labels)
    assert len(found.texts) == classes == len(labels) - found.unscored


@given(st.lists(st.integers(1, 60), min_size=2, max_size=90))
def test_rare_classes_take_no_common_class_away(sizes):
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    whole = replace(labelled(len(labels)), labels=tuple(labels), label_names=tuple(map(str, range(len(sizes)))))
    [found], _ = within_budget([whole], NONE, 1, 0.01 / SHARE)

    assert set(found.labels) == set(labels)
    assert len(found.texts) == min(LEAST, len(labels)) == len(labels) - found.unscored


def test_a_sample_says_what_is_left_out(capsys):
    [found], _ = within_budget([labelled(1000)], NONE, 100, 60 / SHARE)

    assert found.summary == "600 articles (300 a, 300 b); left out: 2 duplicate rows, 400 rows beyond the time budget"
    told = " ".join(capsys.readouterr().err.split())
    assert told == (
        "set mine: 600 of 1000 texts are scored, as many as the time budget allows; a longer --time-budget scores more"
    )


def test_every_set_keeps_the_same_share_and_texts_without_labels_as_well(capsys):
    plain = Unlabelled(tokens={str(number): [1] * 10 for number in range(400)})
    sets = [labelled(1600, "first"), labelled(400, "second")]
    found, rest = within_budget(sets, plain, 240, 120 / SHARE)

    assert [len(one.texts) for one in found] == [800, 200]
    assert [*rest.tokens] == [*plain.tokens][:200]
    assert "texts without labels: 200 of 400 texts are scored" in " ".join(capsys.readouterr().err.split())


def test_what_is_affordable_is_left_as_it_is(capsys):
    sets, plain = (labelled(1000),), Unlabelled(tokens={"a": [1, 2]})

    assert within_budget(sets, plain, 0.1, 160) == (sets, plain)
    assert within_budget((), NONE, 0.0, 160) == ((), NONE)
    assert capsys.readouterr() == ("", "")
