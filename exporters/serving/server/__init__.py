"""A server of one artifact, in the request and answer of Text Embeddings Inference's ``/predict``.

These files are copied beside an artifact as they are, with ``predictor.py``, which is written for its variant; ``python -m server``
starts them there. They import the artifact's runtime, NumPy, tokenizers, Starlette, uvicorn and prometheus_client, and nothing of
this project.
"""
