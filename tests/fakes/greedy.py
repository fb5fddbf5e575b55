"""A variant that has no room for a large batch."""

import numpy as np

from deploybench.exporters.variant import Variant


def load(artifact, threads):
    def predict(input_ids, attention_mask):
        if len(input_ids) > 1:
            raise MemoryError(f"no room for {len(input_ids)} texts")
        return np.zeros((1, 2), dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
