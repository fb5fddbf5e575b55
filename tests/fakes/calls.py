"""Functions for a child to be called with."""

import os
import signal
import sys
import time

from deploybench.bench.worker.client import Worker
from deploybench.exporters.artifacts.catalogue import find_variant
from deploybench.exporters.errors import CheckpointError
from deploybench.exporters.files import whole_folder
from deploybench.exporters.variant import ExportJob

_STARTED = []  # workers that must not be closed


def double(number, *, add=0):
    return 2 * number + add


def write_inputs_but_of_bad(checkpoint, texts, out_dir):
    """As the kernel ends a process that takes too much memory."""
    from deploybench.exporters.checkpoints.inputs import write_inputs

    if checkpoint.name == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    write_inputs(checkpoint, texts, out_dir)


def environment(name):
    return os.environ.get(name)


def mistake():
    raise CheckpointError("model: is no checkpoint")


def leave(code):
    print("first line\nlast line", file=sys.stderr, flush=True)
    os._exit(code)


def sleep(seconds):
    time.sleep(seconds)


def start_a_long_call(*, forked=False):
    """The process of a worker that computes for ten minutes."""
    worker = Worker("long", 1, forked=forked)
    worker.ask("memory_status")  # it has begun
    worker.send("call", f"{__name__}:sleep", (600,), {})
    _STARTED.append(worker)
    return worker.pid


def export_alone(name, base, folder):
    with whole_folder(folder) as out_dir:
        find_variant(name).export(
            ExportJob(checkpoint=base, out_dir=out_dir, bases=(base,), tokenizer=base, calibration=())
        )


def modules_of_export(name, origin, root):
    """Names of this product's exporters that an export imports, base and all."""
    from deploybench.exporters.artifacts.artifact import export_artifact

    export_artifact(name, origin, root)
    return {module for module in sys.modules if f"{module}.".startswith("deploybench.exporters.")}


def export_unpolished(checkpoint, out_dir):
    """A fused export before its round trips are dropped."""
    from deploybench.exporters.runtimes.onnx_export import attention_as_one_node, export_onnx

    with attention_as_one_node(2):
        export_onnx(checkpoint, checkpoint, out_dir)


def graphs_made(name, artifact, batches):
    """How many graphs torch.compile has made after the load, and after ``batches``."""
    from torch._dynamo.utils import counters

    predict = find_variant(name).load(artifact, 1)
    loaded = counters["stats"]["unique_graphs"]
    for batch in batches:
        predict(*batch)
    return loaded, counters["stats"]["unique_graphs"]


def logits_of(folders, batches):
    """Logits of each batch by the variants in ``folders``, loaded one after the other in this process."""
    found = {}
    for name, folder in folders.items():
        predict = find_variant(name).load(folder, 1)
        found[name] = [predict(*batch) for batch in batches]
    return found


def train_within(recipe, *, spare, **given):
    """Train with room for ``spare`` bytes more than the packages take."""
    import resource
    from pathlib import Path

    import transformers.trainer  # noqa: F401

    from deploybench.exporters.training.train import train

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + spare, resource.RLIM_INFINITY))
    try:
        return train(recipe, **given)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def packages_imported():
    return {module.partition(".")[0] for module in sys.modules}
