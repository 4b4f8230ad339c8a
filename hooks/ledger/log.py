"""What is appended and never changed: deliveries taken, deliveries set aside, the history of each record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, tuple_, update

from hooks.ledger.records import insert_ignore
from hooks.ledger.tables import deliveries, history, stores
from hooks.ledger.tables import quarantine as quarantined

PRUNED_AT_ONCE = 1000
"""So that the write lock is held for moments only."""

_SEEN = select(deliveries.c.result).where(
    deliveries.c.store == bindparam("store"), deliveries.c.identity == bindparam("identity")
)


class Fault(Protocol):
    """A delivery set aside: why, and of which record as far as that is known."""

    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def external_id(self) -> int | None: ...


def seen(connection: Connection, store: str, identity: str) -> bool:
    """Whether this very delivery was taken before."""
    return connection.execute(_SEEN, {"store": store, "identity": identity}).first() is not None


def add(connection: Connection, store: str, identity: str, topic: str, result: str, at: datetime) -> None:
    """Log a delivery as taken."""
    values = {"store": store, "identity": identity, "topic": topic, "result": str(result), "received_at": at}
    connection.execute(insert_ignore(connection, deliveries), values)


def quarantine(connection: Connection, store: str, topic: str, fault: Fault, at: datetime) -> None:
    """Set a delivery aside: what was wrong with it in our own words, and nothing of its body."""
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


def resolve_quarantine(connection: Connection, record: Mapping[str, Any], at: datetime) -> None:
    """The record was read from the store: deliveries of it that were set aside are made good."""
    about = (quarantined.c[name] == record[name] for name in ("store", "kind", "external_id"))
    connection.execute(update(quarantined).where(*about, quarantined.c.resolved_at.is_(None)).values(resolved_at=at))


def resolve_nameless(connection: Connection, store: str, topics: Iterable[str], before: datetime, at: datetime) -> None:
    """All records of these topics were gone through since: deliveries without an id are made good by that."""
    about = or_(*(quarantined.c.topic.startswith(topic) for topic in topics))
    nameless = (quarantined.c.external_id.is_(None), quarantined.c.received_at < before)
    chosen = update(quarantined).where(quarantined.c.store == store, about, *nameless)
    connection.execute(chosen.where(quarantined.c.resolved_at.is_(None)).values(resolved_at=at))


def prune(connection: Connection, before: datetime, kept: Iterable[str]) -> int:
    """Forget deliveries taken, and ones set aside and made good, before an instant; a chunk of them at a time.

    Those of the topics `kept` stay: what they tell carries no time, so that a repeat must be known for ever.
    Returns how many went.
    """
    each = deliveries.c.store.in_(select(stores.c.slug))  # else all would be gone through for want of an index
    old = select(deliveries.c.store, deliveries.c.identity).where(each)
    old = old.where(deliveries.c.received_at < before, deliveries.c.topic.not_in(tuple(kept))).limit(PRUNED_AT_ONCE)
    went = connection.execute(
        delete(deliveries).where(tuple_(deliveries.c.store, deliveries.c.identity).in_(old))
    ).rowcount
    settled = select(quarantined.c.id).where(quarantined.c.resolved_at < before).limit(PRUNED_AT_ONCE)
    return went + connection.execute(delete(quarantined).where(quarantined.c.id.in_(settled))).rowcount


def remember(
    connection: Connection, record_id: int, row: Mapping[str, Any], at: datetime, cause: str, reason: str
) -> None:
    """Append to the history how the record is tagged now, and why."""
    connection.execute(insert(history), told(record_id, row, at, cause, reason))


def told(record_id: int, row: Mapping[str, Any], at: datetime, cause: str, reason: str) -> dict[str, Any]:
    """The columns of a line of the history."""
    columns = ("state", "legal_basis", "retention_class", "delete_after", "policy_id")
    values = {"record_id": record_id, "at": at, "cause": cause, "reason": reason}
    return values | {name: row[name] for name in columns}
