"""The machine of a run: CPU, environment, lock, other load."""
