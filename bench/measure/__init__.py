"""What is measured of a variant: latency, throughput, memory, the classes of labelled sets."""
