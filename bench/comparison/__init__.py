"""Two saved runs, row by row: what became better, worse or cannot be told, and how small a change could have been told."""
