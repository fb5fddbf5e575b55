"""Training: time, accuracy and reproducibility."""
