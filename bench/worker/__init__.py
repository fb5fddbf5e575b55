"""The child process that holds one variant, and the client that the parent talks to."""
