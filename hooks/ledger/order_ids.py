"""The ids of a store's orders in the ledger, whatever the state of the orders."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from hooks.ledger import traits
from hooks.ledger.rows import UNLISTED
from hooks.ledger.tables import records

WINDOW = 10_000
"""The number of ids in one step, so that a ledger of a million orders takes little memory."""


def bounds(connection: Connection, store: str) -> tuple[int, int] | None:
    """Return the smallest and the largest id of an order whose state is known; None where there is no such order."""
    order_id = records.c.external_id
    query = select(order_id).where(
        records.c.store == store, records.c.kind == "order", records.c.state != "unknown"
    )
    smallest = connection.execute(query.order_by(order_id).limit(1)).scalar_one_or_none()
    largest = connection.execute(query.order_by(order_id.desc()).limit(1)).scalar_one_or_none()
    if smallest is None or largest is None:
        return None
    return smallest, largest


def window(connection: Connection, store: str, first: int, last: int) -> list[int]:
    """Return the ids from `first` to `last`, at most WINDOW; in falling order where `last` is smaller than `first`."""
    order_id = records.c.external_id
    is_within = order_id.between(min(first, last), max(first, last))
    query = select(order_id).where(records.c.store == store, records.c.kind == "order", is_within)
    if first <= last:
        query = query.order_by(order_id)
    else:
        query = query.order_by(order_id.desc())
    return list(connection.execute(query.limit(WINDOW)).scalars())


def count_unlisted(connection: Connection, store: str) -> int:
    """Count the orders that the store's lists leave out. Reads all orders, so it is slow."""
    query = select(func.count()).select_from(records)
    query = query.where(
        records.c.store == store,
        records.c.kind == "order",
        records.c.reread_reason == UNLISTED,
    )
    return int(connection.execute(query).scalar_one())


def last_unlisted_count(connection: Connection, store: str) -> int:
    """Return the number of orders that the store's lists leave out, as it was last counted."""
    trait = traits.read(connection, store).get(UNLISTED)
    if trait is None:
        return 0
    return int(trait.value)
