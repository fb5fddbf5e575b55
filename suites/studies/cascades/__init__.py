"""Studies of cascades: what they gain, and whether their bound holds."""
