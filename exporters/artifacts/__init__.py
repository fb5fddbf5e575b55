"""Artifacts: exported, reused, checked for parity and served."""
