"""The queries on records that ingest and the worker need, by name. Core statements; the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from hooks.errors import LedgerContendedError
from hooks.ledger.rows import RETAG_PREFIX, UNLISTED, RecordChange, RecordRow, record_row
from hooks.ledger.statements import (
    CLAIM,
    LINKED,
    TO_BE_ASKED_ABOUT,
    TO_BE_WRITTEN,
    ignoring,
    listed,
)
from hooks.ledger.tables import history, records
from hooks.retention.facts import RecordKind

CHUNK = 1000


class RacedError(LedgerContendedError):
    """Another transaction made the same record at the same time; run this one again."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """A record by the names that the store knows it by."""

    store: str
    kind: RecordKind
    external_id: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The key of a row."""
        return cls(row["store"], row["kind"], row["external_id"])


def by_kind(keys: Iterable[RecordKey]) -> dict[tuple[str, RecordKind], list[int]]:
    """Ids by store and kind, all in order: the one in which records are locked, so that no two transactions wait for
    each other. Customers come before their orders."""
    found: dict[tuple[str, RecordKind], list[int]] = defaultdict(list)
    for key in sorted(set(keys), key=lambda key: (key.store, key.kind, key.external_id)):
        found[key.store, key.kind].append(key.external_id)
    return found


def blank(key: RecordKey, now: datetime) -> RecordRow:
    """A record of which nothing is known yet."""
    columns: dict[str, Any] = dict.fromkeys(records.c.keys())
    columns |= {
        "store": key.store,
        "kind": key.kind,
        "external_id": key.external_id,
        "state": "unknown",
        "doubtful": False,
        "unknown_status": False,
        "held": False,
        "young": False,
        "oddities": "",
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
    return record_row(columns)


UNCLAIMED: RecordChange = {"claim": None, "claim_until": None}


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one record; it ends by itself when the worker does not settle in time."""

    record_id: int
    token: str
    version: datetime | None = None
    """The record's version when it was claimed: what the store then says is news, even where it is older."""


def insert_ignore(connection: Connection, table: Table) -> Any:
    """INSERT that leaves a row alone which is there already."""
    return ignoring(connection.dialect.name, table)


def drop(connection: Connection, record_id: int) -> bool:
    """Delete a record, unless it has a history; whether it is deleted."""
    told = exists().where(history.c.record_id == record_id)
    chosen = delete(records).where(records.c.id == record_id, ~told).returning(records.c.id)
    return connection.execute(chosen).scalar_one_or_none() is not None


# --- what a walk through the store's lists is compared with ---


def those(
    connection: Connection, store: str, kind: RecordKind, ids: Collection[int]
) -> dict[int, RecordRow]:
    """The records of these ids, by id, as they stand; none is locked."""
    chosen = select(records).where(
        records.c.store == store, records.c.kind == kind, records.c.external_id.in_(sorted(ids))
    )
    rows = connection.execute(chosen).mappings()
    return {row["external_id"]: record_row(row) for row in rows}


def refunded(connection: Connection, store: str, ids: Collection[int]) -> set[int]:
    """Those of these orders of which refunds are known."""
    chosen = select(records.c.external_id).where(
        records.c.store == store, records.c.kind == "order", records.c.external_id.in_(sorted(ids))
    )
    return set(connection.execute(chosen.where(records.c.facts.like('%"refunds":%'))).scalars())


def still_there(
    connection: Connection, store: str, kind: RecordKind, *, after: int, upto: int | None
) -> Iterator[RecordRow]:
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
        ordered = chosen.order_by(records.c.external_id).limit(CHUNK)
        rows = connection.execute(ordered).mappings().all()
        yield from map(record_row, rows)
        if len(rows) < CHUNK:
            return
        after = rows[-1]["external_id"]


def approaching(
    connection: Connection, store: str, *, due: date, read_before: datetime, limit: int
) -> list[int]:
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


def owner_of(connection: Connection, store: str, order_id: int) -> tuple[int | None, str | None]:
    """The account whose order this is, and the keyed hash of its address, as far as these are known."""
    chosen = select(records.c.customer_id, records.c.email_hash).where(
        records.c.store == store, records.c.kind == "order", records.c.external_id == order_id
    )
    row = connection.execute(chosen).one_or_none()
    return (row.customer_id, row.email_hash) if row else (None, None)


def customer_of_claimed(connection: Connection, claim: Claim) -> RecordKey | None:
    """The customer of the order that a claim holds, as far as there is one."""
    chosen = select(records.c.store, records.c.customer_id).where(
        records.c.id == claim.record_id,
        records.c.kind == "order",
        records.c.customer_id.is_not(None),
    )
    row = connection.execute(chosen).one_or_none()
    return RecordKey(row.store, "customer", row.customer_id) if row else None


def orders_of(connection: Connection, store: str, customer_id: int) -> list[RecordRow]:
    """The orders of a customer of which anything is known, as they stand; none is locked."""
    orders = (records.c.store == store, records.c.kind == "order", of_customer(customer_id))
    chosen = select(records).where(*orders, records.c.facts.is_not(None))
    return [record_row(row) for row in connection.execute(chosen).mappings()]


def linked_entries(connection: Connection, store: str, customer_id: int) -> list[str]:
    """The entries (JSON) of all requests and consents of a customer that are kept, in order of ids."""
    rows = LINKED.raw(connection, {"store": store, "customer_id": customer_id})
    return [entries for _, _, entries in sorted(rows)]


def tag_again(connection: Connection, store: str, *chosen: ColumnElement[bool]) -> None:
    """Have these records of a store tagged anew by whoever does that.

    Those already marked are written as well: PostgreSQL then waits for whoever is tagging one just now, and marks it
    again after that.
    """
    made_by = records.c.tagged_by
    again = case(
        (or_(made_by == "", made_by.like(f"{RETAG_PREFIX}%")), made_by),
        else_=RETAG_PREFIX + made_by,
    )
    connection.execute(
        update(records).where(records.c.store == store, *chosen).values(tagged_by=again)
    )


def of_customer(customer_id: int) -> ColumnElement[bool]:
    """Orders, requests and consents of a customer."""
    return records.c.customer_id == customer_id


def about_order(order_id: int) -> ColumnElement[bool]:
    """Requests and consents whose subject is an order."""
    return records.c.subject == f"order:{order_id}"


def the_customer(customer_id: int) -> ColumnElement[bool]:
    """The account itself."""
    return and_(records.c.kind == "customer", records.c.external_id == customer_id)


def to_be_tagged(connection: Connection, tagged_by: str) -> int:
    """How many records there are whose tags something else made, or that are to be tagged anew."""
    otherwise = or_(
        records.c.tagged_by < tagged_by, records.c.tagged_by > tagged_by
    )  # `!=` would go through all
    chosen = select(func.count()).select_from(records).where(otherwise)
    return int(connection.execute(chosen).scalar_one())


# --- what the worker claims ------------------------------------------------------------------------------


class Due(NamedTuple):
    """A record as it was claimed."""

    id: int
    kind: RecordKind
    external_id: int
    version: datetime | None
    wanted: str
    wanted_digest: str
    push_attempts: int
    reread_attempts: int
    reread_reason: str | None
    token: str

    @property
    def claim(self) -> Claim:
        """The hold on it."""
        return Claim(self.id, self.token, self.version)


def claim_pushes(
    connection: Connection,
    store: str,
    kind: RecordKind,
    *,
    limit: int,
    now: datetime,
    until: datetime,
    claim: str,
) -> list[Due]:
    """Claim the up to `limit` records that are longest due to be written back, in order of their row ids.

    No other worker gets them until `until`. A record that is to be read again first is left alone: what
    would be written is in doubt.
    """
    asked = {
        "store": store,
        "kind": kind,
        "now": now,
        "later": until + (until - now),
        "limit": limit,
    }
    return _claim(connection, TO_BE_WRITTEN.rows(connection, asked), until, claim)


def claim_rereads(
    connection: Connection, store: str, *, limit: int, now: datetime, until: datetime, claim: str
) -> list[Due]:
    """Claim the up to `limit` records of which the store must be asked the longest, in order of their row ids."""
    asked = {"store": store, "now": now, "later": until + (until - now), "limit": limit}
    return _claim(connection, TO_BE_ASKED_ABOUT.rows(connection, asked), until, claim)


def _claim(
    connection: Connection, locked: list[dict[str, Any]], until: datetime, token: str
) -> list[Due]:
    if locked:
        ids = listed(connection, [row["id"] for row in locked])
        CLAIM.run(connection, [{"ids": ids, "claim": token, "until": until}])
    return [Due(**row, token=token) for row in sorted(locked, key=itemgetter("id"))]


def release(connection: Connection, claim: Claim, **columns: Any) -> bool:
    """Give up a claim, writing `columns`; False if it had lapsed and is somebody else's by now."""
    statement = (
        update(records)
        .where(records.c.id == claim.record_id, records.c.claim == claim.token)
        .values(**UNCLAIMED, **columns)
    )
    return connection.execute(statement).rowcount == 1


def mark_unlisted(connection: Connection, record_id: int) -> bool:
    """Mark an order that only its own address shows; False where it is in question again."""
    chosen = update(records).where(records.c.id == record_id, records.c.reread_at.is_(None))
    return connection.execute(chosen.values(reread_reason=UNLISTED)).rowcount == 1


def give_back(connection: Connection, claims: Iterable[Claim]) -> None:
    """Give up claims on records that nothing was done about; those that have lapsed are left alone."""
    for claim in sorted(claims, key=lambda claim: claim.record_id):
        release(connection, claim)
