"""The logs: deliveries that were taken, deliveries in quarantine, and the columns of a line of the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_, update

from hooks.ledger.records import RacedError, RecordKey, by_kind, insert_ignore
from hooks.ledger.tables import REPORTED, UNKNOWN, deliveries, stores
from hooks.ledger.tables import quarantine as quarantined

PRUNED_AT_ONCE = 1000
"""The rows that one transaction deletes: few, so that it holds the write lock only briefly."""


class Fault(Protocol):
    """The reason why a delivery goes into quarantine, and the record that it is about, as far as it is known."""

    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def external_id(self) -> int | None: ...


def log_report(
    connection: Connection, store: str, identity: str, at: datetime, *, apart: timedelta
) -> bool:
    """Log a report without a time; False where the same report came less than `apart` before `at`, or after it.

    Raises RacedError where another process logs the same report at the same time: then run the transaction again.
    """
    is_same = (deliveries.c.store == store, deliveries.c.identity == identity)
    query = select(deliveries.c.received_at).where(*is_same)
    previous = connection.execute(query).scalar_one_or_none()
    if previous and abs(at - previous) < apart:
        return False
    connection.execute(delete(deliveries).where(*is_same, deliveries.c.received_at == previous))
    values = {
        "store": store,
        "identity": identity,
        "topic": REPORTED,
        "result": "recorded",
        "received_at": at,
    }
    statement = insert_ignore(connection, deliveries).values(values)
    inserted = connection.execute(statement.returning(deliveries.c.identity))
    if inserted.scalar_one_or_none() is None:
        raise RacedError("another process took the same report at the same time")
    return True


def count_unknown(connection: Connection, store: str, since: datetime) -> int:
    """Count the records of which nothing is known that deliveries have created since an instant."""
    query = select(func.count()).where(
        deliveries.c.store == store,
        deliveries.c.received_at > since,
        deliveries.c.topic == UNKNOWN,
    )
    return int(connection.execute(query).scalar_one())


def note_unknown(connection: Connection, store: str, identity: str, at: datetime) -> None:
    """Log that the delivery of this identity has created a record of which nothing is known."""
    values = {
        "store": store,
        "identity": f"?{identity[1:]}",
        "topic": UNKNOWN,
        "result": "recorded",
        "received_at": at,
    }
    connection.execute(insert_ignore(connection, deliveries).values(values))


def quarantine(connection: Connection, store: str, topic: str, fault: Fault, at: datetime) -> None:
    """Put a delivery into quarantine, with the cause in our own words and without its body."""
    values = {
        "store": store,
        "topic": topic,
        "reason": fault.reason,
        "detail": fault.detail,
        "kind": fault.kind,
        "external_id": fault.external_id,
        "received_at": at,
    }
    connection.execute(insert(quarantined), values)


def resolve_quarantine(connection: Connection, keys: Iterable[RecordKey], at: datetime) -> None:
    """Resolve the quarantined deliveries about these records, which were refetched."""
    for (store, kind), ids in by_kind(keys).items():
        statement = update(quarantined).where(
            quarantined.c.store == store,
            quarantined.c.kind == kind,
            quarantined.c.external_id.in_(ids),
            quarantined.c.resolved_at.is_(None),
        )
        connection.execute(statement.values(resolved_at=at))


def resolve_without_id(
    connection: Connection, store: str, topics: Iterable[str], before: datetime, at: datetime
) -> None:
    """Resolve the quarantined deliveries without a record's id: all records of these topics were refetched since."""
    has_topic = or_(*map(quarantined.c.topic.startswith, topics))
    statement = update(quarantined).where(
        quarantined.c.store == store,
        has_topic,
        quarantined.c.external_id.is_(None),
        quarantined.c.received_at < before,
        quarantined.c.resolved_at.is_(None),
    )
    connection.execute(statement.values(resolved_at=at))


def prune(connection: Connection, before: datetime, topics_kept: Iterable[str]) -> int:
    """Delete deliveries that came before an instant, and quarantined ones that were resolved before it.

    Deletes up to PRUNED_AT_ONCE of each, and returns how many. Deliveries of `topics_kept` stay: their content has no
    time, so that a repeated one must be recognised for ever.
    """
    # The condition on the store is always true. Without it, no index would fit.
    is_of_a_store = deliveries.c.store.in_(select(stores.c.slug))
    old = select(deliveries.c.store, deliveries.c.identity).where(
        is_of_a_store,
        deliveries.c.received_at < before,
        deliveries.c.topic.not_in(tuple(topics_kept)),
    )
    key = tuple_(deliveries.c.store, deliveries.c.identity)
    pruned = connection.execute(delete(deliveries).where(key.in_(old.limit(PRUNED_AT_ONCE))))
    resolved = select(quarantined.c.id).where(quarantined.c.resolved_at < before)
    resolved = resolved.limit(PRUNED_AT_ONCE)
    pruned_quarantine = connection.execute(
        delete(quarantined).where(quarantined.c.id.in_(resolved))
    )
    return pruned.rowcount + pruned_quarantine.rowcount


def history_line(row: Mapping[str, Any], at: datetime, cause: str, reason: str) -> dict[str, Any]:
    """Return a line of the history, without the record's id: how the record is tagged now, and why."""
    columns = ("state", "legal_basis", "retention_class", "delete_after", "policy_id")
    return {"at": at, "cause": cause, "reason": reason} | {name: row[name] for name in columns}
