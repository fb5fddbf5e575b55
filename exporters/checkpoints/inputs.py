"""How texts become a checkpoint's inputs: read from transformers once for each checkpoint, and compared with it on texts.

Every variant receives token ids and a mask made by this project. If they differed from those of transformers, parity checks would
pass although every variant gave the same wrong logits; so a checkpoint with other inputs is refused before anything is exported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, DeploybenchError, first_line
from ..texts import Pair, shown
from .checkpoint import read_json, tokenizer_config
from .classifier import load_classifier, read_configuration
from .padding import find_pad
from .positions import has_table, most_positions, takes
from .tokenization import FAST_FILE, INPUTS_FILE, Pad, Tokeniser, load_tokenizer, save_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..texts import Text
    from .checkpoint import Checkpoint
    from .tokenization import Side

_HIDDEN_OFFSET = 8  # tokens
_UNLIMITED = 100_000  # tokens; a tokenizer without a limit has 1e30, infinity or -1
_CUTS = (9, 5, 17, 33)  # tokens: texts of several lengths, for a batch with padding
_LONG = 300  # tokens of the text with most padding
_FAR = 1024  # tokens that it is padded to: BigBird uses another attention beyond about 700
_SHORT = 24  # tokens: most texts are truncated there
AWKWARD_TEXTS = (
    "The minister said on Tuesday that the budget had passed, by 52 votes to 48, after a debate of nine hours.",
    "You won't BELIEVE what THEY hide from you!!! Read it before it's gone... \N{WINKING FACE}\N{POLICE CAR} #truth @all",
    "  Über naïve façades: coöperation, Łódź, İstanbul, cafe\N{COMBINING ACUTE ACCENT}  \t and\ttabs \n lines  ",
    "新闻报道说预算已经通过。東京のニュース、서울 뉴스 \U0001f1ef\U0001f1f5 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a NUL \x00, a \N{ZERO WIDTH SPACE} space, \N{RIGHT-TO-LEFT OVERRIDE}an override, \N{REPLACEMENT CHARACTER} [CLS] <s> </s>",
    "word " * 2000 + "x" * 5000 + " and an end that only a text cut on the left still has",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How texts become the inputs of a checkpoint."""

    tokenizer: Path  # folder with tokenizer.json, which truncates on its own side
    max_length: int | None  # tokens that positions and tokenizer allow; None: no limit
    truncation_side: Side  # of longer texts
    pad: Pad
    typed: bool = False  # whether the model is given token types as well
    pairs: bool = False  # whether texts are pairs
    notes: tuple[str, ...] = ()  # differences from the checkpoint's own settings, and why

    def scoring_length(self, checkpoint: Checkpoint) -> int | None:
        """Tokens that texts are truncated to when accuracy is measured, or None: as in training, if known."""
        return min((one for one in (self.max_length, checkpoint.trained_length) if one), default=None)


def read_inputs(folder: Path) -> Inputs:
    """Read what ``write_inputs`` wrote into ``folder``."""
    found = json.loads((folder / INPUTS_FILE).read_text(encoding="utf-8"))
    return Inputs(
        tokenizer=folder,
        max_length=found["max_length"],
        truncation_side=found["truncation_side"],
        pad=Pad(**found["pad"]),
        typed=found["typed"],
        pairs=found["pairs"],
        notes=tuple(found["notes"]),
    )


def write_inputs(checkpoint: Checkpoint, texts: Sequence[Text], out_dir: Path) -> None:
    """Write into ``out_dir`` the tokenizer that transformers loads, the length limit, the padding, and whether types are read.

    Compares them with transformers on ``texts``, single ones or pairs, and on AWKWARD_TEXTS. Loads transformers and the model.
    Raises CheckpointError for a checkpoint that cannot be loaded or that needs more inputs than ids, mask and token types.
    """
    try:
        _write(checkpoint, texts, out_dir)
    except DeploybenchError:
        raise
    except Exception as error:  # a field of a wrong type can raise anything
        raise CheckpointError(
            f"{checkpoint.path}: transformers cannot load it as a classifier ({type(error).__name__}: {first_line(error)}); check "
            "the fields of config.json and tokenizer_config.json, or save the model again"
        ) from error


def _write(checkpoint: Checkpoint, texts: Sequence[Text], out_dir: Path) -> None:
    _check_config(checkpoint.path)
    tokenizer = load_tokenizer(checkpoint.path)
    model = load_classifier(checkpoint.path)
    _check_ids(checkpoint.path, tokenizer, model)
    max_length = _max_length(checkpoint.path, tokenizer, model)
    awkward = [*AWKWARD_TEXTS, f"its own {' '.join(tokenizer.all_special_tokens)} within"]
    pairs = not isinstance(texts[0], str)
    # By two, so that no special token stands in a text of the batch: BART refuses different numbers of ends.
    proof = [*(map(Pair, awkward, [*awkward[2:], *awkward[:2]]) if pairs else awkward), *texts]
    save_tokenizer(tokenizer, out_dir, max_length)
    _prove_ids(checkpoint.path, tokenizer, proof, out_dir, max_length)
    sample = _sample(tokenizer, proof, max_length)
    sample.append(_encoded(tokenizer, proof[len(AWKWARD_TEXTS) - 1], min(max_length or _LONG, _LONG)))
    pad, typed, notes = find_pad(checkpoint, model, tokenizer, sample, min(max_length or _FAR, _FAR))
    save_tokenizer(tokenizer, out_dir, max_length, pad)
    facts = {
        "max_length": max_length,
        "truncation_side": tokenizer.truncation_side,
        "pad": pad._asdict(),
        "typed": typed,
        "pairs": pairs,
        "notes": notes,
    }
    (out_dir / INPUTS_FILE).write_text(json.dumps(facts, indent=2), encoding="utf-8")


def _check_config(folder: Path) -> None:
    """Refuse an unknown model type, and a padding id outside the vocabulary, even if it is the type's default."""
    from transformers import CONFIG_MAPPING

    config = read_json(folder / "config.json")
    if config["model_type"] not in CONFIG_MAPPING:
        own = " defined by the checkpoint's own code, which is never run," if "auto_map" in config else ""
        raise CheckpointError(
            f"{folder / 'config.json'}: model_type is {config['model_type']!r},{own} expected one of transformers; "
            "fine-tune such a model"
        )
    defaulted = read_configuration(folder).get_text_config()
    pad, pieces = defaulted.pad_token_id, getattr(defaulted, "vocab_size", None)
    if pad is not None and pieces and not 0 <= pad < pieces:
        raise CheckpointError(
            f"{folder / 'config.json'}: pad_token_id is {pad}, expected one of the tokenizer, 0 to {pieces - 1}; write the id "
            "of its padding token"
        )


def _check_ids(folder: Path, tokenizer: Any, model: Any) -> None:
    """Refuse a tokenizer with ids beyond the embedding table."""
    try:
        rows = model.get_input_embeddings().weight.shape[0]
    except (NotImplementedError, AttributeError):
        return  # no embedding table (CANINE)
    largest = max(tokenizer.get_vocab().values())
    if largest >= rows:
        raise CheckpointError(
            f"{folder}: the tokenizer has ids up to {largest}, the model's embedding {rows} rows; save the tokenizer that the "
            "model was trained with beside it"
        )


def _max_length(folder: Path, tokenizer: Any, model: Any) -> int | None:
    limits = (_positions(tokenizer, model), _own_limit(tokenizer.model_max_length))
    found = min((one for one in limits if one is not None), default=None)
    special = tokenizer.num_special_tokens_to_add()
    if found is not None and found <= special:
        where = "tokenizer_config.json" if "model_max_length" in tokenizer_config(folder) else "config.json"
        raise CheckpointError(
            f"{folder / where}: allows {found} tokens, of which {special} are special ones; expected more than these: "
            "write the length that the model was trained with"
        )
    return found


def _positions(tokenizer: Any, model: Any) -> int | None:
    """The most tokens that the model takes: by its configuration and tables, then by trying down from there."""
    most = most_positions(model)
    if most is None or not has_table(model):  # rotary and relative positions have no limit
        return most
    text = tokenizer("word " * most, return_tensors="pt")["input_ids"]  # with its end, which some architectures need
    for length in range(most, max(0, most - _HIDDEN_OFFSET), -1):
        if takes(model, text[:, -length:]):
            return length
    return most  # another fault: the forward pass of a text will report it


def _own_limit(limit: float) -> int | None:
    """A tokenizer's model_max_length, unless it means no limit."""
    return int(limit) if 0 < limit < _UNLIMITED else None


def _prove_ids(folder: Path, tokenizer: Any, texts: Sequence[Text], saved: Path, max_length: int | None) -> None:
    """Refuse a tokenizer whose saved file gives other ids or types than the tokenizer itself, for complete or truncated texts."""
    special = _special(tokenizer, texts)
    for length in (max_length, min(max_length or _SHORT, _SHORT + special)):
        for text, found in zip(texts, Tokeniser(saved, length).encode(texts), strict=True):
            right = _encoded(tokenizer, text, length, tensors=None)
            if right["input_ids"] != found.ids or right.get("token_type_ids", found.type_ids) != found.type_ids:
                raise CheckpointError(
                    f"{folder}: {type(tokenizer).__name__} gives other ids than the {FAST_FILE} that it saves for "
                    f"{shown(text)[:30]!a}; variants use that file, which cannot hold split_special_tokens, for example: save the "
                    "tokenizer without it"
                )


def _special(tokenizer: Any, texts: Sequence[Text]) -> int:
    """Special tokens of each text."""
    found: int = tokenizer.num_special_tokens_to_add(pair=not isinstance(texts[0], str))
    return found


def _encoded(tokenizer: Any, text: Text, max_length: int | None, tensors: str | None = "pt") -> Any:
    """The inputs that transformers makes of one text."""
    cut = {} if max_length is None else {"truncation": True, "max_length": max_length}
    return tokenizer(*([text] if isinstance(text, str) else text), **cut, return_tensors=tensors)


def _sample(tokenizer: Any, texts: Sequence[Text], max_length: int | None) -> list[Any]:
    """The inputs that transformers makes of some texts, each alone, of several lengths within the limit."""
    special = _special(tokenizer, texts)
    room = _CUTS[-1] if max_length is None else max_length - special
    lengths = [*dict.fromkeys(min(cut, room) for cut in _CUTS), *range(max(1, room - 1), 0, -1)][: len(_CUTS)]
    encoded = (
        _encoded(tokenizer, text, length + special)
        for text, length in zip([one for one in texts if shown(one).strip()], lengths, strict=False)
    )
    return [one for one in encoded if one["input_ids"].shape[1]]
