"""What changed between two saved runs, or over all of them."""
