"""Another model: logistic regression on the checkpoint's own token ids, to show whether a transformer is needed at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checkpoints.classifier import load_classifier, read_configuration
from ..checkpoints.tokenization import read_fast
from ..errors import ExportError
from ..runtimes.linear_model import load_linear, program, save_linear, train_linear
from ..runtimes.torch_model import run_classifier
from ..variant import ExportJob, Int64Array, Predictor, TrainingTexts, Variant

if TYPE_CHECKING:
    from pathlib import Path


def export(job: ExportJob) -> None:
    texts = job.training
    if texts is None or not len(texts.lengths):
        raise ExportError(
            "found no texts to train on, expected labelled ones (--train FILE) or texts without labels (--unlabelled FILE)"
        )
    added = read_fast(job.tokenizer).get_added_tokens_decoder()
    special = np.array([one for one, token in added.items() if token.special], dtype=np.int64)
    labels = _answers(job.checkpoint, texts) if texts.labels is None else texts.labels
    model = train_linear(texts, labels, read_configuration(job.checkpoint).num_labels, special)
    save_linear(model, job.out_dir)
    job.notes.append(
        f"logistic regression on {len(model.features):,} tokens and bigrams, trained on {len(labels):,} {texts.source}"
    )


def load(artifact: Path, _threads: int) -> Predictor:
    return load_linear(artifact)


def _answers(checkpoint: Path, texts: TrainingTexts) -> Int64Array:
    """The checkpoint's own class of each text."""
    predict = run_classifier(load_classifier(checkpoint))
    logits = [predict(*batch) for batch in texts.each()]
    return np.concatenate(logits).argmax(axis=1)


VARIANT = Variant(
    runtime="numpy",
    precision="fp32",
    packages=("numpy", "scipy"),
    imports=("numpy",),
    export=export,
    load=load,
    program=program(),
    min_agreement=0.0,
    another_model=True,
)
