"""ALBERT's fast tokenizer of a SentencePiece model, the same with every version of transformers.

Transformers 4 converts the file itself. Transformers 5 reads the pieces of any file as unigrams, which gives other tokens for
byte pairs (5.23.0: huggingface/transformers, models/albert/tokenization_albert.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

_UNIGRAMS, _BYTE_PAIRS = 1, 2  # as sentencepiece_model.proto numbers them
_CONTROL, _USER_DEFINED = 3, 4
_SPACE = "▁"
_INPUTS = ["input_ids", "token_type_ids", "attention_mask"]
_SPECIAL = {
    "bos_token": "[CLS]",
    "eos_token": "[SEP]",
    "unk_token": "<unk>",
    "sep_token": "[SEP]",
    "pad_token": "<pad>",
    "cls_token": "[CLS]",
}


def albert_tokenizer(path: Path) -> Any:
    """Fast tokenizer of transformers for the SentencePiece model in the file ``path``; raises protobuf's errors."""
    from tokenizers import AddedToken
    from transformers import AlbertTokenizerFast, PreTrainedTokenizerFast

    if not hasattr(AlbertTokenizerFast, "model"):  # transformers 4; in 5 it is a model of unigrams
        return AlbertTokenizerFast(vocab_file=str(path))
    mask = AddedToken("[MASK]", lstrip=True, normalized=False, special=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend(path), mask_token=mask, model_input_names=_INPUTS, **_SPECIAL
    )


def backend(path: Path) -> Any:
    """The same as a Tokenizer of ``tokenizers``, but without the mask token, which includes the space before it."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
    from transformers.convert_slow_tokenizer import import_protobuf

    proto = import_protobuf().ModelProto()
    proto.ParseFromString(path.read_bytes())
    tokenizer = Tokenizer(_model(path, proto))
    tokenizer.add_tokens(
        [
            AddedToken(one.piece, normalized=False, special=one.type == _CONTROL)
            for one in proto.pieces
            if one.type in (_CONTROL, _USER_DEFINED)
        ]
    )
    tokenizer.normalizer = _normalizer(proto)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _model(path: Path, proto: Any) -> Any:
    """Byte pairs in the order of their training, or unigrams with their scores."""
    from tokenizers.models import BPE, Unigram

    # As ALBERT's authors, split a comma from the digit before it.
    scores = {one.piece: one.score - 100 * _ends_as_number(one.piece) for one in proto.pieces}
    kind = proto.trainer_spec.model_type
    if kind == _UNIGRAMS:
        return Unigram([*scores.items()], unk_id=proto.trainer_spec.unk_id)
    if kind != _BYTE_PAIRS:
        raise CheckpointError(
            f"{path}: is a SentencePiece model of type {kind}, expected unigrams (1) or byte pairs (2)"
        )
    ids = {piece: number for number, piece in enumerate(scores)}
    merges = [
        (score, piece[:cut], piece[cut:])
        for piece, score in scores.items()
        for cut in sorted(range(1, len(piece)), key=lambda cut: (ids.get(piece[:cut], -1), ids.get(piece[cut:], -1)))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    merges.sort(key=lambda one: (one[0], len(one[1]), len(one[2])), reverse=True)
    return BPE(ids, [(left, right) for _, left, right in merges], unk_token=proto.trainer_spec.unk_piece, fuse_unk=True)


def _ends_as_number(piece: str) -> bool:
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()


def _normalizer(proto: Any) -> Any:
    """ALBERT's normaliser: lower case, no accents."""
    from tokenizers import Regex, normalizers

    table = proto.normalizer_spec.precompiled_charsmap
    return normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            *([normalizers.Precompiled(table)] if table else []),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
