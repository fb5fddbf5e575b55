"""Training and evaluation texts of a recipe: those of the command line, else its own, else the bundled corpus."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.errors import UserError
from ...exporters.files import sha256_file
from ...exporters.training.recipe import SPLIT, VALIDATION, DataRecipe
from ..console import say
from ..texts import data
from ..texts.demonstration import corpus
from ..texts.pairs import PairColumns
from ..units import format_count, many
from .sets import labelled_sets, reading

if TYPE_CHECKING:
    from ...exporters.training.recipe import Recipe
    from .options import Options

    Sets = tuple[data.LabelledSet, dict[str, data.LabelledSet]]  # training set, and evaluation sets by name

_SCORE = "score"  # the output of every trained score, whatever its column is called


def training_sets(recipe: Recipe, options: Options, *, train: str | None, validation: str | None) -> Sets:
    """Training set and evaluation sets; ``train`` replaces the recipe's files. Raises UserError for an unusable file."""
    if not train and recipe.data is None:
        _refuse_bundled(recipe)
        for flag, value in (("--external", options.external), ("--validation", validation)):
            if value:
                raise UserError(f"{flag}: was given without --train; pass the labelled texts to train on as well")
        return _bundled("train"), {"in_domain": _bundled("test"), "external": _bundled("external")}
    own = recipe.data or DataRecipe()
    options = replace(
        options,
        text_columns=options.text_columns or PairColumns(own.pair_columns or ()) or own.text_columns or (),
        label_column=options.label_column or own.label_column,
    )
    if train:
        own = DataRecipe(train=train)
    elif own.file:
        own = _split(own, recipe.seed, options)
        options = replace(options, label_column=None)  # the files that were written use the default
    if not own.train:
        raise UserError(f"recipe {recipe.name!r}: names no file to train on; pass --train, or give it data.train")
    texts = data.read_labelled_file(
        Path(own.train), task=recipe.task, label_column=options.label_column, **reading(options)
    )
    if recipe.task == "score":
        texts = replace(texts, label_names=(_SCORE,))
    say(f"training set {texts.name}: {texts.summary}")
    scored = {VALIDATION: validation or own.validation, "test": own.test}
    named = (f"{name}={file}" for name, file in scored.items() if file)
    options = replace(options, external=(*named, *options.external))
    return texts, {one.name: one for one in labelled_sets(options, texts.head)}


def _refuse_bundled(recipe: Recipe) -> None:
    if recipe.task != "single-label":
        raise UserError(
            f"--train: recipe {recipe.name!r} has the task {recipe.task!r}, expected labelled texts to train on, since the "
            "bundled corpus has one class a text; pass --train FILE"
        )


def _split(own: DataRecipe, seed: int, options: Options) -> DataRecipe:
    """Split one file into three, once per content, in the work folder."""
    from ..texts.prepare.preparation import Request, prepare_texts
    from ..texts.prepare.rows import Files
    from ..texts.prepare.splits import SPLITS, Shares

    file = Path(own.file or "")
    request = Request(
        files=Files(labelled=(file,)),
        output=options.work_dir,
        shares=Shares(**dict(zip(SPLITS, own.split or SPLIT, strict=True))),
        seed=seed,
        text_columns=options.text_columns,
        label_column=options.label_column,
        bad_rows=reading(options)["bad_rows"],
    )
    content = sha256_file(file) if file.is_file() else ""  # a missing file is reported where it is read
    digest = hashlib.sha256(f"{content}{replace(request, files=Files())}".encode()).hexdigest()[:16]
    folder = options.work_dir / "prepared" / digest
    if not folder.is_dir():
        found = prepare_texts(replace(request, output=folder))
        say(f"{file}: {format_count(found.kept)} of {many(found.rows, 'row')} are split into {folder}")
    train, validation, test = (str(folder / f"{split}.csv") for split in SPLITS)
    return DataRecipe(train=train, validation=validation, test=test)


def _bundled(split: Any) -> data.LabelledSet:
    texts, labels = corpus.corpus(split)
    return data.LabelledSet(name=split, texts=texts, labels=labels, label_names=corpus.LABELS, dropped=())
