"""A write that is made to find out whether the ledger can be written."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from hooks.ledger.tables import write_probe


def write_once(connection: Connection, now: datetime) -> None:
    """Change the one row that is there for this."""
    connection.execute(update(write_probe).values(at=now))
