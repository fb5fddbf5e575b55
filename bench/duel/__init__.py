"""Two sides in one run: what they are, how they are measured against each other, and what is said of it."""
