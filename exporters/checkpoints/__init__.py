"""What is read of a checkpoint, and what it reads."""
