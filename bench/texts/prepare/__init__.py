"""Labelled files made into training, validation and test sets."""
