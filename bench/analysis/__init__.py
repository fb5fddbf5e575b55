"""Figures of a saved run, and which variant they lead to."""
