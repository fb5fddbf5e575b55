"""Formats of a report, and text that each of them can show."""
