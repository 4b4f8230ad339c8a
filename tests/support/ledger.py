"""Insert records and history by hand, for tests of the code that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, insert

from hooks.ledger.log import history_line
from hooks.ledger.records import RecordKey, blank
from hooks.ledger.rows import RecordChange
from hooks.ledger.tables import history
from hooks.ledger.unit import Unit


def make(connection: Connection, key: RecordKey, now: datetime, **columns: Any) -> int:
    """Insert a record with these columns. Return its row id."""
    unit = Unit(connection)
    unit.save(blank(key, now), cast("RecordChange", columns))
    unit.write()
    return int(find(connection, key)["id"])


def find(connection: Connection, key: RecordKey) -> Any:
    """The row of a record, which must exist."""
    known = Unit(connection).find(key)
    assert known is not None
    return known


def remember(
    connection: Connection,
    record_id: int,
    row: Mapping[str, Any],
    at: datetime,
    cause: str,
    reason: str,
) -> None:
    """Insert a line of history."""
    connection.execute(
        insert(history), {"record_id": record_id} | history_line(row, at, cause, reason)
    )
