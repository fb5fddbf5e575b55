"""Windows, head and tail of long texts: every token is read, nothing is longer than asked, special tokens stay."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploybench.bench.analysis.long_texts import long_text_figures
from deploybench.bench.measure.long_texts import distinct, inputs_of, quality
from deploybench.bench.runs.measurement import Figure, Measurement
from deploybench.bench.runs.metrics import WAYS
from deploybench.exporters.checkpoints.long_texts import CUTS, Whole, Windows, cut, pooled, windows_of
from deploybench.exporters.checkpoints.tokenization import TypedIds
from deploybench.exporters.head import Head

FIRST, LAST = -1, -2  # special tokens


@st.composite
def whole_texts(draw):
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    content = draw(st.integers(1, 60))
    ids = [*[FIRST] * before, *range(content), *[LAST] * after]
    ids = TypedIds(ids, [position % 2 for position in range(len(ids))]) if draw(st.booleans()) else ids
    return Whole(ids, before, after)


@st.composite
def windows_for(draw, text):
    length = draw(st.integers(text.special + 1, 40))
    return Windows(length=length, stride=draw(st.integers(1, length - text.special)))


def content(text, ids):
    """The tokens between special ones, which have to be there."""
    ids = [*ids]
    assert ids[: text.before] == [FIRST] * text.before
    assert ids[len(ids) - text.after :] == [LAST] * text.after
    return ids[text.before : len(ids) - text.after]


@given(st.data())
def test_windows_cover_every_token_in_order_and_none_is_too_long(data):
    text = data.draw(whole_texts())
    windows = data.draw(windows_for(text))

    found = [content(text, one) for one in windows_of(text, windows)]
    whole = content(text, text.ids)

    assert all(0 < len(one) <= windows.length - text.special for one in found)
    assert [one[0] for one in found] == [windows.stride * place for place in range(len(found))]
    assert all(one == [*range(one[0], one[-1] + 1)] for one in found)
    assert {token for one in found for token in one} == {*whole}
    assert found[-1][-1] == whole[-1]
    assert all(one[-1] < whole[-1] for one in found[:-1]), "no window is within another"


@given(st.data())
def test_a_text_within_a_window_is_read_as_it_is(data):
    text = data.draw(whole_texts())
    windows = Windows(length=len(text.ids), stride=1)

    assert windows_of(text, windows) == [text.ids]
    assert all(cut(text, len(text.ids), which) == text.ids for which in CUTS)


@given(st.data())
def test_head_and_tail_are_what_they_are_called(data):
    text = data.draw(whole_texts())
    length = data.draw(st.integers(text.special + 1, 70))
    head, tail, both = (content(text, cut(text, length, which)) for which in CUTS)
    whole, room = content(text, text.ids), min(length, len(text.ids)) - text.special

    assert head == whole[:room]
    assert tail == whole[-room:]
    if len(text.ids) > length:
        first = (room + 2) // 4
        assert both == whole[:first] + whole[len(whole) - (room - first) :]
        assert len(both) == room


def test_types_stay_with_their_tokens():
    text = Whole(TypedIds([9, 1, 2, 3, 4, 8], [0, 0, 1, 1, 0, 1]), 1, 1)

    found = windows_of(text, Windows(length=4, stride=2))

    assert [[*one] for one in found] == [[9, 1, 2, 8], [9, 3, 4, 8]]
    assert [one.types for one in found] == [(0, 0, 1, 1), (0, 1, 0, 1)]


def test_the_head_and_the_tail_of_the_paper():
    found = cut(Whole([*range(1000)], 0, 0), 510, "head+tail")

    assert found == [*range(128), *range(1000 - 382, 1000)]


def test_pooling_is_by_text_and_by_output():
    logits = np.array([[1, 5], [3, 1], [-2, -4]], dtype=np.float32)

    assert pooled(logits, [2, 1], "mean").tolist() == [[2, 3], [-2, -4]]
    assert pooled(logits, [2, 1], "max").tolist() == [[3, 5], [-2, -4]]


def test_the_ways_are_those_of_the_metrics():
    text = Whole([*range(9)], 0, 0)

    assert tuple(inputs_of(text, 4, Windows(length=4, stride=2))) == WAYS


def test_what_is_the_same_in_several_ways_is_computed_once():
    windows = Windows(length=4, stride=4)
    short, long = (inputs_of(Whole([*range(count)], 0, 0), 4, windows) for count in (3, 8))

    assert len(distinct([short, short])) == 1
    assert sorted(distinct([long])) == [(0, 1, 2, 3), (0, 5, 6, 7), (4, 5, 6, 7)]


@pytest.mark.parametrize(
    ("head", "labels", "expected"),
    [
        (Head(task="single-label", labels=("a", "b")), (0, 0, 1), (1.0, 0.0, 0.0)),
        (Head(task="multi-label", labels=("a", "b")), ((0,), (1,), ()), (1.0, 1.0, 0.0)),
        (Head(task="multi-label", labels=("a", "b")), ((0, 1), (0,), (0,)), (0.0, 0.0, 1.0)),
        (Head(task="score", labels=("s",)), (3.0, 1.0, 2.0), (1.0,)),
        (Head(task="score", labels=("s",)), (1.0, 3.0, 2.0), (-1.0,)),
    ],
)
def test_answers_are_judged_by_the_task(head, labels, expected):
    logits = np.array([[2, -1], [-1, 1], [1, -1]], dtype=np.float32)

    assert quality(head, logits, labels) == pytest.approx(expected)


def test_scores_or_labels_that_are_all_equal_correlate_with_nothing():
    head, different = Head(task="score", labels=("s",)), np.arange(3, dtype=np.float32).reshape(3, 1)
    assert quality(head, np.ones((3, 1), dtype=np.float32), (1.0, 2.0, 3.0)) == ()
    assert quality(head, different, (1.0, 1.0, 1.0)) == ()


def test_a_change_from_or_to_an_undefined_correlation_is_undefined_too():
    checkpoint = SimpleNamespace(task="score", truncation_side="right")

    def changes(**values):
        def look(metric):
            found = values.get(metric.removesuffix("_accuracy"), ())
            return Measurement(variant="torch-eager", metric=metric, values=found, reason="undefined")

        return {one.metric: one.value for one in long_text_figures(checkpoint, look, blank) if "change" in one.metric}

    assert set(changes(windows=(0.5,)).values()) == {None}
    assert changes(head=(0.25,), windows=(0.5,)) == {
        "head_accuracy_change": 0.0, "tail_accuracy_change": None, "head_tail_accuracy_change": None,
        "windows_accuracy_change": 0.25,
    }  # fmt: skip


def blank(measurement):
    return Figure(
        variant=measurement.variant, metric=measurement.metric, value=None, unit="", low=None, high=None, n=0,
        status="not_measured", reason=measurement.reason, workload=None,
    )  # fmt: skip
