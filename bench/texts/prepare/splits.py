"""Which split a text belongs to: decided by what it says, and by nothing else.

A text's number, from 0 to 100, comes of a hash of the seed and the text, and the split is where that number falls. So a text is
in the same split whatever rows come, go or change places. Nothing is counted out: a class has its shares as in a draw of each text
by itself, of 1,000 texts at 15 % 150 give or take 11. That is what stratification is here: the number does not depend on the
label, so that every class has the same chances. Exact shares would move texts to another split whenever a row is added.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from exporters.errors import UserError

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
_WHOLE = 100  # per cent


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Per cent of the splits."""

    train: int
    validation: int
    test: int  # 0 where the test set was given

    def split_of(self, digest: bytes, seed: int) -> str:
        """The split of a text, by the SHA-256 of it."""
        drawn = hashlib.sha256(f"{seed}\n".encode() + digest).digest()
        number = int.from_bytes(drawn[:8], "big") * _WHOLE / 2**64
        return TRAIN if number < self.train else VALIDATION if number < self.train + self.validation else TEST


def read_shares(text: str | None, *, test_given: bool = False) -> Shares:
    """Shares from ``70/15/15``, or ``85/15`` where the test set is given; UserError for what is none."""
    usual = "85/15" if test_given else "70/15/15"
    parts = (usual if text is None else text).split("/")
    numbers = [int(part) for part in parts if part.strip().isdecimal()]
    fitting = len(parts) == len(numbers) == len(usual.split("/"))
    if not fitting or min(numbers) < 1 or sum(numbers) != _WHOLE:
        which = "training and validation, since --test is given" if test_given else "training, validation and test"
        raise UserError(f"--split: found {text!r}, expected per cent for {which}, such as {usual}")
    train, validation, *test = numbers
    return Shares(train=train, validation=validation, test=sum(test))
