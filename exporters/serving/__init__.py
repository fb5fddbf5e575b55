"""Serving an artifact with its runtime alone: its tokenizer and labels, a program of one text, and a server."""
