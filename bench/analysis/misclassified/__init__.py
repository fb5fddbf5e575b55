"""Which texts are called wrong, and what they have in common."""
