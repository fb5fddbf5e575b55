"""A saved run: metrics, measurements, predictions, the journal, and the files that hold them."""
