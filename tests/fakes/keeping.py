"""A variant whose freed blocks stay with the allocator, and whose garbage waits for Python's collector."""

import gc

import numpy as np

from deploybench.exporters.variant import Variant

MIB = 1024 * 1024
KEPT_BYTES = 64 * MIB
GARBAGE_BYTES = 16 * MIB
BLOCK = 64 * 1024  # small enough not to be a mapping of its own


def load(artifact, threads):
    cycle = [np.ones(GARBAGE_BYTES, dtype=np.uint8)]
    cycle.append(cycle)
    gc.collect()  # what has survived a collection is not looked at soon
    del cycle
    blocks = [np.ones(BLOCK, dtype=np.uint8) for _ in range(KEPT_BYTES // BLOCK)]
    last = np.ones(BLOCK, dtype=np.uint8)  # above the others, so that the heap cannot shrink
    del blocks
    return lambda input_ids, attention_mask: np.full((len(input_ids), 2), last[-1], dtype=np.float32)


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
