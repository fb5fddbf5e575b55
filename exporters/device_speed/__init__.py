"""Speed of a device: matrix products, training steps and forward passes."""
