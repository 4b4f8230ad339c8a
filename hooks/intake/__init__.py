"""From bytes to values to the ledger: deliveries, events of tools, events noted by operators."""
