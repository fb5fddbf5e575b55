"""A saved run: measurements, predictions, the journal, and the files that hold them."""
