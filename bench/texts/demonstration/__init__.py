"""The bundled corpus: short news-like texts that a seeded grammar writes."""
