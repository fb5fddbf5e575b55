"""Fine-tuning from one typed recipe; the same recipe serves CPU and GPU."""
