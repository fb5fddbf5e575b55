"""The bundled demonstration corpus: bit-identical, balanced, free of repeats, lurid at home and sober abroad."""

import hashlib
import itertools
import re
import subprocess
import sys
from collections import Counter

import pytest

import deploybench.bench.texts.demonstration.corpus
from deploybench.bench.texts.data import LabelledSet
from deploybench.bench.texts.demonstration.corpus import LABELS, MAX_WORDS, MIN_WORDS, corpus, grammar

SIZES = {"train": 3000, "test": 400, "external": 250}
SHA256 = {
    "train": "47c0632aebaba4e6c365b8418cd892addee5a68a9778323ecb7bc56cdcac2013",
    "test": "874ceca6575d2d243d84f522078573f34c2ecb52f8110cd60828a09559db5dab",
    "external": "85dcb794854f9fa3b592df1482b4a8beae430e84438763d0f95f328d79d36c0d",
}


def fixed_parts(templates):
    """Longest stretch between slots of each template: a text that holds it was written by that template."""
    return [max(re.split(r"\{\w+\}", template), key=len).strip() for template in templates]


LURID = fixed_parts(grammar()["sentences"]["lurid"] + grammar()["titles"]["lurid"])


def is_lurid(text):
    return any(part in text for part in LURID)


def share_lurid(split, label):
    chosen = [text for text, found in zip(*corpus(split), strict=True) if found == label]
    return sum(map(is_lurid, chosen)) / len(chosen)


@pytest.mark.parametrize("split", SIZES)
def test_bit_identical(split):
    texts, labels = corpus(split)
    found = LabelledSet(name=split, texts=texts, labels=labels, label_names=LABELS, dropped=()).sha256

    assert SHA256[split] == found


@pytest.mark.process
def test_another_process_writes_the_same():
    """Neither the order in which splits are asked for nor the seed of str hashes changes a text."""
    code = "from deploybench.bench.texts.demonstration.corpus import corpus; import hashlib, sys; t = corpus('external')[0]; "
    code += "sys.stdout.write(hashlib.sha256(repr(t).encode()).hexdigest())"
    command = [sys.executable, "-c", code]
    other = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "1"})

    assert other.stdout == hashlib.sha256(repr(corpus("external")[0]).encode()).hexdigest()


@pytest.mark.parametrize("split", SIZES)
def test_size_and_balance(split):
    texts, labels = corpus(split)

    assert len(texts) == SIZES[split]
    assert Counter(labels) == {0: SIZES[split] // 2, 1: SIZES[split] // 2}


@pytest.mark.parametrize("seed", [7, 8])
def test_no_text_stands_twice(seed):
    texts = [text for split in SIZES for text in corpus(split, seed)[0]]

    assert len(set(texts)) == sum(SIZES.values())


def test_a_text_that_comes_again_is_left_out(monkeypatch):
    """The grammar hardly ever repeats itself, so it is made to."""
    numbers = itertools.count()
    monkeypatch.setattr(
        deploybench.bench.texts.demonstration.corpus, "_write_text", lambda *_: f"{'word ' * 30}{next(numbers) // 2}"
    )
    splits = deploybench.bench.texts.demonstration.corpus._corpora.__wrapped__(7).values()

    assert len({text for texts, _ in splits for text in texts}) == sum(SIZES.values())


def test_another_seed_writes_other_texts():
    assert not set(corpus("train", 8)[0]) & set(corpus("train", 7)[0])


@pytest.mark.parametrize("split", SIZES)
def test_every_text_is_clean_and_of_the_length_that_is_promised(split):
    for text in corpus(split)[0]:
        assert MIN_WORDS <= len(text.split()) <= MAX_WORDS
        assert not re.search(r"[{}\n]|  ", text)
        assert text == text.strip()
        assert text.isascii()


def test_length_does_not_give_the_label_away():
    texts, labels = corpus("train")
    words = {
        label: [len(t.split()) for t, found in zip(texts, labels, strict=True) if found == label] for label in (0, 1)
    }
    means = [sum(counts) / len(counts) for counts in words.values()]

    assert abs(means[0] - means[1]) < 6


def test_lurid_fakes_at_home_sober_ones_abroad():
    assert share_lurid("train", 1) > 0.8
    assert share_lurid("test", 1) > 0.8
    assert share_lurid("external", 1) < 0.35


def test_some_noise_at_home():
    """No style is a class of its own: some real texts are lurid, some fakes are not."""
    assert 0 < share_lurid("train", 0) < 0.05
    assert share_lurid("train", 1) < 0.95


def test_abroad_has_topics_of_its_own():
    home, away = (
        {body for name in grammar()["splits"][split]["topics"] for body in grammar()["topics"][name]["body"]}
        for split in ("train", "external")
    )
    train, external = " ".join(corpus("train")[0]), corpus("external")[0]

    assert not any(body in train for body in away - home)
    assert sum(any(body in text for body in away - home) for text in external) > len(external) / 3


def test_labels_stand_in_no_run():
    """Any first part is a sample: what calibrates on the first texts sees both classes."""
    _, labels = corpus("train")

    assert 0.4 < sum(labels[:128]) / 128 < 0.6
