"""The traits of a store: findings about how the store, or a proxy or cache in front of it, answers.

Some traits change how the store is called (`auth`). Others are problems that `/status` reports (`php-notices`). Each
has a short value, and the time when it was first seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import store_traits

MAX_VALUE = 200
"""The length that the column has."""

PHP_NOTICES = "php-notices"
"""PHP prints notices into the answers. The value names the resources, such as `orders`, separated by commas."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of a store. `since` is when it was first seen, in UTC."""

    value: str
    since: datetime


def read(connection: Connection, store: str) -> dict[str, Trait]:
    """Read all traits of a store, by name."""
    rows = connection.execute(
        select(store_traits).where(store_traits.c.store == store).order_by(store_traits.c.name)
    )
    return {row.name: Trait(row.value, row.since) for row in rows}


def note(connection: Connection, store: str, name: str, value: str, now: datetime) -> None:
    """Note a trait. If it is stored already, it gets the new value and keeps its time."""
    value = value[:MAX_VALUE]
    row = {"store": store, "name": name, "value": value, "since": now}
    if connection.execute(insert_ignore(connection, store_traits), row).rowcount == 0:
        statement = update(store_traits).where(
            store_traits.c.store == store,
            store_traits.c.name == name,
            store_traits.c.value != value,
        )
        connection.execute(statement.values(value=value))


def forget(connection: Connection, store: str, name: str) -> None:
    """Delete a trait that the store does not show any more."""
    connection.execute(
        delete(store_traits).where(store_traits.c.store == store, store_traits.c.name == name)
    )
