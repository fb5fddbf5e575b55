"""Whether every architecture gets the inputs that transformers gives it."""
