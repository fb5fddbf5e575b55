"""Training and inference on a GPU: ``python -m suites.gpu``."""
