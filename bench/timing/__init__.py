"""Times: interleaved launches and blocks, the controls among them, instances side by side, and the machine's yardsticks."""
