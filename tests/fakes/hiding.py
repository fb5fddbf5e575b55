"""A variant that takes memory where neither memray nor the allocator can see it: from the kernel, by number."""

import ctypes
import mmap

import numpy as np

from deploybench.exporters.variant import Variant

HIDDEN_BYTES = 64 * 1024 * 1024
_SYS_MMAP = 9  # of x86-64


def load(artifact, threads):
    syscall = ctypes.CDLL(None).syscall
    syscall.restype = ctypes.c_void_p
    protection, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    arguments = (_SYS_MMAP, 0, HIDDEN_BYTES, protection, flags, -1, 0)
    hidden = syscall(*map(ctypes.c_long, arguments))
    ctypes.memset(hidden, 1, HIDDEN_BYTES)
    return lambda input_ids, attention_mask: np.zeros((len(input_ids), 2), dtype=np.float32)


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
