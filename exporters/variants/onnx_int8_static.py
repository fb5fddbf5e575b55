"""ONNX Runtime, int8 weights per channel, activations in the ranges that training texts gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporters.runtimes.calibration import calibration_feed
from exporters.runtimes.onnx_session import EXAMPLE, MODEL_FILE, load_session
from exporters.variant import ExportJob, Variant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.variant import Int64Array


def export(job: ExportJob) -> None:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    assert job.base is not None
    model = onnx.load(job.base / MODEL_FILE)
    feeds: Iterator[dict[str, Int64Array]] = (
        calibration_feed(ids, [one.name for one in model.graph.input]) for ids in job.calibration
    )

    class Texts(CalibrationDataReader):
        """One text after the other."""

        def get_next(self) -> dict[str, Any] | None:
            return next(feeds, None)

    quantize_static(
        model,
        job.out_dir / MODEL_FILE,
        Texts(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul", "Gemm", "Gather"],  # what has weights; what only has activations stays exact
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )


VARIANT = Variant(
    runtime="onnxruntime",
    precision="int8",
    packages=("onnxruntime", "onnx"),
    imports=("onnxruntime",),
    export=export,
    load=load_session,
    example=EXAMPLE,
    min_agreement=0.95,
    base="onnx-fp32-fused",
    calibrates=True,
    default=False,
)
