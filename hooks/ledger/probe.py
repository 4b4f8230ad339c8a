"""A write that is made to find out whether the ledger can be written."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import write_probe


def write_once(connection: Connection, now: datetime) -> None:
    """Change the one row that is there for this."""
    if not connection.execute(update(write_probe).where(write_probe.c.id == 1).values(at=now)).rowcount:
        connection.execute(insert_ignore(connection, write_probe), {"id": 1, "at": now})
