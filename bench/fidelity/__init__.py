"""What a variant really changes: its answers held against the reference's, example by example."""
