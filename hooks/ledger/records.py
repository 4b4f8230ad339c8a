"""Queries on records, for intake and the worker. SQLAlchemy Core, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple, Self, TypedDict, Unpack

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
    DUE_PUSHES,
    DUE_REFETCHES,
    LINKED_ENTRIES,
    ids_parameter,
    insert_ignore_for,
)
from hooks.ledger.tables import history, records
from hooks.retention.facts import RecordKind

CHUNK = 1000


class RacedError(LedgerContendedError):
    """Another transaction created the same row at the same time: run this transaction again."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """The key of a record: its store, its kind, and the id that the store gave it."""

    store: str
    kind: RecordKind
    external_id: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read the key from a row."""
        return cls(row["store"], row["kind"], row["external_id"])


def by_kind(keys: Iterable[RecordKey]) -> dict[tuple[str, RecordKind], list[int]]:
    """Group ids by store and kind, all sorted. Customers come before their orders.

    Records are locked in this order, so that two transactions never wait for each other.
    """
    ids: dict[tuple[str, RecordKind], list[int]] = defaultdict(list)
    for key in sorted(set(keys), key=lambda key: (key.store, key.kind, key.external_id)):
        ids[key.store, key.kind].append(key.external_id)
    return ids


def blank(key: RecordKey, now: datetime) -> RecordRow:
    """Return the row of a record of which nothing is known yet."""
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
    """A worker's claim on one record. It lapses by itself where the worker does not settle it in time."""

    record_id: int
    token: str
    version: datetime | None = None
    """The record's version when it was claimed. An answer of the store to this claim is news, even an older version."""


def insert_ignore(connection: Connection, table: Table) -> Any:
    """Return an INSERT that leaves an existing row as it is."""
    return insert_ignore_for(connection.dialect.name, table)


def drop(connection: Connection, record_id: int) -> bool:
    """Delete a record that has no history. Returns True if it was deleted."""
    has_history = exists().where(history.c.record_id == record_id)
    statement = delete(records).where(records.c.id == record_id, ~has_history)
    deleted = connection.execute(statement.returning(records.c.id))
    return deleted.scalar_one_or_none() is not None


# --- for comparison with the store's lists ---


def find_by_ids(
    connection: Connection, store: str, kind: RecordKind, ids: Collection[int]
) -> dict[int, RecordRow]:
    """Find the records with these ids. Returns their rows by id, and locks none."""
    query = select(records).where(
        records.c.store == store, records.c.kind == kind, records.c.external_id.in_(sorted(ids))
    )
    rows = connection.execute(query).mappings()
    return {row["external_id"]: record_row(row) for row in rows}


def find_refunded(connection: Connection, store: str, ids: Collection[int]) -> set[int]:
    """Find the ids, among these, of orders with known refunds."""
    query = select(records.c.external_id).where(
        records.c.store == store,
        records.c.kind == "order",
        records.c.external_id.in_(sorted(ids)),
        records.c.facts.like('%"refunds":%'),
    )
    return set(connection.execute(query).scalars())


def walk_present(
    connection: Connection, store: str, kind: RecordKind, *, after: int, upto: int | None
) -> Iterator[RecordRow]:
    """Yield the records that the store should have with an id above `after` and up to `upto`, in order of ids.

    Up to `CHUNK` of them are in memory at a time.
    """
    while True:
        query = select(records).where(
            records.c.store == store,
            records.c.kind == kind,
            records.c.external_id > after,
            records.c.state.not_in(("unknown", "gone")),
        )
        if upto is not None:
            query = query.where(records.c.external_id <= upto)
        ordered = query.order_by(records.c.external_id).limit(CHUNK)
        rows = connection.execute(ordered).mappings().all()
        yield from map(record_row, rows)
        if len(rows) < CHUNK:
            return
        after = rows[-1]["external_id"]


def find_approaching(
    connection: Connection, store: str, *, due: date, read_before: datetime, limit: int
) -> list[int]:
    """Find the ids of customers that are due by a day, and that were last refetched before an instant, or never.

    The earliest due come first, up to `limit`.
    """
    query = select(records.c.external_id).where(
        records.c.store == store,
        records.c.kind == "customer",
        records.c.state == "active",
        records.c.delete_after <= due,
        records.c.reread_at.is_(None),
        or_(records.c.read_at.is_(None), records.c.read_at < read_before),
    )
    ordered = query.order_by(records.c.delete_after).limit(limit)
    return list(connection.execute(ordered).scalars())


# --- for the context of a record ---


def find_owner(connection: Connection, store: str, order_id: int) -> tuple[int | None, str | None]:
    """Find the owner of an order: the id of the account and the address hash, each as far as it is known."""
    query = select(records.c.customer_id, records.c.email_hash).where(
        records.c.store == store, records.c.kind == "order", records.c.external_id == order_id
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None, None
    return row.customer_id, row.email_hash


def find_claimed_customer(connection: Connection, claim: Claim) -> RecordKey | None:
    """Find the customer of a claimed order; None for a guest's order, or a record that is no order."""
    query = select(records.c.store, records.c.customer_id).where(
        records.c.id == claim.record_id,
        records.c.kind == "order",
        records.c.customer_id.is_not(None),
    )
    row = connection.execute(query).one_or_none()
    return RecordKey(row.store, "customer", row.customer_id) if row else None


def find_orders(connection: Connection, store: str, customer_id: int) -> list[RecordRow]:
    """Find the orders of a customer that have facts. Locks none."""
    query = select(records).where(
        records.c.store == store,
        records.c.kind == "order",
        is_of_customer(customer_id),
        records.c.facts.is_not(None),
    )
    return [record_row(row) for row in connection.execute(query).mappings()]


def linked_entries(connection: Connection, store: str, customer_id: int) -> list[str]:
    """Return the entries (JSON) of the kept requests and consents of a customer, ordered by kind and id."""
    rows = LINKED_ENTRIES.raw(connection, {"store": store, "customer_id": customer_id})
    return [entries for _, _, entries in sorted(rows)]


def mark_for_retag(connection: Connection, store: str, *conditions: ColumnElement[bool]) -> None:
    """Mark the records of a store that meet these conditions, so that a worker re-tags them.

    A marked record is written again. On PostgreSQL this waits for a transaction that is tagging the record just now,
    and marks the record after it.
    """
    mark = records.c.tagged_by
    is_marked = or_(mark == "", mark.like(f"{RETAG_PREFIX}%"))
    new_mark = case((is_marked, mark), else_=RETAG_PREFIX + mark)
    statement = update(records).where(records.c.store == store, *conditions)
    connection.execute(statement.values(tagged_by=new_mark))


def is_of_customer(customer_id: int) -> ColumnElement[bool]:
    """Build the condition for the orders, requests and consents of a customer."""
    return records.c.customer_id == customer_id


def is_about_order(order_id: int) -> ColumnElement[bool]:
    """Build the condition for the requests and consents whose subject is an order."""
    return records.c.subject == f"order:{order_id}"


def is_account(customer_id: int) -> ColumnElement[bool]:
    """Build the condition for the account of a customer."""
    return and_(records.c.kind == "customer", records.c.external_id == customer_id)


def count_to_retag(connection: Connection, tagged_by: str) -> int:
    """Count the records that were tagged by something else than `tagged_by`, or wait to be re-tagged."""
    mark = records.c.tagged_by
    # Two ranges, since both databases would read the whole table for `!=`.
    is_due = or_(mark < tagged_by, mark > tagged_by)
    query = select(func.count()).select_from(records).where(is_due)
    return int(connection.execute(query).scalar_one())


# --- claims of the worker ---


class ClaimedRecord(NamedTuple):
    """A record as it was when it was claimed."""

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
        """The claim on it."""
        return Claim(self.id, self.token, self.version)


class ClaimTerms(TypedDict):
    """The terms of a claim on records that are due.

    `limit`: the most records. `now` and `until`: the begin and the end of the claim; no other worker gets the records
    before `until`. `claim`: the token of the worker.
    """

    limit: int
    now: datetime
    until: datetime
    claim: str


def claim_pushes(
    connection: Connection, store: str, kind: RecordKind, **terms: Unpack[ClaimTerms]
) -> list[ClaimedRecord]:
    """Claim records for a push, those that have been due longest. Returns them in order of row ids.

    A record that waits for a refetch is left out: its tags are in doubt.
    """
    parameters = {"store": store, "kind": kind, **_due_parameters(terms)}
    return _claim(connection, DUE_PUSHES.rows(connection, parameters), terms)


def claim_refetches(
    connection: Connection, store: str, **terms: Unpack[ClaimTerms]
) -> list[ClaimedRecord]:
    """Claim records for a refetch, those that have been due longest. Returns them in order of row ids."""
    parameters = {"store": store, **_due_parameters(terms)}
    return _claim(connection, DUE_REFETCHES.rows(connection, parameters), terms)


def _due_parameters(terms: ClaimTerms) -> dict[str, Any]:
    now, until = terms["now"], terms["until"]
    return {"now": now, "later": until + (until - now), "limit": terms["limit"]}


def _claim(
    connection: Connection, locked: list[dict[str, Any]], terms: ClaimTerms
) -> list[ClaimedRecord]:
    token = terms["claim"]
    if locked:
        ids = ids_parameter(connection, [row["id"] for row in locked])
        CLAIM.run(connection, [{"ids": ids, "claim": token, "until": terms["until"]}])
    return [ClaimedRecord(**row, token=token) for row in sorted(locked, key=itemgetter("id"))]


def release(connection: Connection, claim: Claim, **columns: Any) -> bool:
    """Release a claim and write `columns`. Returns False where the claim has lapsed and another worker has one."""
    statement = (
        update(records)
        .where(records.c.id == claim.record_id, records.c.claim == claim.token)
        .values(**UNCLAIMED, **columns)
    )
    return connection.execute(statement).rowcount == 1


def mark_unlisted(connection: Connection, record_id: int) -> bool:
    """Mark an order that the store shows at its own address, but in no list.

    Returns False where a refetch is due: the order is in question again.
    """
    statement = update(records).where(records.c.id == record_id, records.c.reread_at.is_(None))
    return connection.execute(statement.values(reread_reason=UNLISTED)).rowcount == 1


def release_all(connection: Connection, claims: Iterable[Claim]) -> None:
    """Release claims on records that were not worked on. Claims that have lapsed are left alone."""
    for claim in sorted(claims, key=lambda claim: claim.record_id):
        release(connection, claim)
