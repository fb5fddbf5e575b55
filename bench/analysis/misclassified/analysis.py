"""The misclassified texts of a run, by labelled set: the request and its result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ....exporters.errors import RunFileError, UserError
from ....exporters.variant import REFERENCE
from ...runs.predictions import read_answers
from ...texts.data import read_column
from ...texts.table_file import listed
from .by_value import ValueGroup, by_values
from .examples import Direction, sample_errors
from .matching import AnsweredSet, match_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ...runs.predictions import Answers
    from ...runs.store import Run
    from ...texts.data import LabelledSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What ``deploybench errors`` was asked for."""

    variant: str | None  # None: of every variant
    by: str | None  # column of the labelled files
    examples: int  # of each direction
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetErrors:
    """The misclassified texts of one labelled set."""

    answered: AnsweredSet
    lead_variant: str  # whose probabilities and accuracy are shown
    wrong: int  # texts that it misclassifies
    directions: tuple[Direction, ...]
    values: tuple[ValueGroup, ...]  # empty where no column was asked for


def find_errors(run: Run, sets: Sequence[LabelledSet], asked: Asked) -> list[SetErrors]:
    """Misclassified texts of the sets whose texts are in ``sets``; without any, of all sets of the run, without texts.

    Raises UserError for a run without predictions, texts that are not the run's, and an unknown column or variant.
    """
    if run.checkpoint.task == "score":
        raise UserError(
            f"{run.path}: holds scores, of which none is right or wrong, expected classes or labels; see how scores change "
            f"with: deploybench report {run.path} --table fidelity"
        )
    answers = read_answers(run)
    if not answers:
        raise RunFileError(f"{run.path}: no answers were kept beside it; restore its Parquet file, or measure again")
    if asked.by and not any(one.places for one in sets):
        raise UserError("--by: names a column of labelled files, and none was given; pass them with --external")
    answered = [match_texts(one, answers) for one in sets]
    other = {name for name, info in run.variants.items() if info.another_model and name != asked.variant}
    answers = {name: _without(one, other) for name, one in answers.items()}
    names = [one.name for one in run.sets if one.name in answers]
    answered = answered or [AnsweredSet(name=name, answers=answers[name]) for name in names]
    return [_look_into(one, asked) for one in answered]


def _without(answers: Answers, variants: Collection[str]) -> Answers:
    """The answers of the others: that another model disagrees says little of a text."""
    logits = {name: found for name, found in answers.logits.items() if name not in variants}
    return replace(answers, logits=logits)


def _look_into(answered: AnsweredSet, asked: Asked) -> SetErrors:
    answers = answered.answers
    lead_variant = _lead_variant(answered.name, answers, asked.variant)
    erring = [asked.variant] if asked.variant else list(answers.logits)
    values = by_values(read_column(answered.places, asked.by), answers, lead_variant) if asked.by else []
    return SetErrors(
        answered=answered,
        lead_variant=lead_variant,
        wrong=int((~answers.right(lead_variant)).sum()),
        directions=tuple(sample_errors(answers, erring, lead_variant, asked.examples, asked.seed)),
        values=tuple(values),
    )


def _lead_variant(name: str, answers: Answers, wanted: str | None) -> str:
    """The variant asked for, else the reference, else the first."""
    if wanted and wanted not in answers.logits:
        raise UserError(f"--variant: no answers of {wanted!r} on {name!r}; there are: {listed(answers.logits)}")
    first = next(iter(answers.logits))
    return wanted or (REFERENCE if REFERENCE in answers.logits else first)
