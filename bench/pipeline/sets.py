"""The labelled sets that the options of a run name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ...exporters.errors import UserError
from ..console import note
from ..texts import data
from ..texts.demonstration import corpus

if TYPE_CHECKING:
    from ...exporters.head import Head
    from .options import Options

DEMONSTRATION_SETS = ("external", "in_domain")


def set_names(options: Options) -> tuple[str, ...]:
    """Names of the sets that ``prepare`` will read, before any is read."""
    if options.checkpoint is None and not options.real and not options.external:
        return DEMONSTRATION_SETS
    pair = ("external",) if options.real else ()
    return (*pair, *(data.parse_external(argument)[0] for argument in options.external))


def labelled_sets(options: Options, head: Head) -> tuple[data.LabelledSet, ...]:
    """The real/fake pair, then the sets of ``--external`` in order, labelled as ``head`` answers; prints one line about each."""
    _refuse_real_fake(options, head)
    keywords: dict[str, Any] = {"label_names": head.labels, "real_label": options.real_label, **reading(options)}
    sets, paths = [], []
    if options.real and options.fake:
        sets.append(data.read_real_fake(options.real, options.fake, **keywords))
        paths.append(options.real)
    for argument in options.external:
        name, path = data.parse_external(argument)
        sets.append(
            data.read_labelled_file(path, task=head.task, name=name, label_column=options.label_column, **keywords)
        )
        paths.append(path)
    names = [one.name for one in sets]
    doubled = next((place for place, name in enumerate(names) if name in names[:place]), None)
    if doubled is not None:
        raise UserError(
            f"--external: two sets are called {names[doubled]!r}; name them apart, such as second={paths[doubled]}"
        )
    for one in sets:  # here: the tables that repeat it come at the end, and not at all with pytest alone
        note(f"set {one.name}: {one.summary}")
    return tuple(sets)


def _refuse_real_fake(options: Options, head: Head) -> None:
    """Raise UserError for flags of two classes where the model answers something else."""
    flag = "--real" if options.real else "--fake" if options.fake else "--real-label" if options.real_label else None
    if flag and head.task != "single-label":
        answers = "gives a score" if head.task == "score" else f"gives any of {len(head.labels)} labels"
        raise UserError(
            f"{flag}: says which of two classes is real, and the model {answers}; pass --external FILE alone"
        )


def reading(options: Options) -> dict[str, Any]:
    """Keywords of the functions that read files of texts."""
    bad_rows = "drop" if options.drop_bad_rows else "refuse"
    return {"text_columns": options.text_columns or None, "bad_rows": bad_rows}


def demonstration_sets() -> tuple[data.LabelledSet, ...]:
    """The labelled sets of the demonstration, from the bundled corpus."""
    sets = []
    splits: dict[str, Literal["external", "test"]] = {"external": "external", "in_domain": "test"}
    for name, split in splits.items():
        texts, labels = corpus.corpus(split)
        sets.append(data.LabelledSet(name=name, texts=texts, labels=labels, label_names=corpus.LABELS, dropped=()))
    return tuple(sets)
