"""``deploybench.load``: an artifact in a child process, also from the processes of a pool."""

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
from concurrent.futures import ProcessPoolExecutor

import builders
import numpy as np
import pandas as pd
import pytest

import deploybench
from deploybench.bench.analysis.probability_calibration import probabilities
from deploybench.bench.api.predictor import Predictor
from deploybench.exporters.checkpoints.tokenization import Pad, save_tokenizer
from deploybench.exporters.errors import DataError, WorkerError

TEXTS = builders.texts(20)


@pytest.fixture(params=["with padding", "without"])
def folder(request, artifacts, checkpoint_folder, tmp_path):
    """A copy of an artifact; without padding in its tokenizer, texts are run alone."""
    from transformers import AutoTokenizer

    made = shutil.copytree(artifacts("onnx-fp32"), tmp_path / "artifact")
    pad = Pad(0) if request.param == "with padding" else None
    save_tokenizer(AutoTokenizer.from_pretrained(checkpoint_folder), made / "tokenizer", 64, pad)
    return made


def test_labels_and_probabilities_are_those_of_plain_transformers(folder, checkpoint_folder):
    expected = probabilities(builders.plain(checkpoint_folder, TEXTS))
    with deploybench.load(folder, threads=1) as predictor:
        found = predictor(TEXTS)

    assert list(found.columns) == ["label", "probability", "probability_0", "probability_1"]
    assert np.abs(found[["probability_0", "probability_1"]].to_numpy() - expected).max() < 1e-4
    assert found.label.tolist() == [predictor.labels[one] for one in expected.argmax(axis=1)]
    assert found.probability.tolist() == found[["probability_0", "probability_1"]].max(axis=1).tolist()


@pytest.fixture(scope="module")
def artifact(artifacts):
    return artifacts("onnx-fp32")


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_pool_of_processes_uses_it_by_its_folder(artifact, start):
    with deploybench.load(artifact, threads=1) as predictor:
        whole = predictor(TEXTS)
        own = predictor.open().pid
        with ProcessPoolExecutor(2, multiprocessing.get_context(start)) as pool:
            parts = list(pool.map(predictor, [TEXTS[:10], TEXTS[10:]]))

        assert [label for part in parts for label in part.label] == whole.label.tolist()
        assert predictor.open().pid == own  # the children left it alone
    assert len(pickle.dumps(predictor)) < 500
    assert pickle.loads(pickle.dumps(predictor)).threads == 1


def inherited(texts):
    return PREDICTORS[0](texts), PREDICTORS[0].open().pid


PREDICTORS = []


def test_a_forked_process_loads_its_own(artifact):
    with deploybench.load(artifact, threads=1) as predictor:
        PREDICTORS.append(predictor)
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            part, process = pool.submit(inherited, TEXTS[:4]).result()

        assert part.equals(predictor(TEXTS[:4]))
        assert process != predictor.open().pid


def test_a_process_that_died_is_an_error_and_the_next_call_starts_another(artifact):
    with deploybench.load(artifact, threads=1) as predictor:
        worker = predictor.open()
        os.kill(worker.pid, signal.SIGSTOP)
        worker.send("predict", [])
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="was killed by signal 9"):
            worker.receive()

        assert len(predictor(TEXTS[:2])) == 2
        assert predictor.open().pid != worker.pid


def test_texts_that_are_none_are_one_line(artifact):
    with deploybench.load(artifact, threads=1) as predictor:
        assert predictor([]).shape == (0, 4)
        with pytest.raises(DataError, match="texts: found one text, expected a list of texts; put it in brackets"):
            predictor("a text")
    with pytest.raises(deploybench.UserError, match="^threads: found '0', expected a whole number from 1 to "):
        deploybench.load(artifact, threads=0)


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (None, "texts: found None, expected a list of texts or one column of a frame; pass one"),
        ((text for text in TEXTS), "texts: found generator, expected a list of texts "),
        ({"text": TEXTS}, "texts: found dict, expected a list of texts "),
        (pd.DataFrame({"text": TEXTS}), "texts: found DataFrame, expected a list of texts "),
        (b"a text", "texts: found bytes, expected a list of texts "),
        ([None], "text 1: found None, expected text; remove it or fill it in"),
        (["a text", 1], "text 2: found int (1), expected text; "),
        ([b"x"], "text 1: found bytes (b'x'), expected text; "),
        (pd.Series(["a", "b", float("nan")]), "text 3: found float (nan), expected text; remove it or fill it in"),
        (["a text", "half \ud83d"], r"text 2: found '\ud83d', half a character; expected Unicode; "),
    ],
)
def test_the_first_text_that_is_none_is_named(artifact, texts, line):
    with pytest.raises(DataError) as raised:
        Predictor(artifact, threads=1)(texts)

    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


def test_a_column_keeps_its_index(artifact):
    column = pd.Series(TEXTS[:3], index=["c", "a", "b"])
    with deploybench.load(artifact, threads=1) as predictor:
        found = predictor(column)

        assert found.index.equals(column.index)
        assert found.reset_index(drop=True).equals(predictor(list(column)))
        assert predictor(np.array(TEXTS[:3])).equals(predictor(tuple(TEXTS[:3])))
        assert predictor(column[:0]).shape == (0, 4)


def test_its_process_ends_with_it(artifact):
    before = "onnxruntime" in sys.modules  # by another test
    predictor = deploybench.load(artifact, threads=1)
    worker = predictor.open()
    assert worker.alive
    del predictor

    assert not worker.alive
    assert ("onnxruntime" in sys.modules) is before
