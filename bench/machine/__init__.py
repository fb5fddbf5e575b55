"""The machine that a run is on: what it is, who else uses it, and that one run alone measures there."""
