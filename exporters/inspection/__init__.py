"""What an artifact really executes, and what its files store."""
