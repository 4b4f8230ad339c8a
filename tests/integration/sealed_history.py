"""A small history, its seal, and what somebody does to them who may do everything in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Executable, insert, select, text

from hooks.ledger.audit import seals, verify
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import Head
from hooks.ledger.database import Database
from hooks.ledger.records import RecordKey, blank
from hooks.ledger.tables import history
from hooks.ledger.tables import records as records_table
from hooks.ledger.tables import seals as seals_table
from tests.integration.harness import NOON

ORDERS = 4
ROWS = 20
MINUTE = timedelta(minutes=1)
NEXT_DAY = NOON + timedelta(days=1)


def history_row(row_id: int, place: int) -> dict[str, Any]:
    """A row of the history, `place` minutes after noon."""
    return {
        "id": row_id,
        "record_id": place % ORDERS + 1,
        "at": NOON + place * MINUTE,
        "cause": "order.updated",
        "state": "active",
        "legal_basis": "legal-obligation",
        "retention_class": "orders-accounting",
        "delete_after": date(2031, 12, 31),
        "policy_id": "smartgroup-2026-01-15",
        "reason": f"Paid on 2026-11-{place % 28 + 1:02}; kept under bokføringsloven § 13",
    }


def fill(database: Database, number: int = ROWS) -> None:
    """Row 10 is of order 102, row 20 of 103, and so on; between them there is room for rows put in later."""
    with database.write() as connection:
        for order in range(1, ORDERS + 1):
            made = blank(RecordKey("shop", "order", 100 + order), NOON) | {
                "state": "active",
                "id": order,
            }
            connection.execute(insert(records_table).values(made))
        connection.execute(
            insert(history), [history_row(10 * place, place) for place in range(1, number + 1)]
        )


def seal(database: Database, limit: int = 1000) -> int:
    """Seal rows; how many they were."""
    with database.write() as connection:
        return seals.seal(connection, limit)


def found(database: Database, *, expect: Head | None = None) -> list[AuditFinding]:
    """What an audit finds on the next day."""
    with database.read() as connection:
        return list(verify.verify(connection, expect=expect, now=NEXT_DAY))


def words(
    connection: Connection, *, expect: Head | None = None, now: datetime = NEXT_DAY
) -> list[str]:
    """What an audit finds, in words, where the transaction is still open."""
    return [finding.words for finding in verify.verify(connection, expect=expect, now=now)]


def head(database: Database) -> Head:
    """The end of the chain."""
    with database.read() as connection:
        return seals.head(connection) or Head()


def numbers(connection: Connection) -> list[tuple[int, int]]:
    """The number of each seal, and which row it is on."""
    rows = connection.execute(
        select(seals_table.c.number, seals_table.c.history_id).order_by(seals_table.c.number)
    )
    return [(number, row_id) for number, row_id in rows]


@contextmanager
def tampered(database: Database, statements: Sequence[Executable]) -> Iterator[Connection]:
    """Without the triggers that guard the history, and with these statements done; undone at the end."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        _disarm(connection)
        for statement in statements:
            connection.execute(statement)
        yield connection
        transaction.rollback()


def _disarm(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER history_no_update"))
        connection.execute(text("DROP TRIGGER history_no_delete"))
    else:
        connection.execute(text("DROP TRIGGER history_append_only ON history"))
