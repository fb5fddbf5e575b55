"""What ``deploybench export`` prints: each variant in a line, and what people should know of it."""

from pathlib import Path

from deploybench.bench.commands.export import render_exports
from deploybench.bench.runs.store import VariantInfo
from deploybench.exporters.artifacts.artifact import Artifact


def test_what_people_read():
    parity = {"agreement": 0.987, "examples": 77, "max_abs_diff": 0.0234}
    variants = {
        "onnx-int8-dynamic": VariantInfo(
            runtime="onnxruntime", precision="int8", parity=parity, without_vnni={"cut": 0.0016}
        ),
        "openvino-int8": VariantInfo(
            runtime="openvino", precision="int8", parity=parity, notes=("1 of the matrix products stay in fp32",)
        ),
        "torchscript": VariantInfo(runtime="torch", precision="fp32", failed="no graph"),
    }
    artifacts = {
        name: Artifact(path=Path("out", name), variant=name, fingerprint="", size=12_000_000)
        for name in ("onnx-int8-dynamic", "openvino-int8")
    }

    assert render_exports(variants, artifacts).splitlines() == [
        "onnx-int8-dynamic  12.0 MB, labels agree on 98.7 % of 77, logits within 2.3e-02: out/onnx-int8-dynamic",
        "openvino-int8      12.0 MB, labels agree on 98.7 % of 77, logits within 2.3e-02: out/openvino-int8",
        "torchscript        failed: no graph",
        "! onnx-int8-dynamic: without VNNI, 0.16 % of its int8 sums are cut: on such a CPU it may predict otherwise",
        "! openvino-int8: 1 of the matrix products stay in fp32",
    ]
