"""Everything that makes or loads a model; heavy packages are imported only where they are used."""
