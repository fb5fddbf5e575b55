"""A model of pairs reads two texts, with the token types that plain transformers gives it, in every runtime."""

import importlib
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
from deploybench.bench.api.predictor import load
from deploybench.exporters.artifacts.artifact import Origin, export_artifact
from deploybench.exporters.artifacts.catalogue import default_variants, find_variant
from deploybench.exporters.checkpoints.checkpoint import read_checkpoint
from deploybench.exporters.checkpoints.inputs import read_inputs, write_inputs
from deploybench.exporters.checkpoints.tokenization import TypedIds, ids_from_json, padded_batch, tokenise
from deploybench.exporters.errors import DataError
from deploybench.exporters.head import Head
from deploybench.exporters.serving.example import EXAMPLE, example_call, write_example
from deploybench.exporters.texts import Pair

SINGLE = builders.texts()
PAIRS = [Pair(first, second) for first, second in zip(SINGLE, [*SINGLE[3:], *SINGLE[:3]], strict=True)]
SUITES = str(Path(deploybench.suites.__file__).parent / "test_accuracy.py")


@pytest.fixture(scope="module")
def nli(tmp_path_factory):
    """A BERT whose token types change its answers."""
    return builders.bert(tmp_path_factory.mktemp("nli") / "bert", num_labels=3)


def inputs_of(folder, out_dir, texts=PAIRS):
    out_dir.mkdir()
    write_inputs(read_checkpoint(folder), texts[:8], out_dir)
    return read_inputs(out_dir)


def logits_of(folder, inputs, variant, root, texts=PAIRS):
    ids = tokenise(inputs.tokenizer, texts, inputs.max_length)
    origin = Origin(
        checkpoint=folder,
        checkpoint_sha256="",
        tokenizer=inputs.tokenizer,
        calibration=tuple(ids[:36]),
        calibration_source="",
        max_length=inputs.max_length,
        head=Head(task="single-label", labels=("a", "b", "c")),
    )
    predict = find_variant(variant).load(export_artifact(variant, origin, root).path, 1)
    alone = np.concatenate([predict(*padded_batch([one], inputs.pad)) for one in ids])
    batched = np.concatenate([predict(*padded_batch(ids[at : at + 8], inputs.pad)) for at in range(0, len(ids), 8)])
    return alone, batched


def check_equal(found, right, atol=1e-5):
    np.testing.assert_allclose(found, right, rtol=0, atol=atol * max(1.0, np.abs(right).max()))


def test_types_matter_to_the_model(nli):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    encoded = AutoTokenizer.from_pretrained(nli)(*PAIRS[3], truncation=True, max_length=64, return_tensors="pt")
    with torch.inference_mode():
        bare = AutoModelForSequenceClassification.from_pretrained(nli)(encoded["input_ids"]).logits.numpy()

    assert np.abs(bare - builders.plain(nli, PAIRS[3:4], 64)).max() > 0.1


@pytest.mark.parametrize("variant", ["torch-eager", "torchscript", "onnx-fp32", "onnx-fp32-fused", "openvino-fp32"])
def test_logits_are_those_of_transformers_alone_and_in_batches(nli, tmp_path, variant):
    inputs = inputs_of(nli, tmp_path / "inputs")
    right = builders.plain(nli, PAIRS, 64)
    alone, batched = logits_of(nli, inputs, variant, tmp_path / "artifacts")
    atol = 1e-5 if variant == "torch-eager" else 1e-4

    assert inputs.typed
    assert inputs.pairs
    check_equal(alone, right, atol)
    check_equal(batched, right, atol)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_tokenizer_that_pads_and_cuts_elsewhere(tmp_path, side):
    tokenizer = builders.word_tokenizer(padding_side=side, truncation_side=side, model_max_length=40)
    folder = builders.bert(tmp_path / "bert", tokenizer=tokenizer)
    inputs = inputs_of(folder, tmp_path / "inputs")
    alone, batched = logits_of(folder, inputs, "torch-eager", tmp_path / "artifacts")

    check_equal(alone, builders.plain(folder, PAIRS, 40))
    check_equal(batched, builders.plain(folder, PAIRS, 40))


def test_types_that_a_model_ignores_are_not_passed(tmp_path):
    from transformers import DebertaV2Config

    sizes = {**builders.BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
    folder = builders.save(tmp_path / "deberta", DebertaV2Config, **sizes)
    inputs = inputs_of(folder, tmp_path / "inputs")

    assert not inputs.typed
    check_equal(logits_of(folder, inputs, "torch-eager", tmp_path / "artifacts")[0], builders.plain(folder, PAIRS, 64))


def test_every_default_variant_is_exported_calibrated_and_takes_types(nli, tmp_path):
    inputs = inputs_of(nli, tmp_path / "inputs")
    right = builders.plain(nli, PAIRS, 64)
    for variant in default_variants(("avx512_vnni", "avx512_bf16")):
        alone, _ = logits_of(nli, inputs, variant, tmp_path / "artifacts")

        assert (alone.argmax(axis=1) == right.argmax(axis=1)).mean() > 0.9, variant


def test_lengths_before_truncation_are_those_of_the_whole_pair(nli, tmp_path):
    from transformers import AutoTokenizer

    from deploybench.exporters.checkpoints.tokenization import Tokeniser

    inputs = inputs_of(nli, tmp_path / "inputs")
    ids, whole = Tokeniser(inputs.tokenizer, 60)(PAIRS)

    assert whole == [len(AutoTokenizer.from_pretrained(nli)(*pair)["input_ids"]) for pair in PAIRS]
    assert {len(one) for one in ids} != {60}
    assert max(map(len, ids)) == 60
    assert all(isinstance(one, TypedIds) and len(one) == len(one.types) for one in ids)


def written(folder, columns=("premise", "hypothesis")):
    rows = [{**dict(zip(columns, pair, strict=True)), "label": index % 3} for index, pair in enumerate(PAIRS)]
    (folder / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "set.jsonl"


def test_run_score_and_the_served_example_answer_as_transformers_does(nli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    right = builders.plain(nli, PAIRS, 64)
    logits = [f"logit_{index}" for index in range(3)]
    asked = [f"--checkpoint={nli}", "--work-dir=work"]
    file = written(tmp_path)

    assert cli.main(["score", *asked, "--variant=onnx-fp32", file, "-o", "out.parquet"]) == 0
    check_equal(pd.read_parquet("out.parquet")[logits].to_numpy(), right, 1e-4)

    suite = [sys.executable, "-m", "pytest", "-q", SUITES, "--benchmark-autosave"]
    done = subprocess.run(
        [*suite, *asked, f"--external={file}", "--variants=onnx-fp32"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "40 pairs" in done.stderr + done.stdout
    scored = pd.read_parquet(next(tmp_path.glob("results/**/predictions*.parquet")))
    for variant in ("torch-eager", "onnx-fp32"):
        check_equal(scored.loc[scored["variant"] == variant, logits].to_numpy(), right, 1e-4)

        folder = next((tmp_path / "work" / "artifacts").glob(f"*/{variant}"))
        with load(folder, 1) as predictor:
            found = predictor([tuple(pair) for pair in PAIRS])
            assert found["label"].tolist() == [f"LABEL_{index}" for index in right.argmax(axis=1)]
            with pytest.raises(
                DataError, match=r"^text 1: found str \('a'\), expected a tuple of two texts, as the mo"
            ):
                predictor(["a"])
        write_example(folder)
        assert "python example.py TEXT TEXT" in (folder / EXAMPLE).read_text()
        assert example_call(folder) == f"python {folder / EXAMPLE} TEXT TEXT"
        for index in (0, 17, 39):
            command = [sys.executable, "-I", str(folder / EXAMPLE), *PAIRS[index]]
            label, chance = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            chances = np.exp(right[index]) / np.exp(right[index]).sum()
            assert (label, float(chance)) == (f"LABEL_{chances.argmax()}", pytest.approx(chances.max(), abs=1e-4))


@pytest.mark.parametrize(
    ("columns", "flags", "message"),
    [
        (("left", "right"), [], "no text column, expected"),
        (("premise", "right"), [], "'premise' is one text of a pair: name the columns of both with --pair-columns A,B"),
        (("left", "right"), ["--pair-columns=left,rihgt"], "no column 'rihgt' (did you mean 'right'?)"),
        (("left", "right"), ["--pair-columns=left"], "--pair-columns: found 'left', expected two columns such as"),
        (("premise", "hypothesis"), ["--text-columns=premise,hypothesis"], "pass --pair-columns premise,hypothesis"),
        (("premise", "hypothesis"), ["--pair-columns=a,b", "--text-columns=a"], "pass one of them"),
    ],
)
def test_a_pair_that_cannot_be_found_is_one_line(nli, tmp_path, monkeypatch, capsys, columns, flags, message):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, columns)

    assert cli.main(["score", f"--checkpoint={nli}", *flags, file, "-o", "out.parquet", "--variant=torch-eager"]) == 2
    assert message in capsys.readouterr().err


def test_an_empty_text_of_a_pair_is_one_line_with_its_row(nli, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set.csv").write_text("premise,hypothesis\na b,c d\ne f,\n")

    assert cli.main(["score", f"--checkpoint={nli}", "set.csv", "-o", "out.parquet", "--variant=torch-eager"]) == 2
    assert "set.csv: row 2: no text in 'hypothesis', one of a pair" in capsys.readouterr().err


def test_single_texts_for_a_model_of_pairs_are_refused(nli, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(nli, "reranker")
    Path("reranker/README.md").write_text("---\npipeline_tag: text-ranking\n---\n")
    Path("set.csv").write_text("text,label\na b,0\nc d,1\n")

    assert cli.main(["run", "--checkpoint=reranker", "--external=set.csv"]) == 2
    said = capsys.readouterr().err
    assert "reranker: reads pairs of texts (its card says text-ranking), and set set holds single ones" in said


def test_training_reads_pairs_with_their_types_and_leaves_them_so(tmp_path):
    pairs = [Pair(text, other) for text, other in zip(builders.TEXTS, reversed(builders.TEXTS), strict=True)]
    given = {"texts": pairs, "evaluation": {"test": (pairs, builders.CLASSES)}}
    report = builders.train_tiny(tmp_path / "trained", builders.DROPPING, **given)
    folder = tmp_path / "trained"
    checkpoint, inputs = read_checkpoint(folder), inputs_of(folder, tmp_path / "inputs", pairs)
    right = builders.plain(folder, pairs, builders.TINY.max_length)
    left = [ids_from_json(one) for one in json.loads((folder / "calibration.json").read_text())["input_ids"]]

    assert checkpoint.pairs == "its training.json says so"
    assert inputs.typed
    assert report.accuracy["test"] == pytest.approx((right.argmax(axis=1) == np.array(builders.CLASSES)).mean())
    assert sorted((*one, *one.types) for one in left) == sorted(
        (*one, *one.types) for one in tokenise(inputs.tokenizer, pairs, inputs.max_length)
    )
    assert "text-pair-classification" in (folder / "README.md").read_text()


@pytest.mark.parametrize("control", ["null", "kernel"])
def test_the_controls_of_a_run_take_token_types(control):
    module = importlib.import_module(f"deploybench.bench.worker.{control}")
    predict = module.VARIANT.load(Path(), 1)

    assert predict(*(np.ones((2, 5), dtype=np.int64) for _ in range(3))).ndim == 2
