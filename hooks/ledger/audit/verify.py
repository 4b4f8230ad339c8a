"""The audit: whether the history is what was sealed.

What the chain proves by itself: no row was changed, taken out, put in or moved by accident, by an edit of some of the
tables, or by a restore of some of them; no row was added in the past; the worker that seals is at work.

What it cannot prove by itself: whoever may write to the database can drop the triggers that guard the history, change
it, and make all seals anew; they can also cut off rows, seals and head alike, which is what a restored backup does.
Only a head kept elsewhere, where they cannot change it, shows that: the chain must still contain it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from hooks.ledger.audit import findings
from hooks.ledger.audit.chain import Chain
from hooks.ledger.audit.findings import Finding
from hooks.ledger.audit.seals import GENESIS, Head, columns, head, sealed, unsealed
from hooks.ledger.audit.suspects import Link
from hooks.ledger.tables import history, records, seals

SEALED_WITHIN = timedelta(hours=1)

CHUNK = 1000
"""Of rows in memory."""


def sealed_rows(connection: Connection) -> int:
    """How many rows of the history are sealed."""
    return int(connection.execute(select(func.count()).select_from(seals)).scalar_one())


def verify(connection: Connection, *, expect: Head | None, now: datetime) -> Iterator[Finding]:
    """All that is not as it was sealed, found while going along the chain once; memory does not depend on its length.

    `expect` is an earlier head that was kept elsewhere: the chain must contain it still. `now` is an aware instant.
    The transaction has to see one state of the ledger throughout, as `Database.read` gives it.
    """
    yield from _expected(connection, expect)
    chain = Chain()
    for link in _links(connection):
        yield from chain.take(link)
    yield from chain.end(head(connection))
    yield from _not_sealed(connection, now - SEALED_WITHIN)


def _expected(connection: Connection, expect: Head | None) -> Iterator[Finding]:
    if expect is None:
        return
    found = connection.execute(select(seals.c.hash).where(seals.c.number == expect.number)).scalar()
    if (found if expect.number else GENESIS) != expect.hash:
        last = connection.execute(select(func.max(seals.c.number))).scalar_one()
        yield findings.not_as_expected(expect, last or 0)


def _links(connection: Connection) -> Iterator[Link]:
    """All seals in order of their numbers, with their rows as far as they are there."""
    joined = seals.outerjoin(history, history.c.id == seals.c.history_id)
    joined = joined.outerjoin(records, records.c.id == history.c.record_id)
    chosen = select(seals.c.number, seals.c.history_id, seals.c.hash, *columns()).select_from(
        joined
    )
    for row in _streamed(connection, chosen.order_by(seals.c.number)):
        yield Link(row.number, row.history_id, row.hash, None if row.id is None else sealed(row))


def _not_sealed(connection: Connection, before: datetime) -> Iterator[Finding]:
    """Rows that should have been sealed: among those that are, each for itself; behind them, all in one."""
    highest: int | None = connection.execute(select(func.max(seals.c.history_id))).scalar_one()
    old = history.c.at < before
    if highest is not None:
        chosen = unsealed(None).where(old, history.c.id < highest)
        yield from (findings.row_inserted(sealed(row)) for row in _streamed(connection, chosen))
    behind = unsealed(highest).where(old)
    first = connection.execute(behind.limit(1)).first()
    if first is not None:
        number = connection.execute(
            select(func.count()).select_from(behind.order_by(None).subquery())
        ).scalar_one()
        yield findings.not_sealed(number, sealed(first))


def _streamed(connection: Connection, chosen: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execute(chosen, execution_options={"yield_per": CHUNK})
