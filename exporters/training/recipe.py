"""A training recipe: everything about a training run but its texts, read from TOML and checked key by key."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import reprlib
import tomllib
from dataclasses import MISSING, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from exporters.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUFFIX = ".toml"
MODEL_TYPES = ("albert", "bert")
_ALBERT_ONLY = ("embedding_size", "num_hidden_groups")


class _Rule(NamedTuple):
    """What the value of one key must be; a message says it in the words of ``expected``."""

    expected: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value


_ANYTHING = _Rule("a value", lambda value: True)  # noqa: ARG005 - a rule like any other


def _integer(low: int, high: int, default: Any = MISSING) -> Any:
    # type() and not isinstance(): true is an int in Python, and not in TOML.
    rule = _Rule(f"an integer from {low} to {high}", lambda value: type(value) is int and low <= value <= high)
    return field(default=default, metadata={"rule": rule})


def _share(default: Any = MISSING) -> Any:
    rule = _Rule("a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1, float)
    return field(default=default, metadata={"rule": rule})


def _number_above(low: float, high: float, default: Any = MISSING) -> Any:
    # Converted, so that 1 and 1.0 are one recipe with one hash.
    expected = f"a number above {low:g}, at most {high:g}"
    rule = _Rule(expected, lambda value: type(value) in (int, float) and low < value <= high, float)
    return field(default=default, metadata={"rule": rule})


def _flag(*, default: bool) -> Any:
    return field(default=default, metadata={"rule": _Rule("true or false", lambda value: type(value) is bool)})


def _line(default: Any = MISSING) -> Any:
    rule = _Rule("one line of text", lambda value: isinstance(value, str) and len(value.strip().splitlines()) == 1)
    return field(default=default, metadata={"rule": rule})


def _choice(*choices: str) -> Any:
    return field(metadata={"rule": _Rule(f"one of {', '.join(map(repr, choices))}", lambda value: value in choices)})


def _table(cls: type) -> dict[str, Any]:
    return {"rule": _Rule("a table", lambda value: isinstance(value, dict)), "table": cls}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Sizes of a model that is trained from scratch; the names are those of its transformers configuration."""

    model_type: str = _choice(*MODEL_TYPES)
    hidden_size: int = _integer(8, 8192)
    num_hidden_layers: int = _integer(1, 128)
    num_attention_heads: int = _integer(1, 128)
    intermediate_size: int = _integer(8, 65536)
    max_position_embeddings: int = _integer(8, 65536)  # tokens
    embedding_size: int | None = _integer(8, 8192, None)  # ALBERT only, and needed there
    num_hidden_groups: int | None = _integer(1, 128, None)  # ALBERT only, and needed there


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRecipe:
    """A tokenizer that is trained from the training texts."""

    vocab_size: int = _integer(100, 1_000_000)  # pieces at most; texts that hold fewer give fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training run. Either ``architecture``, from scratch, or ``checkpoint``, to go on from, is set."""

    name: str  # the file's, without its suffix
    description: str = _line()
    demonstration: bool = _flag(default=False)  # what it trains is a demonstration and no classifier of news
    checkpoint: str | None = _line(None)  # folder or Hub id
    architecture: Architecture | None = field(default=None, metadata=_table(Architecture))
    tokenizer: TokenizerRecipe | None = field(
        default=None, metadata=_table(TokenizerRecipe)
    )  # None: a folder is given at the call
    max_length: int = _integer(8, 65536)  # tokens; longer training texts are cut
    batch_size: int = _integer(1, 65536)  # texts
    epochs: int = _integer(1, 1000)
    learning_rate: float = _number_above(0, 1)  # the peak, after the warm-up
    warmup_ratio: float = _share(0.1)  # share of all steps; after it the rate falls linearly to 0
    weight_decay: float = _share(0.01)
    max_grad_norm: float = _number_above(0, 1e6, 1.0)
    group_by_length: bool = _flag(default=True)  # batches of texts of like length, padded to the longest
    seed: int = _integer(0, 2**32 - 1, 7)

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of every value that training depends on: not of the name and the description."""
        facts = dataclasses.asdict(self)
        del facts["name"], facts["description"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


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
        raise RecipeError(f"{path}: is no TOML file in UTF-8 ({error}); mend it there") from error
    _check_keys(path, content)
    recipe: Recipe = _parse(path, Recipe, {**content, "name": path.stem})
    _check_origin(path, recipe)
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
        rule: _Rule = each.metadata.get("rule", _ANYTHING)
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
    if recipe.checkpoint is not None and recipe.tokenizer is not None:
        _refuse(path, "tokenizer", "stands beside 'checkpoint'", "the checkpoint's own tokenizer: leave it out")


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
