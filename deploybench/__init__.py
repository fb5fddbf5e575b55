"""Measure the ways to deploy a fine-tuned text classifier on a CPU, from Python: ``deploybench.run("my-albert")``.

The names are imported when they are first used: workers, whose memory is measured, import this package as well.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploybench.bench.api.compare import Comparison, compare, duel
    from deploybench.bench.api.predictor import Predictor, load
    from deploybench.bench.api.recommend import Recommendation, recommend
    from deploybench.bench.api.run import Run, read_run, run
    from deploybench.bench.api.score import Scores, score
    from deploybench.exporters.errors import DeploybenchError, UserError

_PLACES = {
    "deploybench.bench.api.compare": ("Comparison", "compare", "duel"),
    "deploybench.bench.api.predictor": ("Predictor", "load"),
    "deploybench.bench.api.recommend": ("Recommendation", "recommend"),
    "deploybench.bench.api.run": ("Run", "read_run", "run"),
    "deploybench.bench.api.score": ("Scores", "score"),
    "deploybench.exporters.errors": ("DeploybenchError", "UserError"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Comparison",
    "DeploybenchError",
    "Predictor",
    "Recommendation",
    "Run",
    "Scores",
    "UserError",
    "compare",
    "duel",
    "load",
    "read_run",
    "recommend",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
