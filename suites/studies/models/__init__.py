"""The published comparison of five architectures, made again in one run."""
