"""Store and ledger brought into step: push, refetch, reconcile, backfill, and the watch over webhooks."""
