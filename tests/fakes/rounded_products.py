"""torch-eager, but PyTorch may round the operands of its products to bf16: their type stays float32."""

import dataclasses

from deploybench.exporters.variants import torch_eager


def load(artifact, threads):
    import torch

    torch.set_float32_matmul_precision("medium")
    return torch_eager.load(artifact, threads)


VARIANT = dataclasses.replace(torch_eager.VARIANT, load=load)
