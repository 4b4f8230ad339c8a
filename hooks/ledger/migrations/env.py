"""Alembic's way in: migrations run on the connection that `hooks.ledger.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from hooks.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
