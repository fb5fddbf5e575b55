"""Claims about saved runs: what a file of them says, and whether each holds."""
