"""Which default variants export which architectures."""
