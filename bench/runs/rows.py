"""The name of a timed row in a run of several models: ``model/variant``; in a run of one model, the variant's."""

from __future__ import annotations

from ...exporters.variant import REFERENCE

_SEPARATOR = "/"  # in no name of a variant, and in no name that a model of several can have


def row_name(model: str, variant: str) -> str:
    """The name of a row; ``model`` is empty in a run of one.

    >>> row_name("small", "onnx-fp32"), row_name("", "onnx-fp32")
    ('small/onnx-fp32', 'onnx-fp32')
    """
    return f"{model}{_SEPARATOR}{variant}" if model else variant


def reference_row(row: str) -> str:
    """The row of the reference of the same model.

    >>> reference_row("small/onnx-fp32"), reference_row("onnx-fp32")
    ('small/torch-eager', 'torch-eager')
    """
    return row_name(model_of(row), REFERENCE)


def variant_of(row: str) -> str:
    """The variant of the row.

    >>> variant_of("small/onnx-fp32"), variant_of("onnx-fp32")
    ('onnx-fp32', 'onnx-fp32')
    """
    return row.rpartition(_SEPARATOR)[2]


def model_of(row: str) -> str:
    """The model of the row; empty in a run of one.

    >>> model_of("small/onnx-fp32"), model_of("onnx-fp32")
    ('small', '')
    """
    return row.rpartition(_SEPARATOR)[0]
