"""Artifacts: made, found again, proven and served."""
