"""A variant that fills a cache of 16 MiB late: at its twentieth batch, and never again."""

import numpy as np

from deploybench.exporters.variant import Variant

CACHE_BYTES = 16 * 1024 * 1024


def load(artifact, threads):
    calls, cache = [], []

    def predict(input_ids, attention_mask):
        calls.append(1)
        if len(calls) == 20:
            cache.append(np.ones(CACHE_BYTES, dtype=np.uint8))
        return np.zeros((len(input_ids), 2), dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
