"""What is appended and never changed: deliveries taken, deliveries set aside, the history of each record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_, update

from hooks.ledger.records import RacedError, RecordKey, by_kind, insert_ignore
from hooks.ledger.tables import REPORTED, UNKNOWN, deliveries, stores
from hooks.ledger.tables import quarantine as quarantined

PRUNED_AT_ONCE = 1000
"""So that the write lock is held for moments only."""


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


def take_report(
    connection: Connection, store: str, identity: str, at: datetime, *, apart: timedelta
) -> bool:
    """Log a report without a time; False where the same one came less than `apart` before `at`, or after it.

    Raises RacedError where another process logs the same one at the same time: then run the transaction again.
    """
    this = (deliveries.c.store == store, deliveries.c.identity == identity)
    before = connection.execute(select(deliveries.c.received_at).where(*this)).scalar_one_or_none()
    if before and abs(at - before) < apart:
        return False
    connection.execute(delete(deliveries).where(*this, deliveries.c.received_at == before))
    values = {
        "store": store,
        "identity": identity,
        "topic": REPORTED,
        "result": "recorded",
        "received_at": at,
    }
    added = insert_ignore(connection, deliveries).values(values).returning(deliveries.c.identity)
    if connection.execute(added).scalar_one_or_none() is None:
        raise RacedError("another process took the same report at the same time")
    return True


def count_unknown(connection: Connection, store: str, since: datetime) -> int:
    """Count the records of which nothing is known that deliveries have made since an instant."""
    chosen = select(func.count()).where(
        deliveries.c.store == store, deliveries.c.received_at > since
    )
    return int(connection.execute(chosen.where(deliveries.c.topic == UNKNOWN)).scalar_one())


def note_unknown(connection: Connection, store: str, identity: str, at: datetime) -> None:
    """Log that the delivery of this identity made a record of which nothing is known."""
    values = {
        "store": store,
        "identity": f"?{identity[1:]}",
        "topic": UNKNOWN,
        "result": "recorded",
        "received_at": at,
    }
    connection.execute(insert_ignore(connection, deliveries).values(values))


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


def resolve_quarantine(connection: Connection, keys: Iterable[RecordKey], at: datetime) -> None:
    """These records were read from the store: deliveries of them that were set aside are made good."""
    for (store, kind), numbers in by_kind(keys).items():
        about = (
            quarantined.c.store == store,
            quarantined.c.kind == kind,
            quarantined.c.external_id.in_(numbers),
        )
        open_ = update(quarantined).where(*about, quarantined.c.resolved_at.is_(None))
        connection.execute(open_.values(resolved_at=at))


def resolve_nameless(
    connection: Connection, store: str, topics: Iterable[str], before: datetime, at: datetime
) -> None:
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
    each = deliveries.c.store.in_(
        select(stores.c.slug)
    )  # else all would be gone through for want of an index
    old = select(deliveries.c.store, deliveries.c.identity).where(each)
    old = old.where(
        deliveries.c.received_at < before, deliveries.c.topic.not_in(tuple(kept))
    ).limit(PRUNED_AT_ONCE)
    went = connection.execute(
        delete(deliveries).where(tuple_(deliveries.c.store, deliveries.c.identity).in_(old))
    ).rowcount
    settled = (
        select(quarantined.c.id).where(quarantined.c.resolved_at < before).limit(PRUNED_AT_ONCE)
    )
    return (
        went + connection.execute(delete(quarantined).where(quarantined.c.id.in_(settled))).rowcount
    )


def told(row: Mapping[str, Any], at: datetime, cause: str, reason: str) -> dict[str, Any]:
    """The columns of a line of the history, but for whose it is: how a record is tagged now, and why."""
    columns = ("state", "legal_basis", "retention_class", "delete_after", "policy_id")
    return {"at": at, "cause": cause, "reason": reason} | {name: row[name] for name in columns}
