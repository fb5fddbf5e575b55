"""Correctness and cost of the harness."""
