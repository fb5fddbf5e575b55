"""Studies: scripts that measure one question about the suites or the machine, and save their figures under results/."""
