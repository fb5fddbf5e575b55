"""Training and inference on a GPU: ``python -m deploybench.suites.gpu``."""
