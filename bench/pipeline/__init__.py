"""From what was asked to a saved run: options, checkpoint, inputs and artifacts of a run, what it records, and trainings."""
