"""Prepared statements: those that each delivery and each saved record needs, so they must be quick."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Text,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from hooks.ledger.prepared import Prepared
from hooks.ledger.tables import Instant, account_emails, deliveries, history, records, stores


def is_among_ids(
    dialect: str, column: Column[Any], kind: type[TypeEngine[Any]]
) -> ColumnElement[bool]:
    """Build the condition that a column is among the values of the parameter `ids`.

    The parameter is an array of `kind`, or a JSON array on SQLite.
    """
    if dialect == "postgresql":
        return column == func.any(bindparam("ids", type_=ARRAY(kind)))
    ids = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
    return column.in_(select(ids.c.value))


def ids_parameter(connection: Connection, values: Iterable[int] | Iterable[str]) -> Any:
    """Return values as the parameter `ids`, so that the statement is the same for any number of them."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))


def insert_ignore_for(dialect: str, table: Any) -> Any:
    """Return an INSERT that leaves an existing row as it is."""
    insert_ = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert_(table).on_conflict_do_nothing()


def _values(table: Any, *without: str) -> dict[str, Any]:
    return {
        column.name: bindparam(column.name, type_=column.type)
        for column in table.c
        if column.name not in without
    }


FIND_RECORDS = Prepared(
    lambda dialect: (
        select(records)
        .where(records.c.store == bindparam("store"), records.c.kind == bindparam("kind"))
        .where(is_among_ids(dialect, records.c.external_id, BigInteger))
        .order_by(records.c.external_id)
        .with_for_update()
    )
)
"""Finds the records of a store and kind by `ids`, and locks them in order of their ids."""

FIND_CLAIMED = Prepared(
    lambda dialect: (
        select(records)
        .where(
            is_among_ids(dialect, records.c.id, BigInteger), records.c.claim == bindparam("claim")
        )
        .order_by(records.c.kind, records.c.external_id)
        .with_for_update()
    )
)
"""Finds the records of a claim by their row ids, and locks them in order of kind and id."""

LINKED_ENTRIES = Prepared(
    lambda _: select(records.c.kind, records.c.external_id, records.c.entries).where(
        records.c.store == bindparam("store"),
        records.c.customer_id == bindparam("customer_id"),
        records.c.kind != "order",
        records.c.kind != "customer",
        records.c.state == "active",
    )
)
"""Finds the kept requests and consents of a customer. No ORDER BY: with one, SQLite reads all records of the store."""

CUSTOMER_EVENTS = Prepared(
    lambda dialect: (
        select(records.c.external_id, records.c.events)
        .where(
            records.c.store == bindparam("store"),
            records.c.kind == "customer",
            records.c.events != "[]",
        )
        .where(is_among_ids(dialect, records.c.external_id, BigInteger))
    )
)
"""Finds the record events of customers. Customers without any are left out."""

LOGGED_DELIVERIES = Prepared(
    lambda dialect: select(deliveries.c.identity).where(
        deliveries.c.store == bindparam("store"), is_among_ids(dialect, deliveries.c.identity, Text)
    )
)
"""Finds the deliveries, by identity, that the log has already."""

ADD_RECORD = Prepared(
    lambda dialect: (
        insert_ignore_for(dialect, records).values(_values(records, "id")).returning(records.c.id)
    )
)
ADD_DELIVERY = Prepared(
    lambda dialect: insert_ignore_for(dialect, deliveries).values(_values(deliveries))
)
ADD_ACCOUNT_EMAIL = Prepared(
    lambda dialect: insert_ignore_for(dialect, account_emails).values(_values(account_emails))
)
ADD_HISTORY = Prepared(lambda _: insert(history).values(_values(history, "id")))


@lru_cache(maxsize=512)
def record_update(names: tuple[str, ...]) -> Prepared:
    """Return the statement that writes these columns of a record, by its `row_id`."""
    values = {name: bindparam(name, type_=records.c[name].type) for name in names}
    return Prepared(
        lambda _: update(records).where(records.c.id == bindparam("row_id")).values(values)
    )


def _longest_due(at: Column[Any], *conditions: ColumnElement[bool]) -> Prepared:
    """Build the statement that finds and locks records of a store, up to `limit`: the longest due first.

    They are due `now` and not claimed. Records that another transaction has locked are left out. A claim that ends
    after `later` was made by a clock that was ahead, and does not count.
    """
    now, later = bindparam("now", type_=Instant), bindparam("later", type_=Instant)
    is_unclaimed = or_(
        records.c.claim_until.is_(None),
        records.c.claim_until <= now,
        records.c.claim_until > later,
    )
    query = select(
        records.c.id,
        records.c.kind,
        records.c.external_id,
        records.c.version,
        records.c.wanted,
        records.c.wanted_digest,
        records.c.push_attempts,
        records.c.reread_attempts,
        records.c.reread_reason,
    ).where(records.c.store == bindparam("store"), at <= now, is_unclaimed, *conditions)
    ordered = query.order_by(at).limit(bindparam("limit", type_=Integer))
    return Prepared(lambda _: ordered.with_for_update(skip_locked=True))


DUE_PUSHES = _longest_due(
    records.c.push_at, records.c.kind == bindparam("kind"), records.c.reread_at.is_(None)
)
DUE_REFETCHES = _longest_due(records.c.reread_at)

CLAIM = Prepared(
    lambda dialect: (
        update(records)
        .where(is_among_ids(dialect, records.c.id, BigInteger))
        .values(
            claim=bindparam("claim", type_=records.c.claim.type),
            claim_until=bindparam("until", type_=Instant),
        )
    )
)

BACKOFF = Prepared(
    lambda _: select(
        stores.c.stopped_code,
        stores.c.stopped_since,
        stores.c.resume_at,
        stores.c.stopped_permanent,
        stores.c.failures,
    ).where(stores.c.slug == bindparam("store"))
)
"""Finds the backoff of a store: its cause, its beginning and its end."""


def _store_update(*names: str) -> Prepared:
    """Build the statement that writes these columns of a store, by its slug in `store`."""
    values = {name: bindparam(name, type_=stores.c[name].type) for name in names}
    return Prepared(
        lambda _: update(stores).where(stores.c.slug == bindparam("store")).values(values)
    )


SAVE_LAST_PUSH = _store_update("last_pushed_at")
SAVE_BUDGET = _store_update("next_call_at", "rate", "usual")
