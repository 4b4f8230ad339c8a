"""The statements that every delivery and every written record needs, prepared."""

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


def among(dialect: str, column: Column[Any], kind: type[TypeEngine[Any]]) -> ColumnElement[bool]:
    """Whether a column is one of the values of the parameter `ids`: an array, or in SQLite a JSON one."""
    if dialect == "postgresql":
        return column == func.any(bindparam("ids", type_=ARRAY(kind)))
    listed = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
    return column.in_(select(listed.c.value))


def listed(connection: Connection, values: Iterable[int] | Iterable[str]) -> Any:
    """Several values as the parameter `ids`, so that the statement is the same for any number of them."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))


def ignoring(dialect: str, table: Any) -> Any:
    """An INSERT that leaves a row alone which is there already."""
    insert_ = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert_(table).on_conflict_do_nothing()


def _values(table: Any, *without: str) -> dict[str, Any]:
    return {
        column.name: bindparam(column.name, type_=column.type)
        for column in table.c
        if column.name not in without
    }


FIND = Prepared(
    lambda dialect: (
        select(records)
        .where(records.c.store == bindparam("store"), records.c.kind == bindparam("kind"))
        .where(among(dialect, records.c.external_id, BigInteger))
        .order_by(records.c.external_id)
        .with_for_update()
    )
)
"""Records by their ids, locked in order of these."""

CLAIMED = Prepared(
    lambda dialect: (
        select(records)
        .where(among(dialect, records.c.id, BigInteger), records.c.claim == bindparam("claim"))
        .order_by(records.c.kind, records.c.external_id)
        .with_for_update()
    )
)
"""Records by row ids, of those that a claim holds, locked in the same order."""

LINKED = Prepared(
    lambda _: select(records.c.kind, records.c.external_id, records.c.entries).where(
        records.c.store == bindparam("store"),
        records.c.customer_id == bindparam("customer_id"),
        records.c.kind != "order",
        records.c.kind != "customer",
        records.c.state == "active",
    )
)
"""Requests and consents of a customer that are kept. Without an order: to have one, SQLite walks all records of the
store."""

EVENTS_OF = Prepared(
    lambda dialect: (
        select(records.c.external_id, records.c.events)
        .where(
            records.c.store == bindparam("store"),
            records.c.kind == "customer",
            records.c.events != "[]",
        )
        .where(among(dialect, records.c.external_id, BigInteger))
    )
)
"""What was asked for and decided about customers; of those only of whom there is any."""

SEEN = Prepared(
    lambda dialect: select(deliveries.c.identity).where(
        deliveries.c.store == bindparam("store"), among(dialect, deliveries.c.identity, Text)
    )
)
"""Which deliveries were taken before."""

ADD_RECORD = Prepared(
    lambda dialect: (
        ignoring(dialect, records).values(_values(records, "id")).returning(records.c.id)
    )
)
ADD_DELIVERY = Prepared(lambda dialect: ignoring(dialect, deliveries).values(_values(deliveries)))
ADD_ACCOUNT_EMAIL = Prepared(
    lambda dialect: ignoring(dialect, account_emails).values(_values(account_emails))
)
ADD_HISTORY = Prepared(lambda _: insert(history).values(_values(history, "id")))


@lru_cache(maxsize=512)
def updating(names: tuple[str, ...]) -> Prepared:
    """Writes these columns of a record by its `row_id`."""
    values = {name: bindparam(name, type_=records.c[name].type) for name in names}
    return Prepared(
        lambda _: update(records).where(records.c.id == bindparam("row_id")).values(values)
    )


def _longest_due(at: Column[Any], *more: ColumnElement[bool]) -> Prepared:
    """Records of a store that are due `now` and that nobody holds, up to `limit`; those that others have locked are
    left out. A claim until after `later` was made by a clock that was ahead: it counts for none."""
    now, later = bindparam("now", type_=Instant), bindparam("later", type_=Instant)
    shown = ("id", "kind", "external_id", "version", "wanted", "wanted_digest")
    named = (*shown, "push_attempts", "reread_attempts", "reread_reason")
    chosen = select(*(records.c[name] for name in named)).where(
        records.c.store == bindparam("store"),
        at <= now,
        or_(
            records.c.claim_until.is_(None),
            records.c.claim_until <= now,
            records.c.claim_until > later,
        ),
        *more,
    )
    ordered = chosen.order_by(at).limit(bindparam("limit", type_=Integer))
    return Prepared(lambda _: ordered.with_for_update(skip_locked=True))


TO_BE_WRITTEN = _longest_due(
    records.c.push_at, records.c.kind == bindparam("kind"), records.c.reread_at.is_(None)
)
TO_BE_ASKED_ABOUT = _longest_due(records.c.reread_at)

CLAIM = Prepared(
    lambda dialect: (
        update(records)
        .where(among(dialect, records.c.id, BigInteger))
        .values(
            claim=bindparam("claim", type_=records.c.claim.type),
            claim_until=bindparam("until", type_=Instant),
        )
    )
)

RESTING = Prepared(
    lambda _: select(
        *(
            stores.c[name]
            for name in (
                "stopped_code",
                "stopped_since",
                "resume_at",
                "stopped_permanent",
                "failures",
            )
        )
    ).where(stores.c.slug == bindparam("store"))
)
"""Whether calls to a store rest, and why."""


def _noting(*names: str) -> Prepared:
    """Writes these columns of a `store`."""
    values = {name: bindparam(name, type_=stores.c[name].type) for name in names}
    return Prepared(
        lambda _: update(stores).where(stores.c.slug == bindparam("store")).values(values)
    )


PUSHED = _noting("last_pushed_at")
SAVE_BUDGET = _noting("next_call_at", "rate", "usual")
