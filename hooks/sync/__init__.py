"""Keeps store and ledger in step: push, refetch, reconcile, backfill, and the watch over webhooks."""
