"""A saved run as a page for people, and its plots."""
