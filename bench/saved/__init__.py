"""What a run keeps: finished cells while it goes on, then one file, and the answers beside it."""
