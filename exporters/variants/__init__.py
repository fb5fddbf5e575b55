"""One file, one variant: ``onnx_fp32.py`` is the variant ``onnx-fp32``. Adding one edits no other file."""
