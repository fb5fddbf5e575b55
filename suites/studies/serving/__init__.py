"""How the server of an artifact answers under load."""
