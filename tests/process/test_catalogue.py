"""Variants by name, listed without importing them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import deploybench.exporters.variants
from deploybench.exporters.artifacts.catalogue import check_variant_name, default_variants, find_variant, variant_names
from deploybench.exporters.errors import UnknownVariantError
from deploybench.exporters.variant import REFERENCE, ExportJob

README = Path(__file__).parents[2] / "exporters" / "README.md"


def test_every_file_is_a_variant():
    assert variant_names() == (
        "linear-tokens",
        "onnx-fp32",
        "onnx-fp32-fused",
        "onnx-int8-7bit",
        "onnx-int8-careful",
        "onnx-int8-dynamic",
        "onnx-int8-static",
        "openvino-bf16",
        "openvino-fp32",
        "openvino-fp32-int8-weights",
        "openvino-int8",
        "openvino-int8-bf16",
        "openvino-int8-careful",
        "openvino-int8-dynamic",
        "torch-aot",
        "torch-bf16",
        "torch-compile",
        "torch-eager",
        "torch-int8-dynamic",
        "torchscript",
    )


@pytest.mark.parametrize("name", variant_names())
def test_every_variant_has_a_tolerance_and_an_existing_base(name):
    variant = find_variant(name)

    assert variant.precision in {"fp32", "bf16", "int8"}
    assert variant.precision == "fp32" or variant.logits_atol is None
    assert (variant.min_agreement >= 0.95) != variant.another_model
    assert variant.base is None or variant.base in variant_names()


def test_deprecated_variants():
    assert [name for name in variant_names() if find_variant(name).deprecated] == ["torch-int8-dynamic", "torchscript"]


def test_a_variant_that_needs_a_feature_is_a_default_on_cpus_with_it():
    plain, capable = default_variants(["avx2"]), default_variants(["avx2", "avx512_vnni", "avx512_bf16"])

    assert {"torch-eager", "onnx-fp32-fused"} < {*plain}
    assert {*capable} - {*plain} == {
        "openvino-bf16",
        "openvino-int8",
        "openvino-int8-bf16",
        "openvino-int8-careful",
    }
    assert {*default_variants(["avx_vnni"])} - {*plain} == {"openvino-int8", "openvino-int8-careful"}
    assert not {"torch-bf16", "torch-compile", "torch-aot"} & {*capable}  # exported when they are named


def test_another_model_is_a_default_where_there_are_labelled_texts():
    without, labelled = default_variants([]), default_variants([], labelled=True)

    assert {*labelled} - {*without} == {"linear-tokens"}


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownVariantError) as error:
        check_variant_name("onnx-in8-dynamic")

    assert str(error.value) == (
        "unknown variant 'onnx-in8-dynamic'; did you mean 'onnx-int8-dynamic'? known variants: "
        + ", ".join(variant_names())
        + "; for one of another package, install it or pass --plugin MODULE"
    )


def test_a_variant_is_one_file(artifacts, tmp_path, monkeypatch):
    """The example of the README, which no other file names; it is exported from its base."""
    code, _ = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "openvino_fp32_fp16_weights.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(
        deploybench.exporters.variants, "__path__", [*deploybench.exporters.variants.__path__, str(tmp_path)]
    )
    monkeypatch.delitem(sys.modules, "deploybench.exporters.variants.openvino_fp32_fp16_weights", raising=False)
    base = artifacts("openvino-fp32")
    job = ExportJob(checkpoint=base, out_dir=tmp_path, bases=(base,), tokenizer=base / "tokenizer", calibration=())

    assert "openvino-fp32-fp16-weights" in variant_names()
    find_variant("openvino-fp32-fp16-weights").export(job)
    weights = "model.bin"
    assert (tmp_path / weights).stat().st_size < 0.6 * (base / weights).stat().st_size


def test_the_reference_is_a_variant():
    check_variant_name(REFERENCE)


def test_reading_a_run_and_listing_variants_need_no_runtime():
    code = (
        "import deploybench.bench.cli, deploybench.bench.runs.store, deploybench.bench.report.render, sys\n"
        "deploybench.bench.cli.main(['list'])\n"
        "print(sorted({'torch', 'transformers', 'onnxruntime', 'openvino', 'nncf', 'optimum'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
