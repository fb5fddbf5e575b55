"""What is measured and what the numbers mean; no model runtime is imported here."""
