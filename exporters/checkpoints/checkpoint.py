"""A checkpoint: the folder of a fine-tuned Hugging Face sequence classifier, read without loading it."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError
from ..files import sha256_file
from ..head import Head
from .task import is_cross_encoder, read_head

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..labels import Task

ANSWERS_FILE = "answers.json"  # predicted class and length of every text of each set; never a text
SEEDS_FILE = "seeds.json"  # accuracies of the same training from several seeds
TRAINING_FILE = "training.json"  # written by `deploybench train` beside the weights
CALIBRATION_FILE = "calibration.json"  # token ids of training texts, written by it as well
VALIDATION_FILE = "validation.json"  # row hashes and token ids of validation texts, if there were any
TRAINING_TEXTS_FILE = "training_texts.json"  # row hashes, token ids and classes of other training texts than calibrate
RANDOM_WEIGHTS_FILE = "random_weights.json"  # marks an architecture with random weights
PICKLED_FILE = "pytorch_model.bin"  # the only pickle that --allow-pickle reads
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")
TOKENIZER_FILES = (  # patterns of all files that the tokenizers of transformers read
    *("tokenizer*.json", "special_tokens_map.json", "added_tokens.json"),
    *("*vocab*.json", "*vocab*.txt", "*merges.txt", "*.model", "*.spm", "*.codes", "*.tiktoken", "dict.txt"),
)
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "*merges.txt")  # no vocabulary
INDEX_FILE = "model.safetensors.index.json"
ADAPTER_FILE = "adapter_config.json"  # PEFT's
CARD_FILE = "README.md"
# Tasks and tags in model cards of models that read pairs of texts.
_PAIRED_TASKS = ("text-ranking", "zero-shot-classification", "sentence-similarity")
_PAIRED_TAGS = (
    *("cross-encoder", "reranker", "text-ranking", "nli", "natural-language-inference"),
    *("text-pair-classification", "paraphrase-identification"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Facts of a checkpoint, read without loading the model."""

    path: Path
    name: str
    model_type: str  # "albert"
    labels: tuple[str, ...]  # by output
    num_parameters: int
    size: int  # bytes of the weights files
    trained_length: int | None  # tokens that training texts were cut at, if known
    sha256: str  # of configuration, weights and tokenizer
    random_weights: bool
    demonstration: bool  # trained on the bundled corpus
    task: Task = "single-label"
    thresholds: tuple[float, ...] = ()  # multi-label: probabilities above which each label is given
    sigmoid: bool = False  # score: it is the sigmoid of the logit
    pairs: str = ""  # what says that it was trained on pairs of texts; empty: nothing does
    seeded: dict[str, tuple[float, ...]] = field(
        default_factory=dict
    )  # accuracies of seeds by hash of the labelled set

    @property
    def head(self) -> Head:
        """What its outputs mean."""
        return Head(task=self.task, labels=self.labels, thresholds=self.thresholds, sigmoid=self.sigmoid)


def read_checkpoint(folder: Path, name: str | None = None) -> Checkpoint:
    """Read a checkpoint folder; raise CheckpointError for anything but a sequence classifier."""
    config = read_config(folder)
    weights = weights_files(folder)
    tokenizer = tokenizer_files(folder)
    if all(is_named(file.name, _BESIDE) for file in tokenizer):
        raise CheckpointError(
            f"{folder}: holds no tokenizer, expected tokenizer.json or a vocabulary such as vocab.txt or spm.model; "
            "save the tokenizer that the model was trained with beside it"
        )
    training = _read_if_any(folder / TRAINING_FILE)
    recipe = training.get("recipe")
    trained_length = recipe.get("max_length") if isinstance(recipe, dict) else None
    head = read_head(folder / "config.json", config)
    return Checkpoint(
        path=folder,
        name=name or folder.resolve().name,
        model_type=config["model_type"],
        labels=head.labels,
        task=head.task,
        thresholds=head.thresholds,
        sigmoid=head.sigmoid,
        num_parameters=sum(_count_parameters(file) for file in weights),
        size=sum(file.stat().st_size for file in weights),
        trained_length=trained_length if isinstance(trained_length, int) and trained_length > 0 else None,
        sha256=digest_files([folder / "config.json", *weights, *tokenizer]),
        random_weights=(folder / RANDOM_WEIGHTS_FILE).is_file(),
        demonstration=bool(training.get("demonstration")),
        pairs="its training.json says so" if training.get("pairs") else _pairs(folder, config),
        seeded=_seeded(folder),
    )


def head_of(folder: Path) -> Head:
    """What the outputs of the checkpoint in ``folder`` mean."""
    return read_head(folder / "config.json", read_config(folder))


def tokenizer_files(folder: Path) -> list[Path]:
    """Files of a tokenizer in ``folder``, sorted by name."""
    return [file for file in sorted(folder.iterdir()) if is_named(file.name, TOKENIZER_FILES) and file.is_file()]


def is_named(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file's name matches one of ``patterns``."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def weights_files(folder: Path) -> list[Path]:
    """The safetensors files that transformers loads: one file, or all shards; CheckpointError if any is missing."""
    whole, index = folder / "model.safetensors", folder / INDEX_FILE
    if whole.is_file():  # transformers then ignores an index of shards
        return [whole]
    if index.is_file():
        names = _shards(index)
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise CheckpointError(
                f"{folder}: shard {missing[0]!r} is missing, {index.name} names {len(names)}; copy it there"
            )
        return [folder / name for name in names]
    pickles = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLE_SUFFIXES)
    if pickles:
        raise pickled_only(str(folder), pickles)
    raise CheckpointError(
        f"{folder}: holds no weights, expected model.safetensors; pass the folder that save_pretrained wrote"
    )


def _shards(index: Path) -> list[str]:
    weight_map = read_json(index).get("weight_map")
    names = set(map(str, weight_map.values())) if isinstance(weight_map, dict) else set()
    if not names or not all(name.endswith(".safetensors") for name in names):
        raise CheckpointError(
            f"{index}: names no shards, expected a weight_map of file names; fetch or save the checkpoint again"
        )
    if any("/" in name for name in names):
        raise CheckpointError(
            f"{index}: names shards in other folders ({min(names)!r}), expected them beside it; save the checkpoint again"
        )
    return sorted(names)


def is_pickled(folder: Path) -> bool:
    """Whether the only weights in a folder are pytorch_model.bin."""
    has_safetensors = any((folder / f"model.safetensors{end}").is_file() for end in ("", ".index.json"))
    return not has_safetensors and (folder / PICKLED_FILE).is_file()


def pickled_only(where: str, pickles: Sequence[str]) -> CheckpointError:
    """The error for a checkpoint whose weights are the files ``pickles``; advises --allow-pickle if that can read them."""
    advice = f"--allow-pickle reads {PICKLED_FILE} alone: save"
    if PICKLED_FILE in pickles:
        advice = "a pickle can run any code when it is read: pass --allow-pickle if you trust its author, or save"
    return CheckpointError(
        f"{where}: holds pickled weights only ({pickles[0]}), expected model.safetensors; "
        f"{advice} the model again with safe_serialization=True"
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a checkpoint folder; raise CheckpointError for anything but a classifier."""
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise CheckpointError(f"{folder}: {found}, expected the folder of a fine-tuned sequence classifier")
    path = folder / "config.json"
    if (folder / ADAPTER_FILE).is_file():
        raise CheckpointError(
            f"{folder}: holds a PEFT adapter ({ADAPTER_FILE}), expected a complete model; merge the adapter first, and save "
            "the result of merge_and_unload()"
        )
    if not path.is_file():
        raise CheckpointError(
            f"{folder}: is no checkpoint, it holds no config.json; pass the folder that save_pretrained wrote"
        )
    config = read_json(path)
    if config.get("transformers_weights"):
        raise CheckpointError(
            f"{path}: transformers_weights names {config['transformers_weights']!r}, expected model.safetensors; save the model "
            "again, or rename the file and remove the field"
        )
    _refuse_own_code(path, config, "AutoModelForSequenceClassification")
    _refuse_own_code(folder / "tokenizer_config.json", tokenizer_config(folder), "AutoTokenizer")
    if "model_type" not in config:
        raise CheckpointError(f"{path}: names no model_type, expected a transformers configuration such as 'albert'")
    heads = config.get("architectures") or []
    if not isinstance(heads, list) or not any("SequenceClassification" in str(head) for head in heads):
        found = f"architectures are {heads!r}" if heads else "it names no architectures"
        raise CheckpointError(
            f"{path}: is no sequence classifier, {found}; expected one named …ForSequenceClassification"
        )
    return config


def tokenizer_config(folder: Path) -> dict[str, Any]:
    """The tokenizer's configuration; empty if there is none."""
    return _read_if_any(folder / "tokenizer_config.json")


def _read_if_any(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _pairs(folder: Path, config: dict[str, Any]) -> str:
    """What says that a model was trained on pairs of texts: a single text, or two joined by a space, is another input."""
    says = "its config.json is a CrossEncoder's" if is_cross_encoder(config) else ""
    card = _card(folder)
    for name, paired in (("pipeline_tag", _PAIRED_TASKS), ("tags", _PAIRED_TAGS)):
        found = card.get(name)
        for one in found if isinstance(found, list) else [found]:
            says = f"its card says {one}" if str(one).strip().casefold() in paired else says
    return says


def _card(folder: Path) -> dict[str, Any]:
    """Metadata of the model card; empty if there is none."""
    if not (folder / CARD_FILE).is_file():
        return {}
    from huggingface_hub.repocard import metadata_load

    try:
        found = metadata_load(folder / CARD_FILE)
    except Exception:  # noqa: BLE001 - metadata that cannot be read is ignored
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_own_code(path: Path, config: dict[str, Any], kind: str) -> None:
    """Refuse a checkpoint with its own code: it is never run, and transformers' class of that name may be another model."""
    named = config.get("auto_map")
    own = named.get(kind) if isinstance(named, dict) else named
    if own:
        raise CheckpointError(
            f"{path}: auto_map names code of the checkpoint's own ({own}), which is never run; if transformers has the "
            "same class, remove auto_map"
        )


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a checkpoint; raises CheckpointError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as JSON ({error}); fetch or save the checkpoint again"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path}: holds a {type(content).__name__}, expected a JSON object; save the checkpoint again"
        )
    return content


def _count_parameters(file: Path) -> int:
    """Parameters in one safetensors file, read from its header; buffers of positions do not count."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as tensors:
            return sum(
                math.prod(tensors.get_slice(name).get_shape())
                for name in tensors.keys()  # noqa: SIM118 - not a dict
                if not name.endswith(("position_ids", "token_type_ids"))
            )
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{file}: is no complete safetensors file of {file.stat().st_size:,} bytes ({error}); fetch or save it again"
        ) from error


def digest_files(files: list[Path]) -> str:
    """SHA-256 (hexadecimal) over the names and bytes of files."""
    lines = [f"{file.name} {sha256_file(file)}\n" for file in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _seeded(folder: Path) -> dict[str, tuple[float, ...]]:
    """Accuracies of several seeds by hash of the labelled set; empty if there are none."""
    sets = _read_if_any(folder / SEEDS_FILE).get("sets", {})
    try:
        return {one["sha256"]: tuple(map(float, one["accuracy"])) for one in sets.values()}
    except (AttributeError, KeyError, TypeError, ValueError):  # another file of that name
        return {}
