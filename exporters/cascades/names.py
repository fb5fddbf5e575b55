"""Names of cascades: the stages in their order, ``linear-tokens+onnx-int8-dynamic``.

A stage reads at most N tokens of a text where its name ends in ``@N``: ``onnx-int8-dynamic@128+onnx-int8-dynamic``.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UnknownVariantError

_BETWEEN, _TOKENS = "+", "@"
_FEWEST = 4  # tokens: with fewer a text has two of its own at most


class Stage(NamedTuple):
    """One model of a cascade."""

    variant: str
    tokens: int | None = None  # that it reads of a text at most; None: all

    @property
    def name(self) -> str:
        """As in the cascade's name."""
        return self.variant if self.tokens is None else f"{self.variant}{_TOKENS}{self.tokens}"


def is_cascade(name: str) -> bool:
    """Whether a variant's name is that of a cascade."""
    return _BETWEEN in name


def worst_case(name: str) -> str:
    """The name of what is timed as the worst case of a cascade: every stage computes every text."""
    return f"{name} (every stage)"


def stages_of(name: str) -> tuple[Stage, ...]:
    """The stages that a cascade's ``name`` says; raises UnknownVariantError for a name that is none."""
    stages = tuple(_stage(name, part.strip()) for part in name.split(_BETWEEN))
    if stages[-1].tokens is not None:
        raise UnknownVariantError(f"{name}: its last stage reads {stages[-1].tokens} tokens, expected all; leave out @")
    if len(set(stages)) < len(stages):
        raise UnknownVariantError(f"{name}: has a stage twice, expected different ones; name each once")
    return stages


def _stage(name: str, part: str) -> Stage:
    variant, at, tokens = part.partition(_TOKENS)
    if not at:
        return Stage(variant)
    if not tokens.isascii() or not tokens.isdigit() or int(tokens) < _FEWEST:
        raise UnknownVariantError(
            f"{name}: {part!r} is no stage, expected VARIANT or VARIANT@TOKENS with {_FEWEST} tokens or more"
        )
    return Stage(variant, int(tokens))
