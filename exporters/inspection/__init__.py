"""Inspection of artifacts: what the runtime executes, and what the files store."""
