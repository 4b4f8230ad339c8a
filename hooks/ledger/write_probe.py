"""A write that only finds out whether the ledger can be written."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from hooks.ledger.tables import write_probe


def write_once(connection: Connection, now: datetime) -> None:
    """Change the one row of the table that exists for this."""
    connection.execute(update(write_probe).values(at=now))
