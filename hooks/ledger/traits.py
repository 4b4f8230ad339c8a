"""The traits of a store: what was found out about how it, or what stands before it, answers.

Some change how the store is called (`auth`), others are problems that `/status` names (`php-notices`). Each has a
short value, and the time since when it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import store_traits

MAX_VALUE = 200

PHP_NOTICES = "php-notices"
"""PHP prints notices into answers; the value names the resources, such as `orders`, by commas."""


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
    """Note a trait. One that is known keeps the time of its first sight, and takes the new value."""
    value = value[:MAX_VALUE]
    row = {"store": store, "name": name, "value": value, "since": now}
    if connection.execute(insert_ignore(connection, store_traits), row).rowcount == 0:
        chosen = update(store_traits).where(
            store_traits.c.store == store, store_traits.c.name == name
        )
        connection.execute(chosen.where(store_traits.c.value != value).values(value=value))


def forget(connection: Connection, store: str, name: str) -> None:
    """Forget a trait that the store does not show any more."""
    connection.execute(
        delete(store_traits).where(store_traits.c.store == store, store_traits.c.name == name)
    )
