"""The queries on records that ingest and the worker need, by name. Core statements; the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hooks.errors import LedgerContendedError
from hooks.ledger.tables import records
from hooks.retention.facts import RecordKind

Values = dict[str, Any]

CHUNK = 1000

AGAIN = "~"
"""Before what made the tags of a record that are to be made anew."""


class RacedError(LedgerContendedError):
    """Another transaction made the same record at the same time; run this one again."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """A record by the names that the store knows it by."""

    store: str
    kind: RecordKind
    external_id: int


def blank(key: RecordKey, now: datetime) -> Values:
    """A record of which nothing is known yet."""
    return dict.fromkeys(records.c.keys()) | {
        "store": key.store,
        "kind": key.kind,
        "external_id": key.external_id,
        "state": "unknown",
        "doubtful": False,
        "unknown_status": False,
        "held": False,
        "young": False,
        "entries": "[]",
        "tagged_by": "",
        "events": "[]",
        "linked": False,
        "recipients": "",
        "push_attempts": 0,
        "contests": 0,
        "reread_attempts": 0,
        "created_at": now,
        "updated_at": now,
    }


_FIND = (
    select(records)
    .where(
        records.c.store == bindparam("store"),
        records.c.kind == bindparam("kind"),
        records.c.external_id == bindparam("external_id"),
    )
    .with_for_update()
)


def find(connection: Connection, key: RecordKey) -> Values | None:
    """The record, locked until the transaction ends."""
    row = connection.execute(_FIND, {"store": key.store, "kind": key.kind, "external_id": key.external_id}).first()
    return dict(row._mapping) if row else None  # noqa: SLF001 - its documented name, underscore and all


UNCLAIMED: Values = {"claim": None, "claim_until": None}


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one record; it ends by itself when the worker does not settle in time."""

    record_id: int
    token: str
    version: datetime | None = None
    """The record's version when it was claimed: what the store then says is news, even where it is older."""


def claimed(connection: Connection, claim: Claim) -> Values | None:
    """The claimed record, locked; None if the claim has lapsed and it is somebody else's by now."""
    chosen = select(records).where(records.c.id == claim.record_id, records.c.claim == claim.token)
    row = connection.execute(chosen.with_for_update()).first()
    return dict(row._mapping) if row else None  # noqa: SLF001


_UPDATE = update(records).where(records.c.id == bindparam("row_id"))


def save(connection: Connection, known: Values, changed: Mapping[str, Any]) -> int:
    """Write a record, new or known: only the columns that differ, and nothing if none does. Returns its row id.

    Raises RacedError when it is new here, but another transaction has just made it.
    """
    if known["id"] is None:
        values = {name: value for name, value in (known | dict(changed)).items() if name != "id"}
        statement = insert_ignore(connection, records).returning(records.c.id)
        made = connection.execute(statement, values).scalar_one_or_none()
        if made is None:
            raise RacedError("the record was made by another process at the same time")
        return int(made)
    different = differing(known, changed)
    if different:
        connection.execute(_UPDATE, different | {"row_id": known["id"]})
    return int(known["id"])


def differing(known: Values, changed: Mapping[str, Any]) -> Values:
    """The columns of a known record that are to be written; none, where only the time of writing would be another."""
    different = {name: value for name, value in changed.items() if value != known[name]}
    return different if different.keys() - {"updated_at"} else {}


def insert_ignore(connection: Connection, table: Table) -> Any:
    """INSERT that leaves a row alone which is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


# --- what a walk through the store's lists is compared with ---


def those(connection: Connection, store: str, kind: RecordKind, ids: Collection[int]) -> dict[int, Values]:
    """The records of these ids, by id, as they stand; none is locked."""
    chosen = select(records).where(
        records.c.store == store, records.c.kind == kind, records.c.external_id.in_(sorted(ids))
    )
    return {row.external_id: dict(row._mapping) for row in connection.execute(chosen)}  # noqa: SLF001


def still_there(
    connection: Connection, store: str, kind: RecordKind, *, after: int, upto: int | None
) -> Iterator[Values]:
    """The records that the store should have between two ids, in order of ids, a thousand in memory at a time."""
    while True:
        chosen = select(records).where(
            records.c.store == store,
            records.c.kind == kind,
            records.c.external_id > after,
            records.c.state.not_in(("unknown", "gone")),
        )
        if upto is not None:
            chosen = chosen.where(records.c.external_id <= upto)
        rows = connection.execute(chosen.order_by(records.c.external_id).limit(CHUNK)).all()
        yield from (dict(row._mapping) for row in rows)  # noqa: SLF001
        if len(rows) < CHUNK:
            return
        after = rows[-1].external_id


def approaching(connection: Connection, store: str, *, due: date, read_before: datetime, limit: int) -> list[int]:
    """Ids of customers that are due on a day or earlier, and of whom the store was last asked before an instant."""
    chosen = select(records.c.external_id).where(
        records.c.store == store,
        records.c.kind == "customer",
        records.c.state == "active",
        records.c.delete_after <= due,
        records.c.reread_at.is_(None),
        or_(records.c.read_at.is_(None), records.c.read_at < read_before),
    )
    return list(connection.execute(chosen.order_by(records.c.delete_after).limit(limit)).scalars())


# --- what bears on one another ---------------------------------------------------------------------------


def events_of(connection: Connection, store: str, customers: Collection[int]) -> dict[int, str]:
    """What was asked for and decided about these customers, by id; only of those of whom there is any."""
    chosen = select(records.c.external_id, records.c.events).where(
        records.c.store == store,
        records.c.kind == "customer",
        records.c.external_id.in_(sorted(customers)),
        records.c.events != "[]",
    )
    return {row.external_id: row.events for row in connection.execute(chosen)}


def lock_events_of(connection: Connection, store: str, customer_id: int) -> dict[int, str]:
    """The same of one customer, who is locked: what is decided about them now waits, and then finds their records."""
    chosen = select(records.c.events).where(
        records.c.store == store, records.c.kind == "customer", records.c.external_id == customer_id
    )
    found = connection.execute(chosen.with_for_update()).scalar_one_or_none()
    return {} if found is None else {customer_id: found}


def owner_of(connection: Connection, store: str, order_id: int) -> int | None:
    """The customer whose order this is, as far as that is known."""
    chosen = select(records.c.customer_id).where(
        records.c.store == store, records.c.kind == "order", records.c.external_id == order_id
    )
    owner: int | None = connection.execute(chosen).scalar_one_or_none()
    return owner


_LINKED = select(records.c.kind, records.c.external_id, records.c.entries).where(
    records.c.store == bindparam("store"),
    records.c.customer_id == bindparam("customer_id"),
    records.c.kind.not_in(("order", "customer")),
    records.c.state == "active",
)
"""Without an order: to have one, SQLite walks all records of the store."""


def linked_entries(connection: Connection, store: str, customer_id: int) -> list[str]:
    """The entries (JSON) of all requests and consents of a customer that are kept, in order of ids."""
    rows = connection.execute(_LINKED, {"store": store, "customer_id": customer_id})
    return [entries for _, _, entries in sorted(tuple(row) for row in rows)]


def tag_again(connection: Connection, store: str, *chosen: ColumnElement[bool]) -> int:
    """Have these records of a store tagged anew by whoever does that; how many they are."""
    fresh = and_(records.c.store == store, records.c.tagged_by != "", records.c.tagged_by.not_like(f"{AGAIN}%"))
    statement = update(records).where(fresh, *chosen)
    return int(connection.execute(statement.values(tagged_by=AGAIN + records.c.tagged_by)).rowcount)


def of_customer(customer_id: int) -> ColumnElement[bool]:
    """Orders, requests and consents of a customer."""
    return records.c.customer_id == customer_id


def about_order(order_id: int) -> ColumnElement[bool]:
    """Requests and consents whose subject is an order."""
    return records.c.subject == f"order:{order_id}"


def the_customer(customer_id: int) -> ColumnElement[bool]:
    """The account itself."""
    return and_(records.c.kind == "customer", records.c.external_id == customer_id)


def tagged_otherwise(connection: Connection, tagged_by: str, *, limit: int) -> list[Values]:
    """Records, locked, whose tags something else made, or that are to be tagged anew; those that others have locked
    are left out. Two walks of the index, so that the last few are found as fast as the first."""
    found: list[Values] = []
    for otherwise in (records.c.tagged_by < tagged_by, records.c.tagged_by > tagged_by):
        chosen = select(records).where(otherwise).order_by(records.c.tagged_by).limit(limit - len(found))
        rows = connection.execute(chosen.with_for_update(skip_locked=True))
        found += [dict(row._mapping) for row in rows]  # noqa: SLF001
        if len(found) == limit:
            break
    return found


def any_tagged_otherwise(connection: Connection, tagged_by: str) -> bool:
    """Whether there is any of those."""
    sides = (records.c.tagged_by < tagged_by, records.c.tagged_by > tagged_by)
    return any(connection.execute(select(records.c.id).where(side).limit(1)).first() for side in sides)


def to_be_tagged(connection: Connection, tagged_by: str) -> int:
    """How many those are."""
    otherwise = or_(records.c.tagged_by < tagged_by, records.c.tagged_by > tagged_by)  # `!=` would go through all
    chosen = select(func.count()).select_from(records).where(otherwise)
    return int(connection.execute(chosen).scalar_one())


def kept(connection: Connection, *, after: int, limit: int) -> list[Values]:
    """Records that are kept, in order of their row ids, from one on."""
    chosen = select(records).where(records.c.id > after, records.c.state.in_(("active", "trashed", "erased")))
    rows = connection.execute(chosen.order_by(records.c.id).limit(limit))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001


# --- what the worker claims ------------------------------------------------------------------------------


def _unclaimed(now: datetime) -> ColumnElement[bool]:
    return or_(records.c.claim_until.is_(None), records.c.claim_until <= now)


def claim_pushes(
    connection: Connection,
    store: str,
    kind: RecordKind,
    *,
    limit: int,
    now: datetime,
    until: datetime,
    claim: str,
) -> list[Row[Any]]:
    """Claim up to `limit` records that are due to be written back, the longest due first.

    No other worker gets them until `until`. A record that is to be read again first is left alone: what
    would be written is in doubt.
    """
    due = and_(
        records.c.store == store,
        records.c.kind == kind,
        records.c.push_at <= now,
        records.c.reread_at.is_(None),
        _unclaimed(now),
    )
    return _claim(connection, due, records.c.push_at, limit=limit, until=until, claim=claim)


def claim_rereads(
    connection: Connection, store: str, *, limit: int, now: datetime, until: datetime, claim: str
) -> list[Row[Any]]:
    """Claim up to `limit` records of which the store must be asked."""
    due = and_(records.c.store == store, records.c.reread_at <= now, _unclaimed(now))
    return _claim(connection, due, records.c.reread_at, limit=limit, until=until, claim=claim)


def _claim(
    connection: Connection, due: ColumnElement[bool], order: Any, *, limit: int, until: datetime, claim: str
) -> list[Row[Any]]:
    chosen = select(records.c.id).where(due).order_by(order).limit(limit).with_for_update(skip_locked=True)
    ids = chosen.cte("due").prefix_with("MATERIALIZED", dialect="postgresql")
    statement = (
        update(records)
        .where(records.c.id.in_(select(ids.c.id)))
        .values(claim=claim, claim_until=until)
        .returning(records)
    )
    return sorted(connection.execute(statement), key=lambda row: (row._mapping[order], row.id))  # noqa: SLF001


def release(connection: Connection, claim: Claim, **columns: Any) -> bool:
    """Give up a claim, writing `columns`; False if it had lapsed and is somebody else's by now."""
    statement = (
        update(records)
        .where(records.c.id == claim.record_id, records.c.claim == claim.token)
        .values(**UNCLAIMED, **columns)
    )
    return connection.execute(statement).rowcount == 1
