"""The loop of a worker process, and the maintenance of the ledger."""
