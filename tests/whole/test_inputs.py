"""A model reads what it was trained to read: this project's inputs against plain transformers, one text at a time."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import builders
import numpy as np
import pandas as pd
import pytest

import deploybench.suites
from deploybench.bench import cli
from deploybench.bench.pipeline.checkpoints import find_checkpoint, find_inputs
from deploybench.bench.pipeline.options import Options
from deploybench.exporters.artifacts.artifact import Origin, export_artifact
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.artifacts.parity import compare_logits
from deploybench.exporters.checkpoints.checkpoint import TOKENIZER_FILES, is_named, read_checkpoint
from deploybench.exporters.checkpoints.inputs import read_inputs, write_inputs
from deploybench.exporters.checkpoints.tokenization import FAST_FILE, Pad, padded_batch, tokenise
from deploybench.exporters.errors import CheckpointError, DataError
from deploybench.exporters.serving.example import EXAMPLE, write_example
from deploybench.suites.studies.inputs.__main__ import EQUAL, REFUSED, sweep

TEXTS = builders.texts()
SUITES = Path(deploybench.suites.__file__).parent


@pytest.fixture
def read(tmp_path):
    """What the product makes of a checkpoint folder's inputs; in this process, which has PyTorch loaded anyway."""

    def inputs_of(folder):
        out_dir = tmp_path / "inputs"
        shutil.rmtree(out_dir, ignore_errors=True)
        out_dir.mkdir()
        write_inputs(read_checkpoint(folder), TEXTS[:8], out_dir)
        return read_inputs(out_dir)

    return inputs_of


@pytest.fixture
def answers(read, tmp_path):
    """Logits of texts by the product's variant, as one batch, each padded to the longest."""

    def logits_of(folder, texts=TEXTS, variant="torch-eager"):
        inputs, checkpoint = read(folder), read_checkpoint(folder)
        origin = Origin(
            checkpoint=folder,
            checkpoint_sha256=checkpoint.sha256,
            tokenizer=inputs.tokenizer,
            calibration=(),
            calibration_source="",
            max_length=inputs.max_length,
            scoring_length=inputs.scoring_length(checkpoint),
            head=checkpoint.head,
        )
        made = export_artifact(variant, origin, tmp_path / "artifacts")
        predict = find_variant(variant).load(made.path, 1)
        return predict(*padded_batch(tokenise(inputs.tokenizer, texts, inputs.max_length), inputs.pad))

    return logits_of


def check_equal(found, right, atol=1e-5):
    np.testing.assert_allclose(found, right, rtol=0, atol=atol * max(1.0, np.abs(right).max()))


def check_refused(folder, read, message):
    with pytest.raises(CheckpointError, match=message) as error:
        read(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    "name", ["albert", "bart", "bert", "bloom", "fnet", "gpt2", "llama", "roberta-prelayernorm", "t5"]
)
def test_every_way_of_saving_is_equal_or_refused(name):
    """The whole of it, for every architecture, is the study of inputs."""
    found = sweep([name])[name]
    refused = [row for row in found.values() if row.startswith(REFUSED)]

    assert len(found) == 16
    assert len(refused) + sum(row == EQUAL for row in found.values()) == 16, found
    assert len(refused) == {"fnet": 16, "bloom": 8, "gpt2": 8, "llama": 8}.get(name, 0)
    assert all("\n" not in row and ";" in row for row in refused)


def test_a_text_is_cut_on_the_tokenizers_own_side(tmp_path, answers):
    tokenizer = builders.word_tokenizer(truncation_side="left", model_max_length=24)
    folder = builders.bert(tmp_path / "left", tokenizer=tokenizer)

    check_equal(answers(folder), builders.plain(folder, TEXTS))


@pytest.mark.parametrize(("said", "stored"), [(True, False), (False, True)])
def test_the_tokenizer_is_what_autotokenizer_makes_of_both_files(tmp_path, answers, said, stored):
    folder = builders.bert(tmp_path / "both")
    builders.change(folder / "tokenizer_config.json", do_lower_case=said)
    whole = json.loads((folder / FAST_FILE).read_text())
    whole["normalizer"]["lowercase"] = stored
    (folder / FAST_FILE).write_text(json.dumps(whole))

    check_equal(answers(folder), builders.plain(folder, TEXTS, 64))


def test_a_model_that_pads_on_the_left_is_padded_there(tmp_path, read, answers):
    from transformers import LlamaConfig

    folder = builders.save(
        tmp_path / "llama",
        LlamaConfig,
        tokenizer=builders.ids_and_mask_tokenizer(padding_side="left"),
        **{**builders.BERT, "pad_token_id": 0},
    )

    assert read(folder).pad == Pad(0, "left")
    check_equal(answers(folder), builders.plain(folder, TEXTS, 64))


def test_where_a_side_changes_answers_the_other_is_taken_and_said(tmp_path, read, answers):
    folder = builders.bert(tmp_path / "bert", tokenizer=builders.word_tokenizer(padding_side="left"))
    inputs = read(folder)

    assert inputs.pad == Pad(0, "right")
    assert inputs.notes == (
        "its tokenizer pads on the left, where a text gets other logits in a batch than alone; batches are padded on the "
        "right, where it gets the same",
    )
    check_equal(answers(folder), builders.plain(folder, TEXTS, 64))


@pytest.mark.parametrize("limit", [4, 7, 12])
def test_padding_is_tried_however_short_the_limit_is(tmp_path, read, answers, limit):
    tokenizer = builders.word_tokenizer(padding_side="left", model_max_length=limit)
    folder = builders.bert(tmp_path / "bert", tokenizer=tokenizer)

    assert read(folder).pad == Pad(0, "right")
    check_equal(answers(folder, ["one", *TEXTS]), builders.plain(folder, ["one", *TEXTS]))


@pytest.mark.parametrize("name", ["big_bird", "mobilebert"])
def test_a_model_that_reads_padding_is_served_with_a_caution(tmp_path, read, name):
    """BigBird attends otherwise to what is padded beyond some 700 tokens, MobileBERT to a token that padding stands beside."""
    import transformers

    sizes = {**builders.BERT, "max_position_embeddings": 1500}
    config = transformers.BigBirdConfig
    if name == "mobilebert":
        config, sizes = (
            transformers.MobileBertConfig,
            {**builders.BERT, "embedding_size": 32, "intra_bottleneck_size": 32},
        )
    folder = builders.save(tmp_path / name, config, **sizes, pad_token_id=0)
    builders.change(folder / "tokenizer_config.json", model_max_length=None)
    [note] = read(folder).notes

    assert note.startswith("caution: ")
    assert "reads padding, as in transformers itself: in a batch a text gets other logits than alone (by up to" in note


def xlnet(folder):
    """With the token types of its own tokenizer, whose last token is of a third kind."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast, XLNetConfig

    fast = builders.word_tokenizer().backend_tokenizer
    fast.post_processor = TemplateProcessing("$A:0 [SEP]:0 [CLS]:2", None, [("[SEP]", 3), ("[CLS]", 2)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=fast, padding_side="left", pad_token="[PAD]", pad_token_type_id=3,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip
    sizes = {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64, "pad_token_id": 0}
    return builders.save(folder, XLNetConfig, tokenizer=tokenizer, **sizes)


def test_a_model_is_given_the_token_types_that_change_its_logits(tmp_path, read, answers):
    folder = xlnet(tmp_path / "xlnet")

    assert read(folder).pad.side == "left"
    assert read(folder).typed
    check_equal(answers(folder), builders.plain(folder, TEXTS))


def gpt2(folder, positions):
    from transformers import GPT2Config

    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": positions, "pad_token_id": 0}
    return builders.save(folder, GPT2Config, tokenizer=builders.ids_and_mask_tokenizer(), **sizes)


@pytest.mark.parametrize("limit", [None, 64])
def test_a_model_reads_as_far_as_it_has_positions(tmp_path, read, answers, limit):
    """GPT-2 keeps them under a name of its own; with 700 and no limit of its tokenizer, 512 is not where texts end."""
    positions = 700 if limit is None else limit
    folder = gpt2(tmp_path / "gpt2", positions)
    builders.change(folder / "tokenizer_config.json", model_max_length=None)
    texts = ["word " * 30 + "said " * 640 + ending for ending in ("the end", "a beginning", "it was")]

    assert read(folder).max_length == positions
    check_equal(answers(folder, texts), builders.plain(folder, texts, positions))


@pytest.mark.parametrize("name", ["RobertaConfig", "RobertaPreLayerNormConfig"])
def test_positions_that_begin_after_the_padding_id(tmp_path, read, answers, name):
    import transformers

    folder = builders.save(tmp_path / "roberta", getattr(transformers, name), **{**builders.BERT, "pad_token_id": 1})
    builders.change(folder / "config.json", pad_token_id=None)
    builders.change(folder / "tokenizer_config.json", model_max_length=int(1e30))

    assert read(folder).max_length == 62
    check_equal(answers(folder), builders.plain(folder, TEXTS, 62))


def test_a_left_over_number_of_positions_is_no_limit(tmp_path, read):
    """T5 computes distances, and old configurations of it hold n_positions all the same."""
    from transformers import T5Config

    sizes = {"d_model": 32, "num_layers": 1, "num_heads": 2, "d_kv": 16, "d_ff": 64, "n_positions": 32}
    ends = {"eos_token_id": 3, "pad_token_id": 0, "decoder_start_token_id": 0}
    folder = builders.save(tmp_path / "t5", T5Config, tokenizer=builders.ids_and_mask_tokenizer(), **sizes, **ends)
    builders.change(folder / "tokenizer_config.json", model_max_length=None)

    assert read(folder).max_length is None


def test_a_limit_of_millions_is_not_tried(tmp_path, read):
    from transformers import LlamaConfig

    sizes = {**builders.BERT, "max_position_embeddings": 10_485_760, "pad_token_id": 0}
    folder = builders.save(tmp_path / "llama", LlamaConfig, tokenizer=builders.ids_and_mask_tokenizer(), **sizes)
    builders.change(folder / "tokenizer_config.json", model_max_length=None)

    assert read(folder).max_length == 10_485_760


def test_a_tokenizer_that_gives_no_mask(tmp_path, answers):
    folder = builders.bert(tmp_path / "bert", tokenizer=builders.word_tokenizer(model_input_names=["input_ids"]))

    check_equal(answers(folder), builders.plain(folder, TEXTS, 64))


def test_a_text_without_a_token_is_one_line(tmp_path, read):
    tokenizer = builders.word_tokenizer()
    tokenizer.backend_tokenizer.post_processor = None
    inputs = read(builders.bert(tmp_path / "bert", tokenizer=tokenizer))

    with pytest.raises(
        DataError, match=r"text '\\u200b': the tokenizer makes no token of it, expected at least one; remove it"
    ):
        tokenise(inputs.tokenizer, ["one text", "\u200b"], 64)


def test_what_a_model_reads_beyond_its_limit_is_no_caution(tmp_path, read):
    """No text of more than 512 tokens comes, so that BigBird attends to all of them."""
    from transformers import BigBirdConfig

    sizes = {**builders.BERT, "max_position_embeddings": 1500, "pad_token_id": 0}
    folder = builders.save(tmp_path / "big_bird", BigBirdConfig, **sizes)
    builders.change(folder / "tokenizer_config.json", model_max_length=512)

    assert read(folder).notes == ()


def test_a_model_that_answers_by_chance_is_refused(tmp_path, read):
    """Reformer's hashes are drawn anew at each call."""
    from transformers import ReformerConfig

    sizes = {"hidden_size": 32, "num_attention_heads": 2, "attention_head_size": 16, "feed_forward_size": 64}
    shapes = {"axial_pos_embds_dim": (16, 16), "axial_pos_shape": (8, 8), "max_position_embeddings": 64}
    tokenizer = builders.ids_and_mask_tokenizer()
    layers = {"attn_layers": ["lsh"], "lsh_attn_chunk_length": 4, "num_buckets": 4}
    folder = builders.save(tmp_path / "reformer", ReformerConfig, tokenizer=tokenizer, **sizes, **shapes, **layers)

    check_refused(folder, read, "ReformerForSequenceClassification is not deterministic, but deployed variants receive")


def test_calibration_that_is_somebody_elses_is_one_line(tmp_path, capsys):
    folder = builders.bert(tmp_path / "bert")
    (folder / "calibration.json").write_text("{}")
    asked = [f"--checkpoint={folder}", f"--work-dir={tmp_path / 'work'}", "--variants=torch-eager"]

    assert cli.main(["export", *asked]) == 2
    said = capsys.readouterr().err
    assert "calibration.json: holds no token ids of training texts, expected 'input_ids' and 'source'" in said
    assert "Traceback" not in said


def test_files_of_a_training_that_are_somebody_elses_say_nothing(tmp_path):
    folder = builders.bert(tmp_path / "bert")
    for recipe in (None, "adam", {"max_length": "long"}, {"max_length": -3}):
        (folder / "training.json").write_text(json.dumps({"recipe": recipe}))
        (folder / "seeds.json").write_text('{"sets": [1, 2]}')

        assert (read_checkpoint(folder).trained_length, read_checkpoint(folder).seeded) == (None, {})


@pytest.mark.parametrize("limit", [float("inf"), -1, 0])
def test_what_is_no_limit_of_a_tokenizer(tmp_path, read, limit):
    folder = builders.bert(tmp_path / "bert")
    builders.change(folder / "tokenizer_config.json", model_max_length=limit)

    assert read(folder).max_length == 64


def test_a_model_without_any_limit_reads_texts_whole(tmp_path, read, answers):
    from transformers import BloomConfig

    folder = builders.save(
        tmp_path / "bloom",
        BloomConfig,
        tokenizer=builders.ids_and_mask_tokenizer(),
        hidden_size=32,
        n_layer=2,
        n_head=2,
        pad_token_id=0,
    )
    builders.change(folder / "tokenizer_config.json", model_max_length=None)
    texts = ["word " * 900 + ending for ending in ("the end", "a beginning")]

    assert read(folder).max_length is None
    check_equal(answers(folder, texts), builders.plain(folder, texts, 10_000))


BART = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "num_labels": 2,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "decoder_start_token_id": 3,
}


@pytest.mark.parametrize("variant", ["onnx-fp32", "openvino-fp32", "torchscript"])
def test_a_model_that_needs_its_end_token_is_traced_with_it(tmp_path, answers, variant):
    from transformers import BartConfig

    folder = builders.save(tmp_path / "bart", BartConfig, tokenizer=builders.ids_and_mask_tokenizer(), **BART)
    right = builders.plain(folder, TEXTS, 64)
    found = answers(folder, variant=variant)

    assert compare_logits(find_variant(variant), [right], [found]).agreement == 1.0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_of_16_bits_are_computed_in_fp32(tmp_path, answers, dtype):
    import torch
    from transformers import AutoModelForSequenceClassification

    folder = builders.bert(tmp_path / "bert")
    model = AutoModelForSequenceClassification.from_pretrained(folder).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    right = builders.plain(folder, TEXTS, 64)

    assert json.loads((folder / "config.json").read_text()).get("dtype") == dtype
    check_equal(answers(folder), right)
    for variant in ("torchscript", "onnx-fp32", "openvino-fp32"):
        check_equal(answers(folder, variant=variant), right, 1e-4)
    check_equal(answers(folder, variant="torch-int8-dynamic"), right, 0.2)


def sentencepiece_model(path):
    """A SentencePiece model of the corpus's words, and nothing beside it."""
    import io

    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=written, vocab_size=200, minloglevel=2, hard_vocab_limit=False
    )
    path.write_bytes(written.getvalue())


def test_a_vocabulary_that_autotokenizer_makes_fast_is_enough(tmp_path, answers):
    from transformers import DebertaV2Config

    folder = builders.save(tmp_path / "deberta", DebertaV2Config, **{**builders.BERT, "vocab_size": 300})
    for file in folder.iterdir():
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    sentencepiece_model(folder / "spm.model")
    before = read_checkpoint(folder).sha256

    check_equal(answers(folder), builders.plain(folder, TEXTS, 64))

    (folder / "spm.model").write_bytes((folder / "spm.model").read_bytes() + b"\0")
    assert read_checkpoint(folder).sha256 != before


def test_a_versioned_tokenizer_file_is_part_of_the_digest(tmp_path):
    folder = builders.bert(tmp_path / "bert")
    shutil.copyfile(folder / FAST_FILE, folder / "tokenizer.4.0.0.json")
    before = read_checkpoint(folder).sha256
    (folder / "tokenizer.4.0.0.json").write_bytes((folder / FAST_FILE).read_bytes() + b" ")

    assert read_checkpoint(folder).sha256 != before


def test_every_file_that_a_tokenizer_of_transformers_reads_is_part_of_the_digest():
    """And so fetched from the Hub."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES, tokenizer_class_from_name

    # Of RoCBert and Transformer-XL, which have no fast tokenizer, and so are refused.
    elsewhere = {"word_shape.json", "word_pronunciation.json", "vocab.pkl", "vocab.bin"}
    names = set()
    for kind in CLASSIFIERS:
        for name in TOKENIZER_MAPPING_NAMES.get(kind, ()):
            read = tokenizer_class_from_name(name) if name else None
            names |= set(read.vocab_files_names.values()) if read else set()

    assert len(names) > 10
    assert [name for name in sorted(names - elsewhere) if not is_named(name, TOKENIZER_FILES)] == []


def damage_padding_id(folder):
    builders.change(folder / "config.json", pad_token_id=-1)
    return (
        r"config.json: pad_token_id is -1, expected one of the tokenizer, 0 to \d+; write the id of its padding token"
    )


def damage_embedding(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["brandnew"])
    tokenizer.save_pretrained(folder)
    return r"the tokenizer has ids up to (\d+), the model's embedding \d+ rows; save the tokenizer that the model was"


def damage_adapter(folder):
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text("{}")
    return r"holds a PEFT adapter \(adapter_config.json\), expected a complete model; merge the adapter first"


def damage_adapter_beside(folder):
    (folder / "adapter_config.json").write_text("{}")
    return "merge the adapter first"


def damage_own_model(folder):
    builders.change(folder / "config.json", auto_map={"AutoModelForSequenceClassification": "modeling.Evil"})
    (folder / "modeling.py").write_text("open('/tmp/stolen', 'w')")
    return r"config.json: auto_map names code of the checkpoint's own \(modeling.Evil\), which is never run; if transformers"


def damage_own_tokenizer(folder):
    builders.change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization.Evil", None]})
    return "tokenizer_config.json: auto_map names code of the checkpoint's own"


def damage_unknown_type(folder):
    builders.change(folder / "config.json", model_type="brandnew")
    return "config.json: model_type is 'brandnew', expected one of transformers"


def damage_unknown_type_with_code(folder):
    builders.change(folder / "config.json", model_type="brandnew", auto_map={"AutoConfig": "configuration.Evil"})
    return "model_type is 'brandnew', defined by the checkpoint's own code, which is never run, expected one of transformers"


def damage_names(folder):
    names = {str(index): f"name {index}" for index in range(3)}
    builders.change(
        folder / "config.json", id2label=names, label2id={name: int(index) for index, name in names.items()}
    )
    return "transformers cannot load it as a classifier|weights are missing or of another shape"


def damage_limit(folder):
    builders.change(folder / "tokenizer_config.json", model_max_length=2)
    return "tokenizer_config.json: allows 2 tokens, of which 2 are special ones; expected more than these"


def damage_list_of_code(folder):
    builders.change(folder / "tokenizer_config.json", auto_map=["tokenization.Evil", None])
    return "tokenizer_config.json: auto_map names code of the checkpoint's own"


def damage_other_weights(folder):
    builders.change(folder / "config.json", transformers_weights="other.safetensors")
    return "config.json: transformers_weights names 'other.safetensors', expected model.safetensors"


def damage_shards_elsewhere(folder):
    (folder / "w").mkdir()
    (folder / "model.safetensors").rename(folder / "w" / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "w/model-00001-of-00001.safetensors"}}')
    return "index.json: names shards in other folders .'w/model-00001-of-00001.safetensors'., expected them beside it"


def damage_case_of_words(folder):
    builders.change(folder / "tokenizer_config.json", do_lower_case=None)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": None}))
    return "its tokenizer cannot be loaded"


def damage_heads(folder):
    builders.change(folder / "config.json", architectures=[5])
    return r"is no sequence classifier, architectures are \[5\]"


def damage_length_in_words(folder):
    builders.change(folder / "tokenizer_config.json", model_max_length="64")
    return "transformers cannot load it as a classifier .TypeError: .*check the fields of config.json and tokenizer_config.json"


def damage_vocabulary_in_words(folder):
    builders.change(folder / "config.json", vocab_size="500")
    return "check the fields of config.json and tokenizer_config.json"


def damage_type_in_a_list(folder):
    builders.change(folder / "config.json", model_type=["bert"])
    return "check the fields of config.json and tokenizer_config.json"


def damage_special_tokens_that_are_split(folder):
    builders.change(folder / "tokenizer_config.json", split_special_tokens=True)
    return "BertTokenizerFast gives other ids than the tokenizer.json that it saves .*split_special_tokens"


DAMAGES = [value for name, value in list(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
def test_what_cannot_be_fed_is_one_line_that_names_the_checkpoint(tmp_path, read, damage):
    folder = builders.bert(tmp_path / "bert")
    message = damage(folder)

    check_refused(folder, read, message)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ("---\npipeline_tag: zero-shot-classification\n---\n# NLI\n", "its card says zero-shot-classification"),
        ("---\ntags:\n- bert\n- cross-encoder\n---\n# Reranker\n", "its card says cross-encoder"),
        ("---\npipeline_tag: [Text-Ranking]\ntags: NLI\n---\n", "its card says NLI"),
    ],
)
def test_a_card_that_says_pairs(tmp_path, card, says):
    folder = builders.bert(tmp_path / "bert")
    (folder / "README.md").write_text(card)

    assert read_checkpoint(folder).pairs == says


def test_a_cross_encoder_reads_pairs(tmp_path):
    folder = builders.bert(tmp_path / "bert")
    builders.change(folder / "config.json", sentence_transformers={"version": "5.1.0"})

    assert read_checkpoint(folder).pairs == "its config.json is a CrossEncoder's"


@pytest.mark.parametrize(
    "card",
    [
        "# No head\n",
        "---\npipeline_tag: text-classification\ntags: [nli-free]\n---\n",
        "---\n: : [\n---\n",
        "---\n- a\n---\n",
    ],
)
def test_a_card_that_says_nothing_of_pairs(tmp_path, card):
    folder = builders.bert(tmp_path / "bert")
    (folder / "README.md").write_text(card)

    assert read_checkpoint(folder).pairs == ""


def test_a_model_that_cannot_answer_batches_names_the_field(tmp_path, read):
    folder = gpt2(tmp_path / "gpt2", 64)
    builders.change(folder / "config.json", pad_token_id=None)

    check_refused(folder, read, "config.json has no pad_token_id: add 0, the tokenizer's")


HARD_TEXTS = [
    *TEXTS,
    *(one.upper() for one in TEXTS[:20]),
    *(chr(0x1F600 + index) * 3 + f" Łódź{chr(0x0301)} naïve {index}" for index in range(40)),
    *(chr(0x4E00 + 31 * index) * 9 + " 東京 " + chr(0xAC00 + 7 * index) for index in range(40)),
    *(f"a\x00b{index}\x01\u200b\u202e \t\r\n c" for index in range(30)),
    *(f"[CLS] <s> [MASK] brandnew{index} </s> [PAD]" for index in range(28)),
    "x" * 300_000,
    "word 東京 " * 37_500,
]


def fast_alone(folder):
    pass


def slow_alone(folder):
    (folder / FAST_FILE).unlink()
    vocabulary = dict(builders.word_tokenizer().get_vocab().items())
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)), encoding="utf-8")


def slow_alone_with_added_tokens(folder):
    slow_alone(folder)
    builders.change(folder / "added_tokens.json", brandnew3=len(builders.word_tokenizer()))


def configuration_against_it(folder):
    builders.change(
        folder / "tokenizer_config.json", do_lower_case=False, strip_accents=False, tokenize_chinese_chars=False
    )


def added_to_it_alone(folder):
    from tokenizers import Tokenizer

    fast = Tokenizer.from_file(str(folder / FAST_FILE))
    fast.add_tokens(["brandnew3"])
    fast.save(str(folder / FAST_FILE))


def added_by_transformers(folder):
    tokenizer = builders.word_tokenizer()
    tokenizer.add_tokens(["brandnew3", "東京"])
    tokenizer.save_pretrained(folder)


def left_with_stale_settings(folder):
    """A training that padded and cut to fixed lengths leaves that in the file."""
    from tokenizers import Tokenizer

    fast = Tokenizer.from_file(str(folder / FAST_FILE))
    fast.enable_padding(length=50, direction="left")
    fast.enable_truncation(17, direction="left")
    fast.save(str(folder / FAST_FILE))


def sentencepiece_alone(folder):
    builders.change(folder / "config.json", model_type="albert")
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)
    sentencepiece_model(folder / "spiece.model")


WAYS = [
    *(fast_alone, slow_alone, slow_alone_with_added_tokens, configuration_against_it, added_to_it_alone),
    *(added_by_transformers, left_with_stale_settings, sentencepiece_alone),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda one: one.__name__)
def test_ids_are_autotokenizers(tmp_path, way):
    from transformers import AlbertConfig, AutoTokenizer, BertConfig

    sizes = {**builders.BERT, "vocab_size": 600}
    albert = way is sentencepiece_alone
    folder = builders.save(tmp_path / "saved", AlbertConfig if albert else BertConfig, **sizes)
    way(folder)
    out_dir = tmp_path / "inputs"
    out_dir.mkdir()
    write_inputs(read_checkpoint(folder), HARD_TEXTS, out_dir)

    assert len(HARD_TEXTS) == 200
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenise(out_dir, HARD_TEXTS, 64) == tokenizer(HARD_TEXTS, truncation=True, max_length=64)["input_ids"]
    whole = AutoTokenizer.from_pretrained(folder)(HARD_TEXTS)["input_ids"]
    assert tokenise(out_dir, HARD_TEXTS, None) == whole
    assert len({len(ids) for ids in whole}) > 10


def test_a_tokenizer_whose_saved_form_says_other_ids_is_refused(tmp_path, read, monkeypatch):
    folder = builders.bert(tmp_path / "bert")
    right = builders.word_tokenizer()
    other = builders.word_tokenizer()
    other.backend_tokenizer.normalizer = None
    monkeypatch.setattr(
        type(right), "save_pretrained", lambda self, out: other.backend_tokenizer.save(f"{out}/{FAST_FILE}")
    )

    check_refused(folder, read, "BertTokenizerFast gives other ids than the tokenizer.json that it saves for 'The")


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    """A checkpoint that is everything at once: cuts and pads on the left, and is spelt otherwise than its file says."""
    tokenizer = builders.word_tokenizer(truncation_side="left", padding_side="left", model_max_length=24)
    folder = builders.bert(tmp_path_factory.mktemp("awkward") / "bert", tokenizer=tokenizer)
    whole = json.loads((folder / FAST_FILE).read_text())
    whole["normalizer"]["lowercase"] = False
    (folder / FAST_FILE).write_text(json.dumps(whole))
    labels = {"id2label": {"0": "real", "1": "fake"}, "label2id": {"real": 0, "fake": 1}}
    builders.change(folder / "config.json", **labels)
    return folder


def test_run_score_and_the_served_example_answer_as_transformers_does(awkward, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    right = builders.plain(awkward, TEXTS)
    rows = [{"text": text, "label": int(index % 2)} for index, text in enumerate(TEXTS)]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [f"--checkpoint={awkward}", "--work-dir=work"]

    assert cli.main(["score", *asked, "--variant=onnx-fp32", "set.jsonl", "-o", "out.parquet"]) == 0
    check_equal(pd.read_parquet("out.parquet")[["logit_0", "logit_1"]].to_numpy(), right, 1e-4)

    suite = [sys.executable, "-m", "pytest", "-q", str(SUITES / "test_accuracy.py"), "--benchmark-autosave"]
    done = subprocess.run(
        [*suite, *asked, "--external=set.jsonl", "--variants=onnx-fp32"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
    scored = pd.read_parquet(next(tmp_path.glob("results/**/predictions*.parquet")))
    for variant in ("torch-eager", "onnx-fp32"):
        check_equal(scored.loc[scored["variant"] == variant, ["logit_0", "logit_1"]].to_numpy(), right, 1e-4)

    for variant in ("torch-eager", "onnx-fp32"):
        folder = next((tmp_path / "work" / "artifacts").glob(f"*/{variant}"))
        write_example(folder)
        for index in (0, 17, 39):
            command = [sys.executable, "-I", str(folder / EXAMPLE), TEXTS[index]]
            label, chance = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            chances = np.exp(right[index]) / np.exp(right[index]).sum()
            assert (label, float(chance)) == (
                ("real", "fake")[chances.argmax()],
                pytest.approx(chances.max(), abs=1e-4),
            )


def test_inputs_are_found_once_and_notes_are_said_each_time(tmp_path, capsys):
    folder = builders.bert(tmp_path / "bert", tokenizer=builders.word_tokenizer(padding_side="left"))
    options = Options(checkpoint=str(folder), work_dir=tmp_path / "work")
    checkpoint = find_checkpoint(options)
    first = find_inputs(options, checkpoint, TEXTS[:4])
    stamp = (first.tokenizer / "inputs.json").stat().st_mtime_ns

    assert find_inputs(options, checkpoint, ()) == first
    assert (first.tokenizer / "inputs.json").stat().st_mtime_ns == stamp
    assert capsys.readouterr().err.count("bert: its tokenizer pads on the left") == 2
