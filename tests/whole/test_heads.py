"""A model of several labels and one of a score answer as plain transformers does, in files, in frames and in the example."""

import json
import subprocess
import sys
from pathlib import Path

import builders
import numpy as np
import pandas as pd
import pytest

from deploybench.bench import cli
from deploybench.bench.api.predictor import load
from deploybench.bench.score.answers import labels_of
from deploybench.exporters.checkpoints.checkpoint import head_of
from deploybench.exporters.serving.example import EXAMPLE, write_example
from deploybench.exporters.texts import Pair

NAMES = ("anger", 'joy|"love"', "fear", "calm")
SINGLE = builders.texts()
PAIRS = [Pair(first, second) for first, second in zip(SINGLE, [*SINGLE[3:], *SINGLE[:3]], strict=True)]
VARIANTS = ("torch-eager", "onnx-fp32")


@pytest.fixture(scope="module")
def emotions(tmp_path_factory):
    """A BERT of four labels with thresholds of their own, near the median of each, so that all are given sometimes."""
    folder = builders.bert(
        tmp_path_factory.mktemp("emotions") / "bert",
        id2label=dict(enumerate(NAMES)),
        label2id={name: index for index, name in enumerate(NAMES)},
        problem_type="multi_label_classification",
    )
    medians = np.median(1 / (1 + np.exp(-builders.plain(folder, SINGLE, 64))), axis=0)
    builders.change(folder / "config.json", thresholds=[round(float(one), 3) for one in medians[:3]] + [0.999999])
    return folder


@pytest.fixture(scope="module", params=["Identity", "Sigmoid"])
def reranker(request, tmp_path_factory):
    """A BERT of pairs with one output, as a CrossEncoder, whose score is that or its sigmoid."""
    folder = builders.bert(tmp_path_factory.mktemp("reranker") / "bert", num_labels=1)
    activation = {"activation_fn": f"torch.nn.modules.linear.{request.param}", "version": "5.0.0"}
    builders.change(folder / "config.json", sentence_transformers=activation)
    return folder


def write(path, texts):
    """A file of texts, or of pairs, without labels."""
    rows = [{"text": one} if isinstance(one, str) else {"query": one.first, "document": one.second} for one in texts]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def score(tmp_path, monkeypatch, capsys):
    """Score texts by a variant of a checkpoint; gives the frame, what was printed and the artifact."""
    monkeypatch.chdir(tmp_path)

    def scored(folder, variant, texts, *flags):
        file = write(tmp_path / "set.jsonl", texts)
        command = [
            "score",
            f"--checkpoint={folder}",
            "--work-dir=work",
            f"--variant={variant}",
            file,
            "-o",
            "out.parquet",
        ]
        assert cli.main([*command, *flags]) == 0
        artifact = next(Path("work", "artifacts").glob(f"*/{variant}")).resolve()
        return pd.read_parquet("out.parquet"), capsys.readouterr().out, artifact

    return scored


def example(artifact, *texts):
    """Lines that the program beside an artifact prints."""
    write_example(artifact)
    command = [sys.executable, "-I", str(artifact / EXAMPLE), *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def close(found, right, atol=1e-5):
    np.testing.assert_allclose(np.asarray(found, dtype=float), right, rtol=0, atol=atol * max(1.0, np.abs(right).max()))


@pytest.mark.parametrize("variant", VARIANTS)
def test_several_labels(emotions, score, variant):
    right, head = builders.plain(emotions, SINGLE, 64), head_of(emotions)
    chances, atol = 1 / (1 + np.exp(-right)), 1e-5 if variant == "torch-eager" else 1e-4
    expected = [[NAMES[index] for index in np.flatnonzero(row > head.thresholds)] for row in chances]
    made, printed, artifact = score(emotions, variant, SINGLE)

    assert list(made.columns) == ["row", "labels", *(f"logit_{index}" for index in range(4)), "tokens"]
    close(made.filter(like="logit_"), right, atol)
    assert [list(one) for one in made["labels"]] == expected
    assert len({*map(tuple, expected)}) > 4
    counts = [(sum(name in one for one in expected), name) for name in sorted(NAMES)]
    told = [f"{count} {name}" for count, name in counts if count] + [f"{expected.count([])} without a label"]
    assert f"labels: {', '.join(told)}\n" in printed

    with load(artifact, 1) as predictor:
        alone, together = (
            pd.concat([predictor([text]) for text in SINGLE[:6]]),
            predictor(pd.Series(SINGLE, index=range(7, 47))),
        )
        assert list(predictor([]).columns) == list(together.columns)
    assert list(together.columns) == ["labels", *(f"probability_{index}" for index in range(4))]
    assert together.index.tolist() == list(range(7, 47))
    assert together["labels"].tolist() == expected
    close(together.filter(like="probability_"), chances, atol)
    close(alone.filter(like="probability_"), chances[:6], atol)

    empty, several = expected.index([]), max(range(40), key=lambda index: len(expected[index]))
    assert not example(artifact, SINGLE[empty])
    lines = [line.rsplit(maxsplit=1) for line in example(artifact, SINGLE[several])]
    assert [label for label, _ in lines] == expected[several]
    close(
        [float(chance) for _, chance in lines], chances[several][[NAMES.index(one) for one in expected[several]]], atol
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_score_of_a_pair(reranker, score, variant):
    right, atol = builders.plain(reranker, PAIRS, 64), 1e-5 if variant == "torch-eager" else 1e-4
    expected = 1 / (1 + np.exp(-right[:, 0])) if head_of(reranker).sigmoid else right[:, 0]
    made, printed, artifact = score(reranker, variant, PAIRS)

    assert list(made.columns) == ["row", "score", "logit_0", "tokens"]
    close(made["logit_0"], right[:, 0], atol)
    close(made["score"], expected, atol)
    found = made["score"].astype(float)
    assert f"scores: {found.min():.4g} to {found.max():.4g}, mean {found.mean():.4g}\n" in printed

    with load(artifact, 1) as predictor:
        alone, together = pd.concat([predictor([pair]) for pair in PAIRS[:6]]), predictor(PAIRS)
        assert list(predictor([]).columns) == ["score"]
    assert list(together.columns) == ["score"]
    close(together["score"], expected, atol)
    close(alone["score"], expected[:6], atol)
    for index in (0, 17):
        [line] = example(artifact, *PAIRS[index])
        close([float(line)], expected[index : index + 1], atol)


@pytest.mark.parametrize("texts", [[" ", *SINGLE[:3], ""], ["", SINGLE[5]]])
def test_rows_without_text_have_no_labels(emotions, score, texts):
    made, printed, _ = score(emotions, "torch-eager", texts, "--drop-bad-rows")

    assert made["labels"].isna().tolist() == [not one.strip() for one in texts]
    assert "without output: " in printed


def test_the_labels_of_logits(emotions, reranker):
    head, logits = head_of(emotions), builders.plain(emotions, SINGLE, 64)

    assert labels_of(head, logits) == [tuple(np.flatnonzero(row).tolist()) for row in head.answers(logits)]
    assert all(isinstance(one, float) for one in labels_of(head_of(reranker), logits[:, :1]))


@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        ("labels", ["anger|fear", "anger|fright"], "row 2: label 'fright' is none of anger (0), "),
        ("label", ["3.5", "0"], "row 1: label '3.5' is none of anger (0), "),
        ("mood", ["anger", "fear"], "no column 'labels' or 'label', and none for the labels 'anger', "),
    ],
)
def test_a_set_of_another_task_is_one_line(emotions, tmp_path, monkeypatch, capsys, column, cells, message):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"text": SINGLE[:2], column: cells}).to_csv("set.csv", index=False)

    assert cli.main(["run", f"--checkpoint={emotions}", "--external=set.csv"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_names_are_no_scores_of_a_reranker(reranker, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"query": ["a", "a"], "document": ["b", "c"], "label": ["1", "good"]}).to_csv("set.csv", index=False)

    assert cli.main(["run", f"--checkpoint={reranker}", "--external=set.csv"]) == 2
    assert "set.csv: row 2: label 'good' is no number; fix it, or pass" in capsys.readouterr().err
