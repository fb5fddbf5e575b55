"""Everything that trains, exports, loads or inspects a model; heavy packages are imported only where they are used."""
