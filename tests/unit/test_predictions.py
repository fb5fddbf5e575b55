"""What is kept of answers: every label comes back as it was, whatever its number."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploybench.bench.runs.predictions import Scores, read_answers, write_predictions
from deploybench.exporters.head import Head

HEADS = {
    "score": Head(task="score", labels=("s",)),
    "multi-label": Head(task="multi-label", labels=("a", "b"), thresholds=(0.5, 0.5)),
    "single-label": Head(task="single-label", labels=("a", "b")),
}
LABELS = {
    "score": st.floats(-5, 5, allow_nan=False) | st.sampled_from([-1.0, 0.0, 1.0]),
    "multi-label": st.sampled_from([(), (0,), (1,), (0, 1)]),
    "single-label": st.integers(0, 1),
}


class Run(SimpleNamespace):
    """The parts of a run that say where its predictions are; each is another, as runs are."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


@pytest.mark.parametrize("task", HEADS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_label_is_kept(tmp_path, task, data):
    """A score of -1 as well, which is the mark of a text without a class."""
    labels = tuple(data.draw(st.lists(LABELS[task], min_size=1, max_size=9)))
    head, rows = HEADS[task], tuple(f"{index:016x}" for index in range(len(labels)))
    texts = SimpleNamespace(name="test", row_hashes=rows, labels=labels, queries=())
    scores = Scores(logits=np.zeros((len(labels), len(head.labels)), dtype=np.float32), seconds=(1.0,))
    write_predictions(
        tmp_path / "p.parquet", [texts], {("test", "torch-eager"): scores}, {"test": [3] * len(labels)}, head
    )
    checkpoint = SimpleNamespace(head=head, labels=head.labels)

    found = read_answers(
        Run(path=tmp_path / "run.json", predictions="p.parquet", checkpoint=checkpoint, measurements=[])
    )

    assert found["test"].known.all()
    kept = found["test"].labels
    if task == "multi-label":
        assert [tuple(np.flatnonzero(one)) for one in kept] == [*labels]
    else:
        assert kept.tolist() == [*labels]
