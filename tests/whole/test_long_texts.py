"""Long texts by windows, with a real tiny model: scored, measured in a run, and refused where they cannot be read."""

import json
from types import SimpleNamespace

import builders
import numpy as np
import pandas as pd
import pytest

from deploybench.bench import cli
from deploybench.bench.report.messages.first_screen import first_screen
from deploybench.bench.runs.store import read_run
from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.checkpoints.inputs import AWKWARD_TEXTS
from deploybench.exporters.checkpoints.long_texts import WholeTokeniser, Windows, windows_of
from deploybench.exporters.checkpoints.tokenization import Tokeniser, save_tokenizer

TEXTS = corpus.corpus("test")[0]
LONG = [" ".join(TEXTS[place : place + 12]) for place in range(0, 60, 6)]  # hundreds of tokens
QUICK = ("--batch-sizes=1", "--time-budget=20")
SHORT = [" ".join(text.split()[:8]) for text in TEXTS[:30]]


def overflowing(tokenizer, text, length, stride):
    """The windows that transformers makes; its stride is what two windows share."""
    shared = length - tokenizer.num_special_tokens_to_add() - stride
    return tokenizer(text, truncation=True, max_length=length, stride=shared, return_overflowing_tokens=True)[
        "input_ids"
    ]


def sentence_pieces():
    """A tokenizer whose texts have an end and no start, as T5's."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = builders.ids_and_mask_tokenizer()
    end = tokenizer.sep_token
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, tokenizer.sep_token_id)]
    )
    return tokenizer


def no_special():
    """A tokenizer without special tokens, as GPT-2's."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = builders.ids_and_mask_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A")
    return tokenizer


@pytest.mark.parametrize("make", [builders.word_tokenizer, sentence_pieces, no_special])
@pytest.mark.parametrize(("length", "stride"), [(16, 14), (16, 7), (64, 32), (40, 1)])
def test_windows_are_those_of_transformers(make, length, stride, tmp_path):
    tokenizer = make()
    save_tokenizer(tokenizer, tmp_path, 64)
    texts = [*TEXTS[:20], *LONG[:3], *AWKWARD_TEXTS[:5], "[CLS] a text that [SEP] names them [SEP]"]
    if stride < 2:
        texts = texts[:3]

    found = WholeTokeniser(Tokeniser(tmp_path, None))(texts)

    for text, whole in zip(texts, found, strict=True):
        assert [[*one] for one in windows_of(whole, Windows(length=length, stride=stride))] == overflowing(
            tokenizer, text, length, stride
        )


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A work folder, so that artifacts are made once."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def command(work, checkpoint_folder):
    return [f"--checkpoint={checkpoint_folder}", f"--work-dir={work}"]


@pytest.fixture(scope="module")
def logits(checkpoint_folder):
    """Logits of one input by transformers itself."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder)

    def of(text, length, stride):
        with torch.no_grad():
            inputs = overflowing(tokenizer, text, length, stride)
            return np.concatenate([model(torch.tensor([ids])).logits.numpy() for ids in inputs])

    return of


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_file_is_scored_by_its_windows(pool, command, logits, tmp_path, capsys):
    texts = [*LONG[:5], *SHORT[:5], *LONG[5:]]
    source, output = tmp_path / "posts.csv", tmp_path / "out.parquet"
    pd.DataFrame({"text": texts}).to_csv(source, index=False)

    asked = ["score", *command, "--variant=onnx-fp32", str(source), "-o", str(output)]
    assert cli.main([*asked, "--windows=32/20", f"--pool={pool}"]) == 0

    made, windows = pd.read_parquet(output), [logits(text, 32, 20) for text in texts]
    assert list(made.columns) == ["row", "label", "probability", "logit_0", "logit_1", "tokens", "windows"]
    assert made["windows"].tolist() == [len(one) for one in windows]
    assert made["windows"].max() > 5
    expected = np.stack([getattr(one, pool)(axis=0) for one in windows])
    np.testing.assert_allclose(made[["logit_0", "logit_1"]], expected, atol=1e-4)
    printed = capsys.readouterr().out
    assert f"windows of 32 tokens, one every 20: {made['windows'].mean():.1f} a text; {pool} of their logits" in printed

    assert cli.main(asked) == 0  # without windows again
    before = pd.read_parquet(output)
    assert list(before.columns) == list(made.columns)[:-1]
    short = (before["tokens"] <= 32).to_numpy()
    assert short.sum() > 1
    pd.testing.assert_frame_equal(made.loc[short, before.columns], before[short])


@pytest.fixture(scope="module")
def saved(command, tmp_path_factory):
    """A run with windows on long texts and on short ones."""
    folder = tmp_path_factory.mktemp("run")
    texts, labels = [*LONG, *SHORT], [place % 2 for place in range(40)]
    rows = [json.dumps({"text": text, "label": label}) for text, label in zip(texts, labels, strict=True)]
    (folder / "long.jsonl").write_text("\n".join(rows))
    rows = [json.dumps({"text": f"{word} again", "label": place % 2}) for place, word in enumerate("abcdefgh")]
    (folder / "short.jsonl").write_text("\n".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        sets = [f"--external={name}={folder / name}.jsonl" for name in ("long", "short")]
        code = cli.main(["run", *command, *sets, "--variants=torch-eager", "--windows=32/16", *QUICK])
        return SimpleNamespace(code=code, run=read_run(folder / "results"))


def test_a_run_measures_every_way_on_the_same_texts(saved, capsys):
    assert saved.code == 0
    kept = {(one.metric, one.data): one.values for one in saved.run.measurements}  # noqa: PD011 - no frame
    assert {data for metric, data in kept if metric.startswith("windows")} == {"long"}, "the other set has no long text"
    assert saved.run.plan.windows == Windows(length=32, stride=16)
    assert kept["head_accuracy", "long"] == kept["accuracy", "long"], "the head is what the run scored"
    assert sum(kept["windows_tokens", "long"]) > sum(kept["head_tokens", "long"])

    assert cli.main(["report", str(saved.run.path), "--table", "long-texts"]) == 0
    printed = capsys.readouterr().out
    for row in ("head ", "tail ", "head+tail ", "windows 32/16, mean "):
        assert f"\n{row}" in printed
    assert "Long texts of long" in printed
    assert "Long texts of short" not in printed


def test_the_screen_says_what_windows_change(saved):
    screen = first_screen(saved.run)

    assert "25 % of long's texts exceed the 64 tokens read\n" in screen
    assert "\nwindows 32/16, mean, on 40 texts of long: accuracy " in screen
    assert "--windows" not in screen
    assert all(len(line) <= 80 for line in screen.splitlines() if "deploybench " not in line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--windows=100/50",), "--windows: windows of 100 tokens asked, tiny-albert takes at most 64"),
        (("--windows=64/63",), "--windows: found '64/63', and 2 tokens of a window are special ones, so that tokens"),
        (
            ("--windows=2/1",),
            "--windows: found '2/1', and 2 tokens of a window are special ones, so that tokens of the",
        ),
    ],
)
def test_windows_that_the_model_cannot_read_are_refused_before_an_export(arguments, message, command, tmp_path, capsys):
    source = tmp_path / "posts.csv"
    pd.DataFrame({"text": LONG}).to_csv(source, index=False)
    output = tmp_path / "out.parquet"

    assert cli.main(["score", *command, "--variant=onnx-fp32", str(source), "-o", str(output), *arguments]) == 2

    assert message in capsys.readouterr().err
    assert not output.exists()


def test_pairs_have_no_windows(command, tmp_path, capsys):
    source = tmp_path / "pairs.csv"
    pd.DataFrame({"premise": LONG, "hypothesis": LONG}).to_csv(source, index=False)

    asked = ["score", *command, "--variant=onnx-fp32", str(source), "-o", str(tmp_path / "out.parquet")]
    assert cli.main([*asked, "--windows=64/32"]) == 2

    assert "--windows: the texts are pairs, expected single ones; leave --windows out" in capsys.readouterr().err


def test_a_run_without_a_labelled_set_measures_no_windows(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["run", *command, "--windows=64/32"]) == 2

    assert "--windows: no labelled set was given to measure them on; pass --external FILE" in capsys.readouterr().err
