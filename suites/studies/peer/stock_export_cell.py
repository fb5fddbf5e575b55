"""Runs in the peer's environment: optimum's stock exporters, each artifact in a folder of its own.

    PEER-ENV/bin/python -I suites/studies/peer/stock_export_cell.py CHECKPOINT CALIBRATION.json OUT_DIR

Imports nothing of deploybench. Settings are those of optimum's documentation for such a model and CPU; files have the names
that our loaders expect.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any


def export(checkpoint: str, calibration: list[list[int]], out_dir: Path) -> None:
    """Write ``onnx-fp32``, ``onnx-fp32-O2``, ``onnx-int8-dynamic`` and ``openvino-int8`` below ``out_dir``."""
    from optimum.onnxruntime import ORTModelForSequenceClassification, ORTOptimizer, ORTQuantizer
    from optimum.onnxruntime.configuration import AutoOptimizationConfig, AutoQuantizationConfig

    plain = out_dir / "onnx-fp32"
    ORTModelForSequenceClassification.from_pretrained(checkpoint, export=True).save_pretrained(plain)
    model = ORTModelForSequenceClassification.from_pretrained(plain)
    ORTOptimizer.from_pretrained(model).optimize(
        optimization_config=AutoOptimizationConfig.O2(), save_dir=out_dir / "onnx-fp32-O2"
    )
    quantised: Any = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    ORTQuantizer.from_pretrained(model).quantize(save_dir=out_dir / "onnx-int8-dynamic", quantization_config=quantised)
    _openvino(checkpoint, calibration, out_dir / "openvino-int8")


def _openvino(checkpoint: str, calibration: list[list[int]], folder: Path) -> None:
    from datasets import Dataset
    from optimum.intel import OVConfig, OVModelForSequenceClassification, OVQuantizationConfig, OVQuantizer

    model = OVModelForSequenceClassification.from_pretrained(checkpoint, export=True)
    texts = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": [0] * len(ids)} for ids in calibration
    ]
    OVQuantizer.from_pretrained(model).quantize(
        calibration_dataset=Dataset.from_list(texts),
        save_directory=folder,
        ov_config=OVConfig(quantization_config=OVQuantizationConfig(num_samples=len(texts))),
    )


def keep_models(out_dir: Path) -> None:
    """Remove all files but the models, and give these the names that our loaders expect."""
    for folder in out_dir.iterdir():
        for pattern, name in (("*.onnx", "model.onnx"), ("*.xml", "model.xml"), ("*.bin", "model.bin")):
            found = [file for file in folder.glob(pattern) if "tokenizer" not in file.name]
            if found:
                [file] = found
                file.rename(folder / name)
        for other in folder.iterdir():
            if other.name not in {"model.onnx", "model.onnx.data", "model.xml", "model.bin"}:
                shutil.rmtree(other) if other.is_dir() else other.unlink()


if __name__ == "__main__":
    folder, texts, out = sys.argv[1:]
    export(folder, json.loads(Path(texts).read_text(encoding="utf-8")), Path(out))
    keep_models(Path(out))
