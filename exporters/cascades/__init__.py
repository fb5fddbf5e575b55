"""Cascades: a small model, or a short reading, answers the texts that it is sure of, and a larger one the others."""
