"""A variant whose second thread looks out for work for a while after every call, as those of ONNX Runtime do."""

import threading
import time

import numpy as np

from deploybench.exporters.variant import Variant

LOOKS_S = 0.1


def load(artifact, threads):
    def look(end):
        while time.perf_counter() < end:
            pass

    def predict(input_ids, attention_mask):
        threading.Thread(target=look, args=(time.perf_counter() + LOOKS_S,), daemon=True).start()
        return np.zeros((len(input_ids), 2), dtype=np.float32)

    return predict


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
