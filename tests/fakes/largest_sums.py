"""int8 products whose sums are too large for a CPU without VNNI, by library.

Each adds 64 products of 2.0, which is 255, with 1.0, which is 127: 128.
"""

import numpy as np


def by_openvino():
    import openvino
    from openvino import opset13 as ops

    weight = ops.convert(ops.constant(np.full((8, 64), 127, np.int8)), "f32")
    scaled = ops.multiply(weight, ops.constant(np.full((8, 1), 1 / 127, np.float32)))
    floats = ops.parameter([-1, 64], np.float32)
    ends = [ops.constant(np.float32(end)) for end in (0, 2, 0, 2)]
    product = ops.matmul(ops.fake_quantize(floats, *ends, 256), scaled, False, True)
    compiled = openvino.Core().compile_model(openvino.Model([product], [floats], "largest"), "CPU")
    return float(compiled([np.full((4, 64), 2, np.float32)])[0].max())


def by_fbgemm():
    return _by_torch("fbgemm")


def by_onednn():
    return _by_torch("onednn")


def _by_torch(engine):
    import torch

    torch.backends.quantized.engine = engine
    weight = torch.quantize_per_tensor(torch.ones(8, 64), 1 / 127, 0, torch.qint8)
    floats = torch.full((4, 64), 2.0)
    floats[0, 0] = 0  # the range of what is quantised begins there
    packed = torch.ops.quantized.linear_prepack(weight, None)
    return float(torch.ops.quantized.linear_dynamic(floats, packed, False).max())
