"""A paired run: two sides, measured interleaved."""
