"""A variant of which, where several processes of one thread compute, one dies; the artifact is the folder where they meet."""

import os
import signal
import sys

import fakes.clockwork
from deploybench.exporters.variant import Variant


def load(artifact, threads):
    predict = fakes.clockwork.load(artifact, threads)
    calls = 0

    def predict_or_die(input_ids, attention_mask):
        nonlocal calls
        calls += 1
        if threads == 1 and calls > 2 and _first(artifact):
            print("no room beside the others", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return predict(input_ids, attention_mask)

    return predict_or_die


def _first(artifact):
    try:
        (artifact / "taken").mkdir()
    except FileExistsError:
        return False
    return True


VARIANT = Variant(runtime="fake", precision="fp32", packages=(), imports=("numpy",), export=lambda job: None, load=load)
