"""From options to a saved run: checkpoint, labelled sets, artifacts, recorder, journal; and trainings."""
