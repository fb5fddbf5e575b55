"""A compiler that makes bf16 of a module that is fp32 to all who look at it."""

import dataclasses

from deploybench.exporters.checkpoints.classifier import load_classifier
from deploybench.exporters.runtimes.torch_model import EXAMPLE_TEXTS, example_inputs, limit_threads, run_classifier
from deploybench.exporters.variant import TOKENIZER
from deploybench.exporters.variants import torch_compile


def load(artifact, threads):
    import torch

    def compile_to_bf16(graph, _):
        def run(*inputs):
            with torch.autocast("cpu", torch.bfloat16):
                return graph(*inputs)

        return run

    limit_threads(threads)
    predict = run_classifier(torch.compile(load_classifier(artifact), dynamic=True, backend=compile_to_bf16))
    predict(*(one.numpy() for one in example_inputs(artifact / TOKENIZER, EXAMPLE_TEXTS[:1])))
    return predict


VARIANT = dataclasses.replace(torch_compile.VARIANT, load=load)
