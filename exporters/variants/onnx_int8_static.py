"""ONNX Runtime, int8 weights per channel, activations in ranges calibrated on training texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..runtimes.calibration_texts import calibrating
from ..runtimes.feed import text_feed
from ..runtimes.onnx_graph import keep_normalisations_apart
from ..runtimes.onnx_session import MODEL_FILE
from . import onnx_int8_dynamic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..variant import ExportJob, Int64Array


def export(job: ExportJob) -> None:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    model = onnx.load(job.base / MODEL_FILE)
    names = [one.name for one in model.graph.input]
    feeds: Iterator[dict[str, Int64Array]] = (text_feed(names, ids) for ids in calibrating(job.calibration))

    class Texts(CalibrationDataReader):
        """Calibration texts, one after the other."""

        def get_next(self) -> dict[str, Any] | None:
            return next(feeds, None)

    quantize_static(
        model,
        job.out_dir / MODEL_FILE,
        Texts(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[
            "MatMul",
            "Gemm",
            "Gather",
        ],  # operators with weights; those of activations only stay fp32
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    keep_normalisations_apart(job.out_dir / MODEL_FILE)


VARIANT = replace(onnx_int8_dynamic.VARIANT, export=export, calibrates=True, default=False)
