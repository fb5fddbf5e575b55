"""Reading checkpoints: configuration, weights, tokenizer, and the inputs that the model expects."""
