"""linear-tokens: another model, which learns from labelled texts, and computes every text by itself."""

import json
from dataclasses import replace

import numpy as np
import pytest

from deploybench.bench.texts.demonstration import corpus
from deploybench.exporters.artifacts.artifact import Origin, export_artifact, read_artifact
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.errors import ExportError
from deploybench.exporters.runtimes import linear_model
from deploybench.exporters.runtimes.linear_model import MODEL_FILE, load_linear, save_linear, train_linear
from deploybench.exporters.variant import TrainingTexts

NAME = "linear-tokens"
CLS, SEP, PAD = 2, 3, 0
SPECIAL = np.array([PAD, CLS, SEP])
WORDS = np.arange(10, 40)


def text(*ids):
    return [CLS, *ids, SEP]


def drawn(count, classes, seed=0):
    """Texts of ten random words, and a word of their class among them."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=count)
    ids = [text(*random.permutation([*random.choice(WORDS, 10), 50 + label]).tolist()) for label in labels]
    return ids, labels.tolist()


def predictor(folder, ids, labels, classes=2):
    texts = TrainingTexts.of(ids, labels, "labelled texts")
    save_linear(train_linear(texts, texts.labels, classes, SPECIAL), folder)
    return load_linear(folder)


def alone(predict, ids):
    ids = np.array([ids])
    return predict(ids, np.ones_like(ids))[0]


def chances(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_separable_set_is_learnt(tmp_path, classes):
    predict = predictor(tmp_path, *drawn(400, classes), classes)
    others, labels = drawn(100, classes, seed=1)
    found = np.array([alone(predict, ids) for ids in others])

    assert found.dtype == np.float32
    assert found.shape == (100, classes)
    assert (found.argmax(axis=1) == labels).all()
    assert chances(found).max(axis=1).mean() > 0.7


def test_the_order_of_two_words_can_be_learnt(tmp_path):
    """Both classes have the same words: bigrams alone tell them apart."""
    ids = [text(*pair, 12 + place % 7) for place in range(200) for pair in ((10, 11), (11, 10))]
    predict = predictor(tmp_path, ids, [0, 1] * 200)

    assert alone(predict, text(10, 11, 30)).argmax() == 0
    assert alone(predict, text(11, 10, 30)).argmax() == 1


def test_no_bigram_reaches_from_one_text_into_the_next(tmp_path):
    predictor(tmp_path, [text(10, 11), text(12, 13)] * 20, [0, 1] * 20)
    features = np.load(tmp_path / MODEL_FILE)["features"]

    assert features.tolist() == [10, 11, 12, 13, (11 << 32) + 11, (13 << 32) + 13]


def test_neither_padding_nor_the_batch_changes_a_logit(tmp_path):
    predict = predictor(tmp_path, *drawn(200, 2))
    some = [ids[: 3 + place] for place, ids in enumerate(drawn(8, 2, seed=2)[0])]
    for side in ("left", "right"):
        ids, mask = np.full((8, 30), WORDS[0]), np.zeros((8, 30), dtype=np.int64)  # some tokenizers pad with a usual id
        for row, one in enumerate(some):
            place = slice(len(one)) if side == "right" else slice(30 - len(one), 30)
            ids[row, place], mask[row, place] = one, 1

        assert np.array_equal(predict(ids, mask), [alone(predict, one) for one in some])


def test_special_tokens_are_no_part_of_a_text(tmp_path):
    predict = predictor(tmp_path, *drawn(200, 2))

    assert np.array_equal(alone(predict, text(50, 11, 12)), alone(predict, [50, 11, 12]))


def test_what_no_training_text_has_counts_for_nothing(tmp_path):
    predict = predictor(tmp_path, *drawn(200, 2))
    known = alone(predict, text(50))

    assert np.array_equal(alone(predict, text(50, 900_000)), known)
    assert np.array_equal(alone(predict, text(900_000, 50)), known)
    assert np.isfinite(alone(predict, text(900_000))).all()
    assert np.array_equal(alone(predict, text()), alone(predict, text(900_000)))


def test_a_class_without_texts_is_improbable_but_finite(tmp_path):
    found = alone(predictor(tmp_path, *drawn(300, 2), classes=3), text(50, 10))

    assert np.isfinite(found).all()
    assert chances(found)[2] < 0.05


def test_the_rarest_features_are_left_out_of_a_file_that_would_be_too_large(tmp_path, monkeypatch):
    ids, labels = drawn(200, 2)
    monkeypatch.setattr(linear_model, "LARGEST", 20 * 12)  # 20 bytes a feature
    predictor(tmp_path, ids, labels)
    features = np.load(tmp_path / MODEL_FILE)["features"]

    assert len(features) == 12
    assert {50, 51} <= {*features.tolist()}  # each is in half of the texts


def test_the_same_texts_give_the_same_file(tmp_path):
    files = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        predictor(tmp_path / name, *drawn(200, 3), classes=3)
        files.append({key: array.tobytes() for key, array in np.load(tmp_path / name / MODEL_FILE).items()})

    assert files[0] == files[1]


def test_its_probabilities_are_those_of_scikit_learn(tmp_path):
    """The same features, by its own vectorizer."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    pairs = [*zip(*drawn(400, 3), strict=True)]
    pairs = [one for place, one in enumerate(pairs) if one[1] == 0 or place % 4 == 0]  # so that the bias counts
    ids, labels = zip(*pairs, strict=True)
    others, _ = drawn(50, 3, seed=1)
    predict = predictor(tmp_path, ids, labels, 3)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\d+")
    plain = [[" ".join(map(str, one[1:-1])) for one in some] for some in (ids, others)]
    known = words.fit_transform(plain[0]).toarray()
    # Here the bias is a feature like the others.
    model = LogisticRegression(C=10, fit_intercept=False, max_iter=1000, tol=1e-8)
    model.fit(np.hstack([known, np.ones((len(ids), 1))]), labels)
    expected = model.predict_proba(np.hstack([words.transform(plain[1]).toarray(), np.ones((50, 1))]))

    assert chances(np.array([alone(predict, one) for one in others])) == pytest.approx(expected, abs=1e-3)


# Artifacts


@pytest.fixture
def origin(checkpoint, checkpoint_folder):
    from transformers import AutoTokenizer

    texts, labels = (column[:400] for column in corpus.corpus("train"))
    ids = AutoTokenizer.from_pretrained(checkpoint_folder)(list(texts), truncation=True)["input_ids"]
    return Origin(
        checkpoint=checkpoint_folder,
        checkpoint_sha256=checkpoint.sha256,
        tokenizer=checkpoint_folder,
        calibration=(),
        calibration_source="",
        head=checkpoint.head,
        training=TrainingTexts.of(ids, labels, "labelled texts of train.csv"),
    )


def test_its_artifact_says_what_it_was_trained_on(origin, tmp_path):
    made = export_artifact(NAME, origin, tmp_path)
    manifest = json.loads((made.path / "manifest.json").read_text())

    [note] = made.notes
    assert note.startswith("logistic regression on ")
    assert note.endswith(" tokens and bigrams, trained on 400 labelled texts of train.csv")
    assert manifest["training"] == {
        "sha256": origin.training.sha256,
        "source": "labelled texts of train.csv",
        "texts": 400,
        "labelled": True,
    }
    assert made.size < 10e6


def test_its_fingerprint_has_its_training_texts_and_that_of_others_has_not(origin, tmp_path):
    fewer = replace(origin, training=TrainingTexts.of([text(10, 11)] * 40, [0, 1] * 20, "labelled texts of x.csv"))
    other = replace(origin, training=replace(origin.training, labels=1 - origin.training.labels))
    prints = {export_artifact(NAME, one, tmp_path).fingerprint for one in (origin, fewer, other)}

    assert len(prints) == 3
    assert len({export_artifact("torch-eager", one, tmp_path).fingerprint for one in (origin, fewer)}) == 1
    assert read_artifact(tmp_path / NAME).fingerprint == export_artifact(NAME, other, tmp_path).fingerprint


def test_without_labels_it_learns_the_classes_of_the_reference(origin, tmp_path):
    source = "texts without labels, classified by torch-eager"
    plain = replace(origin, training=replace(origin.training, labels=None, source=source))
    made, reference = (export_artifact(name, plain, tmp_path) for name in (NAME, "torch-eager"))
    ours, theirs = (find_variant(one.variant).load(one.path, 1) for one in (made, reference))
    some = [ids[0] for ids, *_ in origin.training.each()[:50]]

    assert made.notes[0].endswith(f"trained on 400 {source}")
    assert np.mean([alone(ours, ids).argmax() == alone(theirs, ids).argmax() for ids in some]) > 0.9


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (None, "found no texts to train on, expected labelled ones (--train FILE) or texts without labels"),
        (TrainingTexts.of([text(10)] * 9, [1] * 9, ""), "all 9 training texts have the class 1, expected two classes"),
        (
            TrainingTexts.of([text(10), text(11)], [0, 1], ""),
            "no token is in two of the 2 training texts; pass --train",
        ),
    ],
)
def test_what_it_cannot_learn_from_is_one_line(origin, tmp_path, training, message):
    with pytest.raises(ExportError) as error:
        export_artifact(NAME, replace(origin, training=training), tmp_path)

    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
