"""Scoring of large files: time and memory."""
