"""The ids of a store's orders, as the ledger knows them: of those that are there, that are gone, and in question."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from hooks.ledger import traits
from hooks.ledger.records import UNLISTED
from hooks.ledger.tables import records

WINDOW = 10_000
"""So many ids are looked at in one step, so that a ledger of a million orders takes little memory."""


def bounds(connection: Connection, store: str) -> tuple[int, int] | None:
    """The smallest and the largest id of which anything is known."""
    at = records.c.external_id
    ours = records.c.store == store, records.c.kind == "order", records.c.state != "unknown"
    chosen = select(at).where(*ours).limit(1)
    smallest = connection.execute(chosen.order_by(at)).scalar_one_or_none()
    largest = connection.execute(chosen.order_by(at.desc())).scalar_one_or_none()
    return (smallest, largest) if smallest is not None and largest is not None else None


def window(connection: Connection, store: str, first: int, last: int) -> list[int]:
    """The ids from `first` to `last`, at most WINDOW, in rising order; in falling order where `last` is the smaller."""
    at = records.c.external_id
    within = at.between(min(first, last), max(first, last))
    chosen = select(at).where(records.c.store == store, records.c.kind == "order", within)
    ordered = chosen.order_by(at if first <= last else at.desc())
    return list(connection.execute(ordered.limit(WINDOW)).scalars())


def count_unlisted(connection: Connection, store: str) -> int:
    """Count the orders that only their own address shows. Goes through all orders."""
    ours = records.c.store == store, records.c.kind == "order", records.c.reread_reason == UNLISTED
    return int(
        connection.execute(select(func.count()).select_from(records).where(*ours)).scalar_one()
    )


def unlisted(connection: Connection, store: str) -> int:
    """The number of such orders, as it was last noted."""
    trait = traits.read(connection, store).get(UNLISTED)
    return int(trait.value) if trait else 0
