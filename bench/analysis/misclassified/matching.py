"""Match texts of a file to the predictions of a saved run by their hashes; a run holds no texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....exporters.errors import DataError
from ....exporters.metrics import multi_hot
from ....exporters.texts import shown
from ...texts.table_file import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...runs.predictions import Answers
    from ...texts.data import LabelledSet
    from ...texts.text_rows import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredSet:
    """A labelled set of a run with its predictions; texts and places in the same order, empty where no file was given."""

    name: str
    answers: Answers
    texts: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()  # empty for texts of no file


def match_texts(labelled: LabelledSet, answers: Mapping[str, Answers]) -> AnsweredSet:
    """The set of the run with the same name, else the one with most of the texts.

    Raises DataError for a text of that set that is missing or has another label.
    """
    index = {row: index for index, row in enumerate(labelled.row_hashes)}
    asked = [labelled.name] if labelled.name in answers else list(answers)
    held = {name: sum(row in index for row in answers[name].rows.tolist()) for name in asked}
    name = max(asked, key=lambda one: held[one] / len(answers[one].rows))
    rows = answers[name].rows.tolist()
    if held[name] < len(rows):
        some = f"{held[name]} of the {len(rows)} texts of the run's set {name!r}, expected all"
        none = f"no text of the run, expected all of one of its sets: {listed(asked)}"
        raise DataError(
            f"{_source(labelled)}: holds {some if held[name] or len(asked) == 1 else none}; "
            "give the file that was measured, with the same --text-columns"
        )
    order = [index[row] for row in rows]
    labels = [labelled.labels[place] for place in order]
    if answers[name].head.task == "multi-label":
        labels = multi_hot(labels, len(answers[name].head.labels)).tolist()
    if labels != answers[name].labels.tolist():
        raise DataError(
            f"{_source(labelled)}: labels texts of the run's set {name!r} differently from the run; "
            "give the file as it was measured"
        )
    return AnsweredSet(
        name=name,
        answers=answers[name],
        texts=tuple(shown(labelled.texts[place]) for place in order),
        places=tuple(labelled.places[place] for place in order) if labelled.places else (),
    )


def _source(labelled: LabelledSet) -> str:
    """The files of a set."""
    return ", ".join(map(str, dict.fromkeys(path for path, _ in labelled.places))) or labelled.name
