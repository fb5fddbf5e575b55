"""A variant whose every batch holds 256 MiB for a moment, and that keeps 256 MiB from loading on."""

import numpy as np

from deploybench.exporters.variant import Variant

BATCH_BYTES = 256 * 1024 * 1024
HELD_BYTES = 256 * 1024 * 1024


def load(artifact, threads):
    held = np.ones(HELD_BYTES, dtype=np.uint8)

    def predict(input_ids, attention_mask):
        passing = np.ones(BATCH_BYTES, dtype=np.uint8)  # ones, not zeros: untouched pages are not resident
        return np.full((len(input_ids), 2), passing[-1] + held[-1], dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
