"""What ``pytest suites`` runs."""
