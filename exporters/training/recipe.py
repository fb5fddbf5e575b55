"""A training recipe: everything about a training except its texts, read from TOML and checked key by key."""

from __future__ import annotations

import dataclasses
import functools
import re
import reprlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias

import msgspec
from msgspec import Meta, inspect

from ..checkpoints.architectures import PREFIX, check_architecture
from ..errors import CheckpointError, RecipeError, did_you_mean
from ..files import sha256_json
from ..labels import TASKS, Task

SUFFIX = ".toml"
VALIDATION = "validation"  # the labelled set that is scored after every epoch
MODEL_TYPES = ("albert", "bert", "distilbert", "mobilebert")
PADDINGS = ("max_length", "longest", "bucketed")  # as in deploybench.bench.measure.workload.PADDINGS
PRECISIONS = ("auto", "fp32", "tf32", "bf16", "fp16")
SPLIT = (70, 15, 15)  # per cent of training, validation and test set, for a recipe with one file and no split
_ALBERT_ONLY = ("embedding_size", "num_hidden_groups")
_NOT_HASHED = ("name", "description", "data")  # training does not depend on them: a report names the data by its hash


def _integer(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high, description=f"an integer from {low} to {high}")


def _above(low: float, high: float) -> Meta:
    return Meta(gt=low, le=high, description=f"a number above {low:g}, at most {high:g}")


def _one_of(words: tuple[str, ...]) -> Meta:
    return Meta(pattern=rf"\A(?:{'|'.join(words)})\Z", description=f"one of {', '.join(map(repr, words))}")


# A description is what a message calls the expected value.
_Flag: TypeAlias = Annotated[bool, Meta(description="true or false")]
_Share: TypeAlias = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
_Line: TypeAlias = Annotated[
    str, Meta(pattern=r"\A\s*[^\s][^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*\s*\Z", description="one line of text")
]
_Lines: TypeAlias = Annotated[tuple[_Line, ...], Meta(min_length=1, description="a list of texts")]
_Two: TypeAlias = Annotated[tuple[_Line, _Line], Meta(description="a list of two texts")]
_TABLE = "a table"
_PER_CENT = "three whole numbers above 0 that sum to 100, such as [70, 15, 15]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Sizes of a model trained from scratch; the names are those of its transformers configuration."""

    model_type: Annotated[str, _one_of(MODEL_TYPES)]
    hidden_size: Annotated[int, _integer(8, 8192)]
    num_hidden_layers: Annotated[int, _integer(1, 128)]
    num_attention_heads: Annotated[int, _integer(1, 128)]
    intermediate_size: Annotated[int, _integer(8, 65536)]
    max_position_embeddings: Annotated[int, _integer(8, 65536)]  # tokens
    embedding_size: Annotated[int, _integer(8, 8192)] | None = None  # ALBERT only, and required there
    num_hidden_groups: Annotated[int, _integer(1, 128)] | None = None  # ALBERT only, and required there


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRecipe:
    """A tokenizer that is trained on the training texts."""

    vocab_size: Annotated[int, _integer(100, 1_000_000)]  # pieces at most; few texts give fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """When to stop before the last epoch, by the validation set: F1 of classes weighted by their texts, macro F1, or Spearman."""

    patience: Annotated[int, _integer(1, 1000)] = 3  # epochs in a row without improvement
    threshold: _Share = 0.001  # an improvement is a gain of more than this over the best so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """The model is a student of ``checkpoint``: fewer of its layers, which learn its outputs instead of the labels."""

    layers: Annotated[int, _integer(1, 1000)]  # that are kept; of shared ones, that are applied


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecipe:
    """Where the texts are, unless the command line says so: files that are split already, or one to split."""

    train: _Line | None = None  # relative to the working directory, as the path of a checkpoint
    validation: _Line | None = None
    test: _Line | None = None
    file: _Line | None = None  # instead of the three
    split: Annotated[tuple[int, int, int], Meta(description=_PER_CENT)] | None = None  # of ``file``; None: SPLIT
    text_columns: _Lines | None = None  # None: found by name
    pair_columns: _Two | None = None  # of pairs of texts; None: found by name
    label_column: _Line | None = None  # None: "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training. Either ``architecture``, from scratch, or ``checkpoint`` is set.

    Training continues from a checkpoint, a folder or Hub id, unless it is ``arch:NAME``: the published architecture of
    that name, from scratch.
    """

    name: str  # the file's, without its suffix
    description: _Line
    demonstration: _Flag = False  # it trains a demonstration, not a classifier of news
    task: Annotated[Task, Meta(description=f"one of {', '.join(map(repr, TASKS))}")] = "single-label"
    checkpoint: _Line | None = None
    architecture: Architecture | None = None
    # None: the checkpoint's own; from scratch, a folder given at the call
    tokenizer: TokenizerRecipe | None = None
    student: Student | None = None  # None: all layers of the checkpoint learn the labels
    data: DataRecipe | None = None  # None: files are given at the call
    max_length: Annotated[int, _integer(8, 65536)]  # tokens; longer training texts are cut
    padding: Annotated[str, _one_of(PADDINGS)] = "bucketed"  # of training batches; bucketed ones come in random order
    batch_size: Annotated[int, _integer(1, 65536)]  # texts of one step, on all devices together
    per_device_batch_size: Annotated[int, _integer(1, 65536)] | None = None  # most texts at once; None: batch_size
    eval_batch_size: Annotated[int, _integer(1, 65536)] = 64  # texts
    epochs: Annotated[int, _integer(1, 1000)]
    learning_rate: Annotated[float, _above(0, 1)]  # the peak, after the warm-up
    warmup_ratio: _Share | None = None  # share of all steps; after it the rate falls linearly to 0
    warmup_steps: Annotated[int, _integer(0, 10**9)] | None = None  # instead of the share; without either, 0.1
    weight_decay: _Share = 0.01
    max_grad_norm: Annotated[float, _above(0, 1e6)] = 1.0
    precision: Annotated[str, _one_of(PRECISIONS)] = "fp32"  # of matrix products; auto: the fastest of the device
    gradient_checkpointing: _Flag = False  # recompute activations to save memory
    early_stopping: EarlyStopping | None = None
    seed: Annotated[int, _integer(0, 2**32 - 1)] = 7

    @property
    def architecture_name(self) -> str | None:
        """NAME of ``arch:NAME``, or None."""
        asked = self.checkpoint or ""
        return asked.removeprefix(PREFIX) if asked.startswith(PREFIX) else None

    @property
    def fine_tunes(self) -> bool:
        """Whether training continues from trained weights, with their tokenizer."""
        return self.checkpoint is not None and self.architecture_name is None

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of every value that training depends on: neither names nor the paths of data."""
        facts = {key: value for key, value in dataclasses.asdict(self).items() if key not in _NOT_HASHED}
        if self.task == "single-label":
            del facts["task"]  # trainings that are older than the key stay valid
        if self.student is None:
            del facts["student"]  # likewise
        return sha256_json(facts)


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with the product, sorted."""
    files = resources.files("deploybench.exporters.training.recipes").iterdir()
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX)))


def read_recipe(name_or_path: str | Path) -> Recipe:
    """Read a shipped recipe by its bare name, or any by its path; RecipeError, in one line, for what cannot be used."""
    path = _find(name_or_path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        shipped = ", ".join(recipe_names())
        raise RecipeError(
            f"{path}: cannot be read ({error.strerror or error}); check the path, or name a shipped recipe: {shipped}"
        ) from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise RecipeError(f"{path}: is no TOML file in UTF-8 ({error}); fix it there") from error
    _check_keys(path, content)
    recipe = _convert(path, content)
    _check_origin(path, recipe)
    _check_schedule(path, recipe)
    if recipe.data is not None:
        _check_data(path, recipe.data, recipe.task)
    if recipe.architecture is not None:
        _check_architecture(path, recipe.architecture, recipe.max_length)
    return recipe


def _find(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, Path) or "/" in name_or_path or name_or_path.endswith(SUFFIX):
        return Path(name_or_path)
    shipped = recipe_names()
    if name_or_path in shipped:
        # The product is installed as plain files, never run from a zip, so a resource is a path.
        return Path(str(resources.files("deploybench.exporters.training.recipes") / f"{name_or_path}{SUFFIX}"))
    raise RecipeError(
        f"unknown recipe {name_or_path!r}; {did_you_mean(name_or_path, shipped)}shipped recipes: {', '.join(shipped)}; "
        f"a recipe of your own is given by its path, which ends in {SUFFIX}"
    )


@functools.cache
def _expectations() -> dict[str, str]:
    """What the value of each key must be, required keys first; keys within a table follow a dot."""

    def described(table: Any, prefix: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for each in table.fields:
            [kind] = [one for one in getattr(each.type, "types", [each.type]) if not isinstance(one, inspect.NoneType)]
            key = prefix + each.name
            if isinstance(kind, inspect.DataclassType):
                found |= {key: _TABLE, **described(kind, f"{key}.")}
            elif isinstance(kind, inspect.Metadata):  # all but the name, which is the file's
                found[key] = (kind.extra_json_schema or {})["description"]
        return found

    return described(inspect.type_info(Recipe), "")


def _check_keys(path: Path, content: dict[str, Any]) -> None:
    """Refuse the first unknown key."""
    known = [key for key, expected in _expectations().items() if expected != _TABLE]
    for name, value in content.items():
        nested = _expectations().get(name) == _TABLE and isinstance(value, dict)
        for key in [f"{name}.{inner}" for inner in value] if nested else [name]:
            if key not in _expectations():
                hint = did_you_mean(key, known)
                raise RecipeError(f"{path}: unknown key {key!r}; {hint}known keys: {', '.join(known)}")


def _convert(path: Path, content: dict[str, Any]) -> Recipe:
    """The recipe of a file whose keys are known."""
    try:
        return msgspec.convert({**content, "name": path.stem}, Recipe)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")  # "… - at `$.data.text_columns[0]`"
        keys = re.findall(r"\w+", place.partition("[")[0])
        missing = re.search("missing required field `(.+)`", problem)
        value = functools.reduce(lambda table, key: table[key], keys, content)
        found = "is missing" if missing else f"is {reprlib.repr(value)}"
        key = ".".join([*keys, *(missing.groups() if missing else ())])
        _refuse(path, key, found, _expectations()[key])


def _check_origin(path: Path, recipe: Recipe) -> None:
    """Refuse a recipe without a start for its model, or with two."""
    if recipe.architecture is None and recipe.checkpoint is None:
        _refuse(path, "architecture", "is missing", "a table of sizes, or 'checkpoint' to start from")
    if recipe.checkpoint is not None and recipe.architecture is not None:
        _refuse(path, "checkpoint", f"is {recipe.checkpoint!r} beside 'architecture'", "one of the two")
    if recipe.fine_tunes and recipe.tokenizer is not None:
        _refuse(path, "tokenizer", "is set beside 'checkpoint'", "the checkpoint's own tokenizer: leave it out")
    if recipe.student is not None and not recipe.fine_tunes:
        _refuse(path, "student", "is set without a trained 'checkpoint'", "the classifier whose outputs it learns")
    if recipe.architecture_name is not None:
        try:
            check_architecture(recipe.architecture_name)
        except CheckpointError as error:
            raise RecipeError(f"{path}: 'checkpoint': {error}") from error


def _check_schedule(path: Path, recipe: Recipe) -> None:
    """Refuse two lengths of the warm-up, and more texts on a device than in a step."""
    if recipe.warmup_steps is not None and recipe.warmup_ratio is not None:
        expected = "one of the two: transformers would silently use the steps"
        _refuse(path, "warmup_steps", f"is {recipe.warmup_steps} beside 'warmup_ratio'", expected)
    if (recipe.per_device_batch_size or 1) > recipe.batch_size:
        expected = f"at most batch_size ({recipe.batch_size}), which is that of all devices together"
        _refuse(path, "per_device_batch_size", f"is {recipe.per_device_batch_size}", expected)


def _check_data(path: Path, data: DataRecipe, task: str) -> None:
    """Refuse a mixture of split files and a file to split, and an incomplete one of the two."""
    given = [name for name in ("train", "validation", "test") if getattr(data, name) is not None]
    if data.file is not None and given:
        _refuse(path, f"data.{given[0]}", "is set beside 'data.file'", "files that are split already, or one to split")
    if data.file is not None and task != "single-label":
        _refuse(
            path, "data.file", f"is set for the task {task!r}", "data.train: only texts of one class each are split"
        )
    if data.split is not None and (min(data.split) < 1 or sum(data.split) != 100):  # noqa: PLR2004 - per cent
        _refuse(path, "data.split", f"is {[*data.split]}", _PER_CENT)
    if data.split is not None and data.file is None:
        _refuse(path, "data.split", "is set without 'data.file'", "the file to split")
    if given and data.train is None:
        _refuse(path, "data.train", "is missing", f"one beside 'data.{given[0]}'")


def _check_architecture(path: Path, sizes: Architecture, max_length: int) -> None:
    """Refuse sizes that contradict each other."""
    for name in _ALBERT_ONLY:
        value = getattr(sizes, name)
        if sizes.model_type == "albert" and value is None:
            _refuse(path, f"architecture.{name}", "is missing", "an integer, since the model type is 'albert'")
        if sizes.model_type != "albert" and value is not None:
            _refuse(path, f"architecture.{name}", f"is {value}", f"no such key in the model type {sizes.model_type!r}")
    if sizes.hidden_size % sizes.num_attention_heads:
        expected = f"a multiple of num_attention_heads ({sizes.num_attention_heads})"
        _refuse(path, "architecture.hidden_size", f"is {sizes.hidden_size}", expected)
    if (sizes.num_hidden_groups or 1) > sizes.num_hidden_layers:
        expected = f"at most num_hidden_layers ({sizes.num_hidden_layers})"
        _refuse(path, "architecture.num_hidden_groups", f"is {sizes.num_hidden_groups}", expected)
    if max_length > sizes.max_position_embeddings:
        expected = f"at most architecture.max_position_embeddings ({sizes.max_position_embeddings})"
        _refuse(path, "max_length", f"is {max_length}", expected)


def _refuse(path: Path, key: str, found: str, expected: str) -> NoReturn:
    raise RecipeError(f"{path}: {key!r} {found}, expected {expected}")
