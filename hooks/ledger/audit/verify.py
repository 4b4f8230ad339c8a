"""The audit: it compares the history with its seals.

What the chain proves by itself: nobody changed, deleted, inserted or moved a row by accident, by editing some of the
tables, or by restoring some of them from a backup; nobody added a row to the past; the worker that seals is running.

What it cannot prove by itself: somebody who may write to the database can drop the triggers that guard the history,
change it, and compute all seals again. They can also cut off the newest rows together with their seals and the head; to
restore an old backup does the same. Only a head that was kept in another place, where they cannot change it, shows
that: the chain must still contain it.

`chain.py` follows the chain and `suspects.py` explains what does not match, both without IO. `findings.py` holds the
sentences. This module reads the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from hooks.ledger.audit import findings
from hooks.ledger.audit.chain import Chain
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import (
    GENESIS,
    Head,
    head,
    sealed_columns,
    select_unsealed,
    to_sealed_row,
)
from hooks.ledger.audit.suspects import Link
from hooks.ledger.tables import history, records, seals

SEALED_WITHIN = timedelta(hours=1)
"""A row that is older than this must have a seal."""

CHUNK = 1000
"""The number of rows in memory."""


def count_sealed_rows(connection: Connection) -> int:
    """Count the rows of the history that are sealed."""
    return int(connection.execute(select(func.count()).select_from(seals)).scalar_one())


def verify(connection: Connection, *, expect: Head | None, now: datetime) -> Iterator[AuditFinding]:
    """Follow the chain once and yield all that is not as it was sealed. Memory does not depend on its length.

    `expect` is an earlier head that was kept in another place: the chain must still contain it. `now` is an aware
    instant. The transaction has to see one state of the ledger throughout, as `Database.read` gives it.
    """
    yield from _check_expected(connection, expect)
    chain = Chain()
    for link in _links(connection):
        yield from chain.take(link)
    yield from chain.end(head(connection))
    yield from _check_unsealed(connection, now - SEALED_WITHIN)


def _check_expected(connection: Connection, expect: Head | None) -> Iterator[AuditFinding]:
    if expect is None:
        return
    stored: str | None = GENESIS
    if expect.number:
        query = select(seals.c.hash).where(seals.c.number == expect.number)
        stored = connection.execute(query).scalar()
    if stored != expect.hash:
        last = connection.execute(select(func.max(seals.c.number))).scalar_one()
        yield findings.not_as_expected(expect, last or 0)


def _links(connection: Connection) -> Iterator[Link]:
    """Yield all seals in order of their numbers, each with its row if the row exists."""
    joined = seals.outerjoin(history, history.c.id == seals.c.history_id)
    joined = joined.outerjoin(records, records.c.id == history.c.record_id)
    query = select(seals.c.number, seals.c.history_id, seals.c.hash, *sealed_columns())
    for row in _stream(connection, query.select_from(joined).order_by(seals.c.number)):
        sealed_row = None
        if row.id is not None:
            sealed_row = to_sealed_row(row)
        yield Link(row.number, row.history_id, row.hash, sealed_row)


def _check_unsealed(connection: Connection, before: datetime) -> Iterator[AuditFinding]:
    """Report rows that should have a seal by now.

    Each row among sealed rows is a finding of its own. The rows behind the last sealed row are one finding.
    """
    highest: int | None = connection.execute(select(func.max(seals.c.history_id))).scalar_one()
    is_old = history.c.at < before
    if highest is not None:
        inserted = select_unsealed(None).where(is_old, history.c.id < highest)
        for row in _stream(connection, inserted):
            yield findings.row_inserted(to_sealed_row(row))
    behind = select_unsealed(highest).where(is_old)
    first = connection.execute(behind.limit(1)).first()
    if first is not None:
        count = select(func.count()).select_from(behind.order_by(None).subquery())
        number = connection.execute(count).scalar_one()
        yield findings.not_sealed(number, to_sealed_row(first))


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execute(query, execution_options={"yield_per": CHUNK})
