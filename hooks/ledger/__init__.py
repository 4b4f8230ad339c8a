"""The ledger: the tables, the transactions, and the named queries of the rest of the service."""
