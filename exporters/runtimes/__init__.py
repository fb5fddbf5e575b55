"""What turns a model into files of a runtime, and those into predictors."""
