"""How fast a device multiplies matrices, trains and runs a model."""
