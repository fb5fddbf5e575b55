"""A paired run: two sides, measured interleaved."""

from ....exporters.variant import REFERENCE

DEFAULTS = {"variants": REFERENCE, "batch_sizes": "1", "target_width": "0.01", "time_budget": "60"}
"""Of the flags, as they are written."""
