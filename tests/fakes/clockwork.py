"""A variant whose every batch takes a quarter of a second, whatever it has and whatever else runs: of a clock of its own."""

import numpy as np

from deploybench.bench.worker import commands
from deploybench.exporters.variant import Variant

BATCH_NS = 250_000_000


class Clock:
    """Stands for ``time`` in the worker; only a batch moves it."""

    now = 0

    def perf_counter_ns(self):
        return self.now


def load(artifact, threads):
    commands.time = clock = Clock()

    def predict(input_ids, attention_mask):
        clock.now += BATCH_NS
        return np.zeros((len(input_ids), 2), dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
