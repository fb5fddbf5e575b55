"""What parameter sharing saves and what it does not."""
