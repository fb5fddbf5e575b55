"""From texts to classes: labelled sets for accuracy, and files of any size, by the plan that was measured to be the fastest."""
