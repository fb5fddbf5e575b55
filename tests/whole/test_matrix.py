"""The matrix of architectures and variants, small: what could not be exported before, and what cannot work."""

import json

import pytest

from deploybench.exporters.checkpoints.inputs import read_inputs
from deploybench.exporters.errors import CheckpointError
from deploybench.suites.studies.matrix import __main__ as matrix
from deploybench.suites.studies.matrix.models import prepare


def test_inputs_that_optimum_drops_and_an_architecture_that_it_does_not_know(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert matrix.main(["--architectures=BigBird,XLNet", "--variants=onnx-fp32"]) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "results" / "studies" / "matrix.json").read_text())["architectures"]
    assert [(row["typed"], row["padding"]) for row in found.values()] == [(True, "right"), (True, "left")]
    for row in found.values():
        assert [*row["variants"]] == ["torch-eager", "onnx-fp32"]
        assert not any("failed" in one for one in row["variants"].values()), row
        assert row["variants"]["onnx-fp32"]["parity"]["examples"] > 12
    assert printed.count("| ✓ | ✓ |") == 2

    assert matrix.main(["--show"]) == 0
    assert capsys.readouterr().out == printed


def test_masks_that_a_trace_or_a_runtime_cannot_make():
    """transformers makes them by vmap, and padding on the left, which reads no token, is NaN in OpenVINO."""
    row = matrix.sweep(["Llama"], ["openvino-fp32"])["Llama"]

    assert row["padding"] == "left"
    assert "failed" not in row["variants"]["openvino-fp32"], row


def test_what_cannot_be_traced_fails_with_one_line_that_says_so():
    found = matrix.sweep(["Longformer"], ["onnx-fp32", "openvino-fp32"])["Longformer"]["variants"]

    assert "failed" not in found.pop("torch-eager")
    [reason] = {one["failed"] for one in found.values()}
    assert reason.startswith(
        "LongformerForSequenceClassification computes with the sizes of a batch in Python, so that a"
    )


def test_words_that_are_special_tokens_are_not_tried_in_a_batch(tmp_path):
    """BART refuses texts with different numbers of ends, which it counts among the words as well."""
    singles, pairs = prepare("BART", tmp_path)

    assert len(singles) == len(pairs) == 48
    assert read_inputs(tmp_path / "inputs").pairs


def test_a_name_that_is_no_architecture_is_one_line(capsys):
    assert matrix.main(["--architectures=BERT,Lama"]) == 2
    assert "--architectures: found 'Lama', did you mean 'Llama'?" in capsys.readouterr().err


def test_a_decoder_without_a_padding_id_names_the_field(tmp_path, monkeypatch):
    from transformers import AutoConfig

    save = AutoConfig.for_model
    monkeypatch.setattr(AutoConfig, "for_model", lambda kind, **fields: save(kind, **{**fields, "pad_token_id": None}))

    with pytest.raises(CheckpointError, match="config.json has no pad_token_id: add 1, the tokenizer's"):
        prepare("GPT-2", tmp_path)
