"""A training recipe: everything about a training run but its texts, read from TOML and checked key by key."""

from __future__ import annotations

import dataclasses
import difflib
import reprlib
import tomllib
from dataclasses import MISSING, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from exporters.checkpoints.architectures import PREFIX, check_architecture
from exporters.errors import CheckpointError, RecipeError
from exporters.files import sha256_json
from exporters.training import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".toml"
VALIDATION = "validation"  # the labelled set that is scored after every epoch
MODEL_TYPES = ("albert", "bert")
PADDINGS = ("max_length", "longest", "bucketed")  # the words of bench.measure.workload.PADDINGS
PRECISIONS = ("auto", "fp32", "tf32", "bf16", "fp16")
SPLIT = (70, 15, 15)  # per cent of training, validation and test set, where a recipe names one file and no split
_ALBERT_ONLY = ("embedding_size", "num_hidden_groups")
_OF_WHERE = ("name", "description", "data")  # what training does not depend on: a report names the data by its hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Sizes of a model that is trained from scratch; the names are those of its transformers configuration."""

    model_type: str = rules.choice(MODEL_TYPES)
    hidden_size: int = rules.integer(8, 8192)
    num_hidden_layers: int = rules.integer(1, 128)
    num_attention_heads: int = rules.integer(1, 128)
    intermediate_size: int = rules.integer(8, 65536)
    max_position_embeddings: int = rules.integer(8, 65536)  # tokens
    embedding_size: int | None = rules.integer(8, 8192, None)  # ALBERT only, and needed there
    num_hidden_groups: int | None = rules.integer(1, 128, None)  # ALBERT only, and needed there


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRecipe:
    """A tokenizer that is trained from the training texts."""

    vocab_size: int = rules.integer(100, 1_000_000)  # pieces at most; texts that hold fewer give fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """When to stop before the last epoch: by F1 on the validation set, the average of classes weighted by their texts."""

    patience: int = rules.integer(1, 1000, 3)  # epochs in a row that are no better
    threshold: float = rules.share(0.001)  # better is what gains more than this over the best F1 so far


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecipe:
    """Where the texts are, as far as the command line does not say: files that are split already, or one to be split."""

    train: str | None = rules.line(
        None
    )  # paths start at the folder where the command runs, as that of a checkpoint does
    validation: str | None = rules.line(None)
    test: str | None = rules.line(None)
    file: str | None = rules.line(None)  # in place of the three
    split: tuple[int, int, int] | None = rules.shares(None)  # per cent, of ``file``; None: SPLIT
    text_columns: tuple[str, ...] | None = rules.lines(None)  # None: found by name
    label_column: str | None = rules.line(None)  # None: "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training run. Either ``architecture``, from scratch, or ``checkpoint`` is set.

    A checkpoint is gone on from, a folder or Hub id, unless it is ``arch:NAME``: the published architecture of that name,
    from scratch.
    """

    name: str  # the file's, without its suffix
    description: str = rules.line()
    demonstration: bool = rules.flag(default=False)  # what it trains is a demonstration and no classifier of news
    checkpoint: str | None = rules.line(None)
    architecture: Architecture | None = field(default=None, metadata=rules.table(Architecture))
    # None: that of the checkpoint or, from scratch, a folder that is given at the call
    tokenizer: TokenizerRecipe | None = field(default=None, metadata=rules.table(TokenizerRecipe))
    data: DataRecipe | None = field(default=None, metadata=rules.table(DataRecipe))  # None: files are given at the call
    max_length: int = rules.integer(8, 65536)  # tokens; longer training texts are cut
    padding: str = rules.choice(PADDINGS, "bucketed")  # of training batches; bucketed ones come in random order
    batch_size: int = rules.integer(1, 65536)  # texts behind one step, on all devices together
    per_device_batch_size: int | None = rules.integer(1, 65536, None)  # most texts at once on one; None: batch_size
    eval_batch_size: int = rules.integer(1, 65536, 64)  # texts
    epochs: int = rules.integer(1, 1000)
    learning_rate: float = rules.number_above(0, 1)  # the peak, after the warm-up
    warmup_ratio: float | None = rules.share(None)  # share of all steps; after it the rate falls linearly to 0
    warmup_steps: int | None = rules.integer(0, 10**9, None)  # in place of the share; without either the share is 0.1
    weight_decay: float = rules.share(0.01)
    max_grad_norm: float = rules.number_above(0, 1e6, 1.0)
    precision: str = rules.choice(PRECISIONS, "fp32")  # of matrix products; auto: the best that the device is fast in
    gradient_checkpointing: bool = rules.flag(default=False)  # activations computed twice, for memory
    early_stopping: EarlyStopping | None = field(default=None, metadata=rules.table(EarlyStopping))
    seed: int = rules.integer(0, 2**32 - 1, 7)

    @property
    def architecture_name(self) -> str | None:
        """NAME of ``arch:NAME``, or None."""
        asked = self.checkpoint or ""
        return asked.removeprefix(PREFIX) if asked.startswith(PREFIX) else None

    @property
    def goes_on(self) -> bool:
        """Whether training starts from somebody's weights, and with their tokenizer."""
        return self.checkpoint is not None and self.architecture_name is None

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of every value that training depends on: not of names, and not of where the data lies."""
        facts = {key: value for key, value in dataclasses.asdict(self).items() if key not in _OF_WHERE}
        return sha256_json(facts)


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with the product, sorted."""
    files = resources.files("exporters.training.recipes").iterdir()
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
    recipe: Recipe = _parse(path, Recipe, {**content, "name": path.stem})
    _check_origin(path, recipe)
    _check_schedule(path, recipe)
    if recipe.data is not None:
        _check_data(path, recipe.data)
    if recipe.architecture is not None:
        _check_architecture(path, recipe.architecture, recipe.max_length)
    return recipe


def _find(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, Path) or "/" in name_or_path or name_or_path.endswith(SUFFIX):
        return Path(name_or_path)
    shipped = recipe_names()
    if name_or_path in shipped:
        # The product is installed as plain files, never run from a zip, so a resource is a path.
        return Path(str(resources.files("exporters.training.recipes") / f"{name_or_path}{SUFFIX}"))
    near = difflib.get_close_matches(name_or_path, shipped, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise RecipeError(
        f"unknown recipe {name_or_path!r}; {hint}shipped recipes: {', '.join(shipped)}; "
        f"a recipe of your own is given by its path, which ends in {SUFFIX}"
    )


def _keys(cls: type, prefix: str = "") -> Iterator[str]:
    """Every key that a table may hold, those of the tables within it after a dot."""
    for each in dataclasses.fields(cls):
        if "table" in each.metadata:
            yield from _keys(each.metadata["table"], f"{prefix}{each.name}.")
        elif each.metadata:  # the name comes from the file's own
            yield prefix + each.name


def _check_keys(path: Path, content: dict[str, Any]) -> None:
    """Refuse the first key that no recipe has."""
    known = tuple(_keys(Recipe))
    tables = {key.partition(".")[0] for key in known if "." in key}
    for name, value in content.items():
        nested = name in tables and isinstance(value, dict)
        for key in [f"{name}.{inner}" for inner in value] if nested else [name]:
            if key in known or (key in tables and not nested):
                continue
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RecipeError(f"{path}: unknown key {key!r}; {hint}known keys: {', '.join(known)}")


def _parse(path: Path, cls: type, table: dict[str, Any], prefix: str = "") -> Any:
    """Build one dataclass from one TOML table whose keys are known."""
    values = {}
    for each in dataclasses.fields(cls):
        rule: rules.Rule = each.metadata.get("rule", rules.ANYTHING)
        key, value = prefix + each.name, table.get(each.name)
        if value is None:
            if each.default is MISSING:
                _refuse(path, key, "is missing", rule.expected)
            continue
        if not rule.accepts(value):
            _refuse(path, key, f"is {reprlib.repr(value)}", rule.expected)
        inner = each.metadata.get("table")
        values[each.name] = _parse(path, inner, value, f"{key}.") if inner else rule.convert(value)
    return cls(**values)


def _check_origin(path: Path, recipe: Recipe) -> None:
    """Refuse a recipe that says twice, or not at all, what its model starts from."""
    if recipe.architecture is None and recipe.checkpoint is None:
        _refuse(path, "architecture", "is missing", "a table of sizes, or 'checkpoint' to start from")
    if recipe.checkpoint is not None and recipe.architecture is not None:
        _refuse(path, "checkpoint", f"is {recipe.checkpoint!r} beside 'architecture'", "one of the two")
    if recipe.goes_on and recipe.tokenizer is not None:
        _refuse(path, "tokenizer", "stands beside 'checkpoint'", "the checkpoint's own tokenizer: leave it out")
    if recipe.architecture_name is not None:
        try:
            check_architecture(recipe.architecture_name)
        except CheckpointError as error:
            raise RecipeError(f"{path}: 'checkpoint': {error}") from error


def _check_schedule(path: Path, recipe: Recipe) -> None:
    """Refuse a warm-up that is given twice, and more texts on a device than a step has."""
    if recipe.warmup_steps is not None and recipe.warmup_ratio is not None:
        expected = "one of the two: transformers would let the steps win, and say nothing"
        _refuse(path, "warmup_steps", f"is {recipe.warmup_steps} beside 'warmup_ratio'", expected)
    if (recipe.per_device_batch_size or 1) > recipe.batch_size:
        expected = f"at most batch_size ({recipe.batch_size}), which is that of all devices together"
        _refuse(path, "per_device_batch_size", f"is {recipe.per_device_batch_size}", expected)


def _check_data(path: Path, data: DataRecipe) -> None:
    """Refuse files that are split and to be split, and parts of one of the two."""
    given = [name for name in ("train", "validation", "test") if getattr(data, name) is not None]
    if data.file is not None and given:
        _refuse(
            path, f"data.{given[0]}", "stands beside 'data.file'", "files that are split already, or one to be split"
        )
    if data.split is not None and data.file is None:
        _refuse(path, "data.split", "stands without 'data.file'", "the file that it splits")
    if given and data.train is None:
        _refuse(path, "data.train", "is missing", f"one beside 'data.{given[0]}'")


def _check_architecture(path: Path, sizes: Architecture, max_length: int) -> None:
    """Refuse sizes that do not go together."""
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
