"""Where a classifier errs: which texts, of what length and kind, and how much more of them on another set."""
