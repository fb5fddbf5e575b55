"""Parameters, operations and activations of an architecture, from its configuration: on the built model, and by formula."""
