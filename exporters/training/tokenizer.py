"""The tokenizer of a training: trained on its texts, read from a folder, or the base checkpoint's own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ..checkpoints.tokenization import saved_tokenizer
from ..errors import CheckpointError, DataError, first_line
from .sentence_pieces import albert_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .recipe import TokenizerRecipe

_SPIECE = "spiece.model"
_SAVED = ("tokenizer.json", "tokenizer_config.json")  # AutoTokenizer needs one of them


def train_tokenizer(recipe: TokenizerRecipe, texts: Sequence[str], folder: Path) -> Any:
    """ALBERT tokenizer with pieces trained on ``texts`` by SentencePiece; writes its ``spiece.model`` to ``folder``.

    Raises DataError for too few texts. SentencePiece trains, on one thread, because the trainer of ``tokenizers`` is not
    deterministic (12 runs gave 12 vocabularies). Byte pairs, not the unigrams of ALBERT's authors: on a few thousand texts
    unigrams gave 925 pieces that split "that" in two, and a third more tokens.
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="bpe",
            vocab_size=recipe.vocab_size,
            hard_vocab_limit=False,
            character_coverage=1.0,  # otherwise a rare digit may become unknown
            num_threads=1,
            normalization_rule_name="nmt_nfkc_cf",  # lower case, as ALBERT's
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            pad_piece="<pad>",
            control_symbols=["[CLS]", "[SEP]", "[MASK]"],  # ids 2, 3 and 4, as ALBERT's
            minloglevel=2,
        )
    except RuntimeError as error:
        raise DataError(
            f"{len(texts)} training texts are too few for a tokenizer ({first_line(error)}); pass more texts"
        ) from error
    path = folder / _SPIECE
    path.write_bytes(model.getvalue())
    return albert_tokenizer(path)


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer in ``folder``; a SentencePiece model without any other file is read as ALBERT's. Raises CheckpointError."""
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise CheckpointError(f"{folder}: {found}, expected the folder of a tokenizer, such as one with {_SPIECE}")
    alone = (folder / _SPIECE).is_file() and not any((folder / name).is_file() for name in _SAVED)
    try:
        tokenizer = albert_tokenizer(folder / _SPIECE) if alone else saved_tokenizer(folder)
    except Exception as error:  # tokenizers and protobuf raise plain exceptions
        raise CheckpointError(
            f"{folder}: holds no tokenizer that can be read ({first_line(error)}); expected {_SPIECE}, or the files that "
            "save_pretrained of a tokenizer writes"
        ) from error
    if not tokenizer.is_fast:
        found = type(tokenizer).__name__
        raise CheckpointError(f"{folder}: {found} has no fast version, expected one that is saved as tokenizer.json")
    if tokenizer.pad_token_id is None:
        raise CheckpointError(f"{folder}: its tokenizer has no padding token, expected one of a text classifier")
    return tokenizer
