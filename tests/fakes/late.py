"""A variant that takes 64 MiB at its second batch and keeps them, as an arena that is sized by the first does."""

import numpy as np

from deploybench.exporters.variant import Variant

LATE_BYTES = 64 * 1024 * 1024


def load(artifact, threads):
    kept, calls = [], 0

    def predict(input_ids, attention_mask):
        nonlocal calls
        calls += 1
        if calls == 2:
            kept.append(np.ones(LATE_BYTES, dtype=np.uint8))
        return np.zeros((len(input_ids), 2), dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
