"""A variant whose process dies at the third batch, as a fault in native code kills one."""

import os
import signal
import sys

import numpy as np

from deploybench.exporters.variant import Variant


def load(artifact, threads):
    calls = 0

    def predict(input_ids, attention_mask):
        nonlocal calls
        calls += 1
        if calls > 2:
            print("about to go", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros((len(input_ids), 2), dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
