"""Misclassified texts: examples, and accuracy by length, by a column and from set to set."""
