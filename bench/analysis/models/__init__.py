"""Several models of one run: their accuracies on the same texts, and which pair of model and variant to take."""
