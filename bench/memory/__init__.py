"""Memory: its peaks, by two observers; the ledger that reconciles them; and what leaks."""
