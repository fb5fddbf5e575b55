"""Comparison with optimum-benchmark and optimum's stock exporters."""
