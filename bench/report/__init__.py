"""Tables from a saved run."""
