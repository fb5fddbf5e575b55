"""How large an architecture is, from its configuration alone: by formula, and on the model that is built of it."""
