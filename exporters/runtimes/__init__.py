"""Conversion of a model into a runtime's files, and of those into predictors."""
