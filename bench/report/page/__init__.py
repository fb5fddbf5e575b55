"""A saved run as an HTML page, and its plots."""
