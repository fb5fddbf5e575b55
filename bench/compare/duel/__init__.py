"""Two sides, interleaved in one run."""
