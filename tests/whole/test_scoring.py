"""Files of any size, scored: in order, resumed to the last byte, whatever their texts; and the plan that is found for it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploybench.bench import cli
from deploybench.bench.cli import parser
from deploybench.bench.measure.workload import Policy, Sample
from deploybench.bench.pipeline.options import read_options
from deploybench.bench.pipeline.prepare import prepare
from deploybench.bench.report.messages.scoring import render_scoring
from deploybench.bench.score import choosing
from deploybench.bench.score import plan as planning
from deploybench.bench.score.models import Models
from deploybench.bench.score.parts import Parts
from deploybench.bench.score.pipeline import Pipeline
from deploybench.bench.score.plan import DEFAULT_POLICY, Plan, every_plan, find_plan
from deploybench.bench.score.reading import CutReader
from deploybench.bench.score.rows import chunks, scan
from deploybench.bench.score.score_file import Job, score_file
from deploybench.bench.score.source import find_source
from deploybench.bench.texts.demonstration import corpus
from deploybench.bench.texts.text_rows import TextRow
from deploybench.bench.worker.instances import loaded_instances
from deploybench.exporters.checkpoints.tokenization import Pad, Tokeniser, padded_batch
from deploybench.exporters.errors import DataError, OutputError, UserError, WorkerError

HOSTILE = [
    "<script>alert(1)</script>",
    "\x00\x01\x1b[31mred\x07",
    "word " * 200_000,  # a megabyte in one line
    "\u202eright to left\u202c",
    '=HYPERLINK("http://example.org")',
    "ordinary",
    "a\nb\r\nc",
    "\U0001f600 é ﬁ",
]


def write_lines(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def command(score_command):
    """The command line up to the file."""
    return score_command("onnx-fp32")


@pytest.fixture(scope="module")
def prepared(command):
    parsed = parser().parse_args([*command, "file", "-o", "out.parquet"])
    return prepare(replace(read_options(parsed), variants=("onnx-fp32",)))


@pytest.fixture
def score(prepared):
    """What ``score`` does once all is prepared."""

    def run(source, output, max_memory=None, bad_rows="refuse"):
        dropping = replace(prepared, options=replace(prepared.options, drop_bad_rows=bad_rows == "drop"))
        texts = find_source(source)
        return score_file(
            Job(
                prepared=dropping,
                variant="onnx-fp32",
                source=texts,
                found=scan(texts, None, bad_rows),
                output=output,
                max_memory=max_memory,
            )
        )

    return run


@pytest.fixture(scope="module")
def reference(checkpoint_folder):
    """Logits of each text by transformers itself, alone."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint_folder)

    def logits(texts):
        found = []
        with torch.no_grad():
            for text in texts:
                batch = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
                found.append(model(**batch).logits[0].numpy())
        return np.stack(found)

    return logits


def test_every_row_has_its_answer_in_its_place(command, prepared, tmp_path, reference, capsys):
    texts = list(corpus.corpus("train")[0][:1100])  # more than one stretch
    source = tmp_path / "posts.csv"
    pd.DataFrame({"id": range(len(texts)), "text": texts}).to_csv(source, index=False)

    assert cli.main([*command, str(source), "-o", str(tmp_path / "out.parquet")]) == 0

    made = pd.read_parquet(tmp_path / "out.parquet")
    assert list(made.columns) == ["row", "label", "probability", "logit_0", "logit_1", "tokens"]
    assert made["row"].tolist() == list(range(1, 1101))
    chosen = [0, 5, 1023, 1024, 1099]
    expected = reference([texts[index] for index in chosen])
    np.testing.assert_allclose(made.loc[chosen, ["logit_0", "logit_1"]], expected, atol=1e-4)
    assert made.loc[chosen, "label"].tolist() == [("real", "fake")[one.argmax()] for one in expected]
    chances = np.exp(expected).max(axis=1) / np.exp(expected).sum(axis=1)
    np.testing.assert_allclose(made.loc[chosen, "probability"], chances, atol=1e-4)
    printed = capsys.readouterr().out
    assert printed.startswith("1,100 rows\nlabels: ")
    assert max(map(len, printed.splitlines())) <= 80
    assert [one.name for one in tmp_path.iterdir() if "out.parquet" in one.name] == ["out.parquet"]


def test_the_stages_add_up_to_the_whole_and_cut_texts_are_counted(score, tmp_path):
    source = write_lines(tmp_path / "posts.jsonl", corpus.corpus("train")[0][:2400])
    done = score(source, tmp_path / "out.parquet")

    cut = int((pd.read_parquet(tmp_path / "out.parquet")["tokens"] > 64).sum())
    assert f"truncated at 64 tokens: {cut} texts" in render_scoring(done)
    assert "texts are not truncated" in render_scoring(replace(done, length=None))
    assert list(done.seconds) == ["read", "tokenise", "pad", "run", "classify", "write"]
    assert sum(done.seconds.values()) == pytest.approx(done.elapsed, rel=0.02)


def test_hostile_texts_are_only_texts(score, tmp_path, reference, capsys):
    source = write_lines(tmp_path / "hostile.jsonl", HOSTILE)

    done = score(source, tmp_path / "out.parquet")

    made = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_allclose(made[["logit_0", "logit_1"]], reference(HOSTILE), atol=1e-4)
    assert made["tokens"][2] > 100_000
    said = capsys.readouterr().err + render_scoring(done)
    assert "script" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("count", [3, 1030])
def test_rows_without_text_are_refused_or_have_no_answer(score, tmp_path, reference, count):
    """A whole stretch of them, too."""
    source = write_lines(tmp_path / "few.jsonl", ["a text", *[" "] * count, "another", "and a third"])

    said = (
        f"few.jsonl: row 2: no text in 'text'; fix it, or pass --drop-bad-rows to leave such rows out (in all: {count}"
    )
    with pytest.raises(DataError, match=re.escape(said)):
        score(source, tmp_path / "out.parquet")

    done = score(source, tmp_path / "out.parquet", bad_rows="drop")
    made = pd.read_parquet(tmp_path / "out.parquet")
    assert made["row"].tolist() == list(range(1, count + 4))
    assert made["label"].isna().tolist() == [False, *[True] * count, False, False]
    expected = reference(["a text", "another", "and a third"])
    np.testing.assert_allclose(made.loc[[0, count + 1, count + 2], ["logit_0", "logit_1"]], expected, atol=1e-4)
    assert f"{count + 3:,} rows; without output: {count} rows without text" in render_scoring(done)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.csv", "-o", "out.parquet"], "gone.csv: no such file; check the path"),
        (["empty.csv", "-o", "out.parquet"], "empty.csv: empty file"),
        (["head.csv", "-o", "out.parquet"], "head.csv: no rows; give a file with at least one row"),
        (["other.csv", "-o", "out.parquet"], "no text column, expected"),
        (["torn.csv", "-o", "out.parquet"], "torn.csv: line 3002: unbalanced quotes"),
        (["few.csv", "-o", "out.csv"], "--output: found 'out.csv', expected a file that ends in .parquet; name one"),
        (["few.csv", "-o", "few.csv/out.parquet"], "cannot be written"),
        (["few.csv", "-o", "out.parquet", "--max-memory-mb", "-1"], "--max-memory-mb: found '-1', expected a number"),
        (["few.csv", "-o", "out.parquet", "--text-columns", "txt"], "no column 'txt' (did you mean 'text'?)"),
        (["few.csv", "-o", "out.parquet", "--variant", "onnx-fp23"], "did you mean"),
    ],
)
def test_mistakes_are_one_line(command, monkeypatch, tmp_path, capsys, arguments, message):
    """And said before anything is exported."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "head.csv").write_text("text\n")
    (tmp_path / "other.csv").write_text("words\nfew\n")
    (tmp_path / "few.csv").write_text("text\nfew\n")
    (tmp_path / "torn.csv").write_text("text\n" + "good\n" * 3000 + '"open\n')

    assert cli.main([*command, *arguments]) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said
    assert not list(tmp_path.glob("*.parquet*"))


def test_too_little_memory_is_one_line(score, tmp_path):
    source = write_lines(tmp_path / "few.jsonl", ["a text"])
    with pytest.raises(UserError, match="--max-memory-mb: 20.0 MB asked, the smallest plan of onnx-fp32 takes"):
        score(source, tmp_path / "out.parquet", 20e6)
    assert not list(tmp_path.glob("*.parquet*"))


def test_killed_and_taken_up_again_it_is_the_same_file(command, prepared, tmp_path):
    """By ``kill -9``, after the first part; and the parts are gone in the end."""
    source = write_lines(tmp_path / "posts.jsonl", corpus.corpus("train")[0][:2800] * 2)
    start = [sys.executable, "-m", "deploybench.bench.cli", *command, str(source), "-o"]
    whole, killed = tmp_path / "whole.parquet", tmp_path / "killed.parquet"
    subprocess.run([*start, str(whole)], check=True, capture_output=True, cwd=tmp_path)

    parts = tmp_path / ".killed.parquet.parts"
    process = subprocess.Popen(
        [*start, str(killed)], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list(parts.glob("0*.parquet")) and process.poll() is None:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(parts.glob("0*.parquet")))
    assert 1 <= done < 6
    assert not killed.exists()

    again = subprocess.run([*start, str(killed)], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "reused: 1024 rows" in again.stderr or done > 1
    assert killed.read_bytes() == whole.read_bytes()
    assert not parts.exists()
    labels = pd.read_parquet(killed)["label"].value_counts()
    assert f"labels: {labels['fake']:,} fake, {labels['real']:,} real\n" in again.stdout


def test_parts_of_something_else_are_not_taken_over(tmp_path, capsys):
    parts = Parts(tmp_path / "out.parquet", {"source": "a"})
    assert parts.found() == (0, 0, None)
    parts.begin({"instances": 1})
    parts.write(0, pa_table(3))
    (tmp_path / ".out.parquet.parts" / ".0000001.parquet.part").write_bytes(b"torn")

    assert parts.found() == (1, 3, {"instances": 1})
    assert Parts(tmp_path / "out.parquet", {"source": "b"}).found() == (0, 0, None)
    assert capsys.readouterr().err == "not reused: 3 rows scored before, with another source\n"
    (tmp_path / ".out.parquet.parts" / "parts_of.json").write_text("[1]")
    assert parts.found() == (0, 0, None)


def test_a_source_that_grows_meanwhile_is_refused(score, tmp_path, monkeypatch):
    source = write_lines(tmp_path / "few.jsonl", corpus.corpus("test")[0][:40])
    opened = Models.opened

    def grow(*arguments):
        with source.open("a") as stream:
            stream.write('{"text": "late"}\n')
        return opened(*arguments)

    monkeypatch.setattr(Models, "opened", grow)
    with pytest.raises(
        DataError, match="few.jsonl: was changed while it was scored, expected the same rows to the end"
    ):
        score(source, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_damaged_part_is_scored_anew_with_those_after_it(tmp_path):
    folder = tmp_path / ".out.parquet.parts"
    parts = Parts(tmp_path / "out.parquet", {"source": "a"})
    parts.begin({"instances": 1})
    for number in range(3):
        parts.write(number, pa_table(500))
    content = (folder / "0000001.parquet").read_bytes()
    (folder / "0000001.parquet").write_bytes(content[:40])  # cut
    assert parts.found() == (1, 500, {"instances": 1})

    (folder / "0000001.parquet").write_bytes(content[:4] + bytes(300) + content[304:])  # its end alone is whole
    assert parts.found() == (3, 1500, {"instances": 1})
    with pytest.raises(
        OutputError, match=r"0000001.parquet: is damaged \(.*\) and was removed; give the same command again"
    ):
        parts.join(3, pa_table(2).schema)
    assert parts.found() == (1, 500, {"instances": 1})
    assert not (tmp_path / "out.parquet").exists()


def test_another_limit_of_memory_is_another_plan(score, tmp_path, capsys):
    source = write_lines(tmp_path / "few.jsonl", corpus.corpus("test")[0][:40])
    parts = Parts(tmp_path / "out.parquet", {})
    score(source, tmp_path / "whole.parquet")
    parts.begin({"instances": 1})
    score(source, tmp_path / "out.parquet", 8e9)

    assert "not reused: 0 rows" in capsys.readouterr().err
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def pa_table(rows):
    import pyarrow as pa

    return pa.table({"row": list(range(rows)), "label": ["real", "fake"] * (rows // 2) + ["real"] * (rows % 2)})


@given(lengths=st.lists(st.integers(0, 3_000_000), max_size=12), split=st.integers(0, 12))
@example(lengths=[5_000_000, 5_000_000, 1, 1, 1], split=1)
def test_chunks_do_not_depend_on_where_reading_began(lengths, split):
    rows = [TextRow(path=Path("x"), number=number, text="x" * length) for number, length in enumerate(lengths)]
    cut = [[row.number for row in chunk] for chunk in chunks(iter(rows))]
    kept = cut[:split]
    behind = sum(map(len, kept))

    assert [number for stretch in cut for number in stretch] == list(range(len(rows)))
    assert kept + [[row.number for row in one] for one in chunks(islice(iter(rows), behind, None))] == cut


def test_the_sample_is_drawn_from_all_rows_alike(tmp_path):
    source = write_lines(tmp_path / "numbers.jsonl", [f"{number}" for number in range(20_000)])
    found = scan(find_source(source), None, "refuse", 1000)
    drawn = [int(text) for text in found.sample]

    assert found.rows == 20_000
    assert len(set(drawn)) == 1000
    # The mean of 1,000 of 20,000 has a standard error of 178; this seed is one draw of it.
    assert abs(np.mean(drawn) - 10_000) < 600
    assert scan(find_source(source), None, "refuse", 1000) == found


def test_a_file_of_any_kind_is_streamed(tmp_path):
    frame = pd.DataFrame({"title": ["a", "b", None], "content": ["x", "y", "z"]})
    frame.to_csv(tmp_path / "f.csv", index=False)
    frame.to_parquet(tmp_path / "f.parquet")
    frame.to_json(tmp_path / "f.jsonl", orient="records", lines=True)
    for suffix in ("csv", "parquet", "jsonl"):
        source = find_source(tmp_path / f"f.{suffix}")
        rows = list(source.rows(source.columns(None)))
        assert [row.text for row in rows] == ["a x", "b y", "z"]
        assert [bool(row.cause) for row in rows] == [False, False, True]


class VirtualPipeline:
    """Runs nothing: a clock goes on by what a batch of this machine takes."""

    def __init__(self, clock, instances):
        self.clock, self.instances = clock, instances

    def run(self, batches):
        for ids, _ in batches:
            call = {1: 0.002, 2: 0.004}[self.instances]
            cache = 3 if ids.size > 1024 else 1  # what does not fit takes longer
            self.clock[0] += (call + ids.size * 20e-6 * cache) / (1.5 if self.instances == 2 else 1)


class SilentBar:
    def advance(self, steps=1):
        pass

    def extend(self, steps):
        pass


def virtual_trials(monkeypatch, lengths):
    clock = [0.0]
    monkeypatch.setattr(planning, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: clock[0])}))
    rng = np.random.default_rng(1)
    sample = Sample(tokens=[[1] * n for n in rng.permutation(lengths).tolist()], pad=Pad(0), max_length=64)
    return find_plan({1: VirtualPipeline(clock, 1), 2: VirtualPipeline(clock, 2)}, 2, sample, SilentBar())


def test_the_fastest_plan_is_found_by_trying(monkeypatch):
    """Texts of 8 to 64 tokens: batches pay until they outgrow the cache, and two processes do a half more."""
    trials = virtual_trials(monkeypatch, [8] * 600 + [64] * 100)

    assert {trial.plan for trial in trials} == set(every_plan(2))
    best = trials[0].plan
    assert (best.policy.padding, best.instances, best.threads) == ("bucketed", 2, 1)
    assert best.policy.batch_size in (16, 32)


def test_its_rate_is_what_all_texts_would_take(monkeypatch):
    """Though only some of its batches are run."""
    monkeypatch.setattr(planning, "_FIRST_TRIAL_S", 0.005)
    lengths = [8] * 512
    trials = virtual_trials(monkeypatch, lengths)
    found = {trial.plan: trial.rate for trial in trials}
    plan = Plan(policy=Policy(padding="bucketed", batch_size=8), instances=1, threads=2)

    assert found[plan] == pytest.approx(8 / (0.002 + 64 * 20e-6), rel=1e-6)


@pytest.fixture
def two_workers(prepared):
    """Each with the variant loaded."""
    with loaded_instances("onnx-fp32", prepared.artifacts["onnx-fp32"].path, 2, 2) as workers:
        yield workers


def test_instances_give_the_logits_of_one(prepared, two_workers):
    texts = list(corpus.corpus("test")[0][:50])
    tokeniser = Tokeniser(prepared.inputs.tokenizer, 64)
    one, both = (
        Pipeline(CutReader(tokeniser), workers, Pad(0), 64).answer(texts, DEFAULT_POLICY)
        for workers in (two_workers[:1], two_workers)
    )

    assert one.logits.tobytes() == both.logits.tobytes()
    assert one.read_tokens == both.read_tokens <= one.computed_tokens


def test_one_dead_process_of_two_is_an_error(prepared, two_workers):
    os.kill(two_workers[1].pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="killed by signal 9"):
        Pipeline(CutReader(Tokeniser(prepared.inputs.tokenizer, 64)), two_workers, Pad(0), 64).run(
            [padded_batch([[2, 7, 3]], Pad(0))] * 400
        )


class SlowWorker:
    """Counts what it is asked."""

    def __init__(self):
        self.asked = 0

    def predict(self, batches, stage=None):
        self.asked += 1
        time.sleep(0.01)
        return [(np.zeros((len(ids), 2), dtype=np.float32), 0.01) for ids, _ in batches]


class DeadWorker:
    def predict(self, batches, stage=None):
        raise WorkerError("dead")


def test_with_one_process_dead_the_others_are_asked_nothing_more():
    other = SlowWorker()
    with pytest.raises(WorkerError, match="dead"):
        Pipeline(None, [other, DeadWorker()], Pad(0), 64).run([padded_batch([[2, 7, 3]], Pad(0))] * 400)

    assert other.asked < 10


@pytest.mark.parametrize("count", [2, 3, 9, 40])
def test_every_process_has_its_part_of_few_batches(count):
    workers = [SlowWorker(), SlowWorker()]
    Pipeline(None, workers, Pad(0), 64).run([padded_batch([[2, 7, 3]], Pad(0))] * count)

    assert min(worker.asked for worker in workers) >= count // 2 // 4
    assert all(worker.asked for worker in workers)


def test_the_memory_of_every_process_counts(monkeypatch):
    """Each has run the longest batch, whoever is quicker, and then the shapes of the sample are run."""
    asked, run = [], []

    class Weighed(SlowWorker):
        def predict(self, batches, stage=None):
            asked.append(self)
            return super().predict(batches, stage)

    pipeline = SimpleNamespace(run=run.extend)
    opened = SimpleNamespace(workers=[Weighed(), Weighed()], peak=lambda: 100e6, pipeline=pipeline)
    models = SimpleNamespace(
        length=64, opened=lambda count: nullcontext(opened), artifact=SimpleNamespace(variant="any")
    )
    plan = Plan(policy=Policy(padding="bucketed", batch_size=2), instances=2, threads=1)
    sample = Sample(tokens=[[2, 7, 3]], pad=Pad(0), max_length=64)

    assert choosing._within([plan], models, sample, 200e6) == plan
    assert asked == opened.workers
    assert [input_ids.shape for input_ids, _ in run] == [(1, 3)]


def test_a_model_too_slow_for_any_batch_still_has_a_plan(monkeypatch):
    monkeypatch.setattr(planning, "_LONGEST_BATCH_S", 1e-9)
    [trial] = virtual_trials(monkeypatch, [8] * 40)

    assert trial.plan.policy.batch_size == 1


def test_a_limit_of_memory_is_kept(score, tmp_path, capsys):
    source = write_lines(tmp_path / "few.jsonl", corpus.corpus("test")[0][:40])
    done = score(source, tmp_path / "out.parquet", 8e9)
    err = capsys.readouterr().err
    most = float(re.search(r"memory: at most ([\d.]+) MB resident by", err)[1])

    assert 50e6 < done.peak < 8e9
    assert done.peak / 1e6 < 1.02 * most < 8000  # the estimate has the writing of answers in it
    assert "--max-memory-mb" not in err


def test_more_memory_than_was_asked_is_said(score, tmp_path, capsys, monkeypatch):
    source = write_lines(tmp_path / "few.jsonl", ["a text"])
    monkeypatch.setattr(choosing, "_within", lambda plans, *_: plans[0])
    score(source, tmp_path / "out.parquet", 20e6)

    assert re.search(r"--max-memory-mb: [\d.]+ MB were taken, more than the 20.0 MB asked: ", capsys.readouterr().err)


def test_a_source_that_is_not_what_it_is_called_is_refused(tmp_path):
    shutil.copy(__file__, tmp_path / "texts.parquet")
    with pytest.raises(DataError, match="not a whole Parquet file"):
        scan(find_source(tmp_path / "texts.parquet"), None, "refuse")
