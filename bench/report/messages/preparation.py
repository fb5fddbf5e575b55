"""The report of ``deploybench prepare``, for a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ...texts.prepare.label_leakage import LENGTHS
from ...texts.prepare.near_duplicates import RUN, SIMILAR
from ...texts.prepare.splits import SPLITS
from ...texts.prepare.write import RECORD
from ...units import format_count, format_percent, format_share, many
from ..formats.escapes import excerpt
from ..formats.terminal import WIDTH, simple_table, wrapped

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...statistics import Estimate
    from ...texts.prepare.label_leakage import Rule
    from ...texts.prepare.preparation import Preparation

_NAME = 30  # columns of a name
_LABEL = 12
_SHORT = 8  # columns of a label in the widest table
_HEAD = 2  # columns that tabulate adds to a head
_OF_ACCURACY = len("  accuracy  95 % interval") + 2 * _HEAD
_CLASSES = 3  # with columns of their own; more would not fit
_BAR = 8  # columns of the longest bar
_BARRED = 2  # classes that have bars; more would not fit


def render_preparation(found: Preparation) -> str:
    """Rows kept and left out, splits, overlap, label leakage, lengths."""
    parts = [_head(found), _left_out(found), _balance(found), _overlaps(found)]
    parts += [_columns(found), _features(found), _lengths(found)]
    return "\n\n".join(parts)


def _head(found: Preparation) -> str:
    lines = [
        f"{excerpt(one.name, _NAME)}: {many(one.rows, 'row')}{', the test set' if one.test else ''}"
        for one in found.inputs
    ]
    texts = " + ".join(excerpt(column, _NAME) for column in found.text_columns)
    lines.append(f"text: {texts}; label: {excerpt(found.label_column, _NAME)}")
    return wrapped(lines)


def _left_out(found: Preparation) -> str:
    lines = [f"kept: {format_count(found.kept)} of {many(found.rows, 'row')}"]
    lines += [f"left out: {one}" for one in found.bad]
    lines += [f"left out: {many(count, cause)}" for cause, count in found.removed.items()]
    if found.repeated or found.contradicting:
        lines.append(
            f"the test set is kept as given: {many(found.repeated, 'row')} of it repeat another, "
            f"{format_count(found.contradicting)} are contradictory"
        )
    part, whole = SIMILAR
    lines.append(
        f"near-duplicates: Jaccard similarity of at least {part / whole:g} between sets of {RUN}-word shingles, without case, "
        "punctuation and web addresses; one of them is kept"
    )
    return wrapped(lines)


def _balance(found: Preparation) -> str:
    labels = [excerpt(name, _LABEL) for name in found.label_names]
    rows = []
    for split in SPLITS:
        counts = found.counts[split]
        total = sum(counts)
        shown = [f"{format_count(count)} ({format_percent(count / total)})" for count in _few(counts)]
        rows.append([split, format_count(total), format_percent(total / found.kept), *shown])
    given = any(one.test for one in found.inputs)
    shares = [found.shares.train, found.shares.validation, *([] if given else [found.shares.test])]
    note = (
        f"requested: {'/'.join(map(str, shares))}, seed {found.seed}; the hash of a text decides its split, so that it stays the "
        "same when rows are added or removed"
    )
    notes = [note]
    if len(labels) > _CLASSES:
        notes.append(f"{many(len(labels) - _CLASSES, 'further class')}: see {RECORD}")
    return f"{simple_table(['split', 'rows', 'share', *_few(labels)], rows)}\n{wrapped(notes)}"


def _overlaps(found: Preparation) -> str:
    rows = [
        [f"{of}, found in {where}", format_count(overlap.exact), format_count(overlap.near)]
        for (of, where), overlap in sorted(found.overlaps.items(), key=lambda item: tuple(map(SPLITS.index, item[0])))
    ]
    if not rows:
        return "overlap between splits: none, exact or near"
    note = "counted before rows were left out; now no text and no near-duplicate of it is in two splits"
    if not any(one.test for one in found.inputs):
        note += " (exact copies have one hash, hence one split)"
    return f"{simple_table(['rows of', 'exact', 'near'], rows)}\n{wrapped([note])}"


def _columns(found: Preparation) -> str:
    leakage = found.leakage
    rows = [
        [excerpt(one.name, _NAME), format_count(one.texts), *_accuracy(one, leakage.base)] for one in leakage.columns
    ]
    notes = [
        "accuracy on validation and test of predicting, for each value of the column, its most common class in train",
        f"most common class alone: {format_share(leakage.base.value)}; !: better than that by the 95 % interval",
    ]
    return f"{simple_table(['column', 'values', 'accuracy', '95 % interval'], rows)}\n{wrapped(notes)}"


def _features(found: Preparation) -> str:
    leakage = found.leakage
    labels = [excerpt(name, _SHORT) for name in _few(found.label_names)]
    room = WIDTH - _OF_ACCURACY - sum(2 + max(len(label) + _HEAD, len("100.0 %")) for label in labels)
    rows = [
        [
            excerpt(one.name, room),
            *(format_percent(share) for share in _few(one.of_class)),
            *_accuracy(one, leakage.base),
        ]
        for one in (*leakage.words, *leakage.marks)
    ]
    if not rows:
        return "no word and no mark predicts the class"
    note = (
        "words and marks whose presence predicts the class best: share of each class's texts that contain it; accuracy as "
        "above. A model may learn a source's name, a dateline or a character of one class in place of the task"
    )
    return f"{simple_table(['word or mark', *labels, 'accuracy', '95 % interval'], rows)}\n{wrapped([note])}"


def _lengths(found: Preparation) -> str:
    lengths = _few(found.leakage.lengths)
    largest = max(map(max, lengths))
    used = [place for place in range(len(LENGTHS)) if any(of_class[place] for of_class in lengths)]
    shown = range(used[0], used[-1] + 1)
    columns = [[LENGTHS[place] for place in shown]]
    heads = ["words"]
    bars = len(lengths) <= _BARRED
    for name, of_class in zip(found.label_names, lengths, strict=False):
        total = sum(of_class)
        heads += [excerpt(name, _LABEL), ""] if bars else [excerpt(name, _LABEL)]
        columns.append(
            [f"{format_count(of_class[place])} ({format_percent(of_class[place] / total)})" for place in shown]
        )
        if bars:
            columns.append([("#" * round(_BAR * of_class[place] / largest)).ljust(_BAR) for place in shown])
    return simple_table(heads, list(zip(*columns, strict=True)))


def _accuracy(one: Rule, base: Estimate) -> list[str]:
    mark = "!" if one.accuracy.low > base.value else " "
    low, high = format_share(one.accuracy.low), format_share(one.accuracy.high)
    return [format_share(one.accuracy.value) + mark, f"{low} to {high}"]


def _few(values: Sequence[T]) -> list[T]:
    return list(values[:_CLASSES])
