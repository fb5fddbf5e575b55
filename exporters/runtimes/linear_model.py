"""Logistic regression on a text's token ids and pairs of neighbours (bigrams): trained with SciPy, served with NumPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ExportError
from ..variant import Program

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ..variant import Float32Array, Int64Array, Predictor, TrainingTexts

MODEL_FILE = "model.npz"
LARGEST = 8_000_000  # bytes of the arrays; the rarest features are left out
_FEWEST = 2  # texts of a feature: what occurs in one text only says nothing about others
_C = 10.0  # inverse of the L2 penalty, as scikit-learn calls it; 1 is worse on AG News by 0.011, 100 as good
_STEPS = 200


class LinearModel(NamedTuple):
    """The arrays of the file; a text's value of a feature is (1 + log count) · idf, and its values have the length 1."""

    features: Int64Array  # sorted: an id, or a pair of neighbours as in ``_pairs``
    idf: Float32Array  # of each feature
    weights: Float32Array  # (features, classes)
    bias: Float32Array  # of each class
    special: Int64Array  # ids that are no part of the text


def train_linear(texts: TrainingTexts, labels: Int64Array, classes: int, special: Int64Array) -> LinearModel:
    """Fit a multinomial logistic regression with an L2 penalty; the same texts give the same model.

    Raises ExportError where all ``labels`` are the same, or where texts share no token.
    """
    if len(np.unique(labels)) == 1:
        raise ExportError(
            f"all {len(labels)} training texts have the class {labels[0]}, expected two classes or more; pass --train FILE "
            "with labelled texts of each class"
        )
    features, counts = _counted(texts, special)
    frequency = np.bincount(counts.indices, minlength=len(features))
    most = LARGEST // (features.itemsize + 4 + 4 * classes)
    kept = np.sort(np.argsort(-frequency, kind="stable")[: min(most, int((frequency >= _FEWEST).sum()))])
    if not len(kept):
        raise ExportError(f"no token is in two of the {len(labels)} training texts; pass --train FILE with more texts")
    idf = np.log((1 + len(labels)) / (1 + frequency[kept])) + 1
    found = _fit(_normalised(counts[:, kept], idf), labels, classes).astype(np.float32)
    return LinearModel(features[kept], idf.astype(np.float32), found[:-1], found[-1], special)


def save_linear(model: LinearModel, folder: Path) -> None:
    """Write the arrays into ``folder``."""
    np.savez(folder / MODEL_FILE, **model._asdict())


def load_linear(folder: Path) -> Predictor:
    """A predictor of one thread, which computes every text by itself: neither padding nor the batch changes its logits."""
    with np.load(folder / MODEL_FILE) as arrays:
        model = LinearModel(**arrays)

    def predict(input_ids: Int64Array, attention_mask: Int64Array, *_: Int64Array) -> Float32Array:
        return np.stack([_logits(model, ids[mask == 1]) for ids, mask in zip(input_ids, attention_mask, strict=True)])

    return predict


def _logits(model: LinearModel, ids: Int64Array) -> Float32Array:
    """Logits (classes,) of one text; features that no training text has count as absent."""
    ids = ids[(ids[:, None] != model.special).all(axis=1)]
    found, counts = np.unique(np.concatenate([ids, _pairs(ids)]), return_counts=True)
    places = np.searchsorted(model.features[:-1], found)  # without the last, so that every place is one
    known = model.features[places] == found
    places = places[known]
    values = (1 + np.log(counts[known].astype(np.float32))) * model.idf[places]
    length = np.sqrt(np.square(values).sum()) or np.float32(1)
    logits: Float32Array = (values / length) @ model.weights[places] + model.bias
    return logits


def _pairs(ids: Int64Array) -> Int64Array:
    """A number for each pair of neighbours, larger than any id."""
    return ((ids[:-1] + 1) << 32) + ids[1:]


def _counted(texts: TrainingTexts, special: Int64Array) -> tuple[Int64Array, Any]:
    """All features, sorted, and how often each text has each, a sparse matrix (texts, features)."""
    from scipy.sparse import csr_array

    kept = ~np.isin(texts.tokens, special)
    ids, text = texts.tokens[kept], np.repeat(np.arange(len(texts.lengths)), texts.lengths)[kept]
    together = text[:-1] == text[1:]
    features, columns = np.unique(np.concatenate([ids, _pairs(ids)[together]]), return_inverse=True)
    rows = np.concatenate([text, text[:-1][together]])
    counts = csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(texts.lengths), len(features)))
    counts.sum_duplicates()
    return features, counts


def _normalised(counts: Any, idf: npt.NDArray[np.float64]) -> Any:
    """Values of features, and 1 for the bias, as a sparse matrix (texts, features + 1)."""
    from scipy.sparse import csr_array, diags_array, hstack

    values = csr_array((1 + np.log(counts.data), counts.indices, counts.indptr), shape=counts.shape)
    values = values @ diags_array(idf)
    lengths = np.sqrt(values.power(2).sum(axis=1))
    values = diags_array(1 / np.where(lengths > 0, lengths, 1)) @ values
    return hstack([values, np.ones((values.shape[0], 1))], format="csr")


def _fit(values: Any, labels: Int64Array, classes: int) -> npt.NDArray[np.float64]:
    """Weights (features + 1, classes). The bias is penalised too: else that of a class without a text would have no end."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    wanted = np.eye(classes)[labels]

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights = flat.reshape(-1, classes)
        logits = values @ weights
        logs = logits - logsumexp(logits, axis=1, keepdims=True)
        penalised = np.square(flat).sum() / (2 * _C) - (logs * wanted).sum()
        return penalised, (values.T @ (np.exp(logs) - wanted) + weights / _C).ravel()

    start = np.zeros(values.shape[1] * classes)
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    return fitted.x.reshape(-1, classes)


def program() -> Program:
    """How to serve it."""
    return Program(
        imports=(),
        load=f"""\
with np.load(folder / "{MODEL_FILE}") as arrays:
    model = dict(arrays)""",
        predict="""\
logits = np.empty((len(inputs["input_ids"]), len(model["bias"])), dtype=np.float32)
for row, (ids, mask) in enumerate(zip(inputs["input_ids"], inputs["attention_mask"])):
    own = ids[(mask == 1) & ~np.isin(ids, model["special"])]
    pairs = ((own[:-1] + 1) << 32) + own[1:]
    found, counts = np.unique(np.concatenate([own, pairs]), return_counts=True)
    places = np.searchsorted(model["features"][:-1], found)
    known = model["features"][places] == found
    places = places[known]
    values = (1 + np.log(counts[known])) * model["idf"][places]
    logits[row] = values @ model["weights"][places] / max(np.linalg.norm(values), 1e-9) + model["bias"]""",
    )
