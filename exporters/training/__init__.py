"""Fine-tuning and training from scratch, by one recipe for CPU and GPU."""
