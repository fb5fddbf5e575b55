"""A variant that maps the file in its artifact, and anonymous memory by mmap; of some memory it touches no page."""

import mmap

import numpy as np

from deploybench.exporters.variant import Variant

MIB = 1024 * 1024
FILE_BYTES = 64 * MIB
TOUCHED_BYTES = 32 * MIB
UNTOUCHED_BYTES = 128 * MIB


def load(artifact, threads):
    with (artifact / "weights.bin").open("rb") as file:
        weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    touched = mmap.mmap(-1, TOUCHED_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    touched[:: mmap.PAGESIZE] = b"x" * (TOUCHED_BYTES // mmap.PAGESIZE)
    untouched = mmap.mmap(-1, UNTOUCHED_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block = np.empty(UNTOUCHED_BYTES, dtype=np.uint8)

    def predict(input_ids, attention_mask):
        total = sum(weights[:: mmap.PAGESIZE]) + len(touched) + len(untouched) + len(block)
        return np.full((len(input_ids), 2), total, dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
