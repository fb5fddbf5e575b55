"""Peak memory, leaks and the ledger of one process."""
