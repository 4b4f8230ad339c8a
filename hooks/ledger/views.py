"""Queries for `/status`: counts of all records, and the problems of each store."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from hooks.ledger import order_ids, tallies
from hooks.ledger.record_view import split_recipients
from hooks.ledger.tables import (
    IS_CLOSED_TO_US,
    IS_IGNORED,
    IS_ODD,
    MAY_BE_EARLY,
    NO_WEBHOOKS,
    deliveries,
    quarantine,
    records,
    stores,
)
from hooks.retention.facts import STORED_KINDS
from hooks.retention.iso import iso_or_none
from hooks.retention.schedule import OPEN_PHASES

LOST_RIGHTS = "owner-lost-rights"
"""Reason of the quarantine: the WordPress user who owns the webhook may not read records any more."""

EXAMPLES = 10
"""The number of records that a problem shows."""


def counts(connection: Connection) -> dict[str, Any]:
    """Count the records that are kept: in all, and by kind, class and legal basis."""
    closed = {"erased": 0, "gone": 0}
    by_kind: dict[str | None, int] = defaultdict(int)
    by_class: dict[str | None, int] = defaultdict(int)
    by_legal_basis: dict[str | None, int] = defaultdict(int)
    total = on_hold = unknown_status = 0
    names = ("state", "kind", "retention_class", "legal_basis", "held", "unknown_status")
    for row in tallies.kinds(connection, *names):
        if row.state in closed:
            closed[row.state] += row.number
        if row.state not in OPEN_PHASES:
            continue
        total += row.number
        by_kind[row.kind or None] += row.number
        by_class[row.retention_class or None] += row.number
        by_legal_basis[row.legal_basis or None] += row.number
        if row.held:
            on_hold += row.number
        if row.unknown_status:
            unknown_status += row.number
    return {
        "total": total,
        "by_kind": dict(by_kind),
        "by_class": dict(by_class),
        "by_legal_basis": dict(by_legal_basis),
        "held": on_hold,
        "unknown_status": unknown_status,
        "closed": closed,
        "ignored": _ignored(connection),
    }


def _ignored(connection: Connection) -> dict[str, int]:
    """Count the ignored accounts by role; `unknown` where the role was not stored when the account was last read."""
    query = select(records.c.role, func.count().label("number"))
    query = query.where(IS_IGNORED).group_by(records.c.role)
    numbers = {row.role or "unknown": row.number for row in connection.execute(query)}
    return dict(sorted(numbers.items()))


def by_recipient(connection: Connection) -> dict[str, int]:
    """Count the records that are kept, by each recipient who has data of them.

    A payment or shipping method for which the policy names no recipient begins with a `?`.
    """
    numbers: dict[str, int] = defaultdict(int)
    for row in tallies.kinds(connection, "state", "recipients"):
        if row.state in OPEN_PHASES:
            for name in split_recipients(row.recipients):
                numbers[name] += row.number
    return dict(sorted(numbers.items()))


def erased_too_early(
    connection: Connection, today: date
) -> tuple[int, list[Row[Any]], datetime | None]:
    """Find the records that the store has trashed, erased or deleted although the law still wants them kept.

    Returns their number, the first few, and since when there are any.
    """
    number, since = tallies.early(connection, today)
    if not number:
        return number, [], since
    is_early = or_(
        records.c.held,
        and_(records.c.state == "trashed", records.c.delete_after >= today),
        records.c.delete_after >= records.c.closed_on,
    )
    query = select(records).where(MAY_BE_EARLY, is_early).order_by(records.c.id).limit(EXAMPLES)
    return number, list(connection.execute(query)), since


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(records).where(condition)
    return int(connection.execute(query).scalar_one())


def quarantined(connection: Connection, store: str) -> list[Row[Any]]:
    """Count the deliveries in quarantine that are not resolved: `number` and `since`, by reason and topic."""
    key = quarantine.c.reason, quarantine.c.topic
    query = select(
        *key, func.count().label("number"), func.min(quarantine.c.received_at).label("since")
    ).where(quarantine.c.store == store, quarantine.c.resolved_at.is_(None))
    return list(connection.execute(query.group_by(*key).order_by(*key)))


def lost_rights(connection: Connection, store: str) -> list[Row[Any]]:
    """Find the topics whose last delivery was an error because the webhook's owner may not read records.

    Each row has the `topic`, the `number` of such deliveries, and the times of the first (`since`) and the `last`.
    That the records were refetched meanwhile does not repair the webhook.
    """
    at = quarantine.c.received_at
    errors = select(
        quarantine.c.topic,
        func.min(at).label("since"),
        func.max(at).label("last"),
        func.count().label("number"),
    )
    errors = errors.where(quarantine.c.store == store, quarantine.c.reason == LOST_RIGHTS)
    errors = errors.group_by(quarantine.c.topic)
    rows = []
    for row in connection.execute(errors.order_by(quarantine.c.topic)).all():
        if _last_good(connection, store, row.topic, after=row.last) is not None:
            continue
        # Only the errors after the last good delivery count.
        last_good = _last_good(connection, store, row.topic, after=row.since)
        query = errors.where(quarantine.c.topic == row.topic, at >= (last_good or row.since))
        rows.append(connection.execute(query).one())
    return rows


def _last_good(
    connection: Connection, store: str, topic: str, *, after: datetime
) -> datetime | None:
    """Return the time of the last good delivery of a topic, if it came after an instant."""
    at = deliveries.c.received_at
    query = select(at).where(
        deliveries.c.store == store,
        deliveries.c.topic == topic,
        deliveries.c.result.in_(("recorded", "unchanged", "stale")),
        at > after,
    )
    newest = query.order_by(at.desc()).limit(1)
    last: datetime | None = connection.execute(newest).scalar_one_or_none()
    return last


def last_delivery(connection: Connection, store: str) -> datetime | None:
    """Return the time of the last delivery of one of our topics. Other topics say nothing about our webhooks."""
    at = deliveries.c.received_at
    query = select(at).where(deliveries.c.store == store, deliveries.c.topic.not_in(NO_WEBHOOKS))
    newest = query.order_by(at.desc()).limit(1)
    last: datetime | None = connection.execute(newest).scalar_one_or_none()
    return last


def missed_since(connection: Connection, store: str) -> datetime | None:
    """Return the time since which the store has changes that no delivery told; None if a delivery came after it."""
    query = select(stores.c.missed_at).where(stores.c.slug == store)
    missed_at: datetime | None = connection.execute(query).scalar_one_or_none()
    last = last_delivery(connection, store)
    if missed_at is None or (last is not None and last >= missed_at):
        return None
    return missed_at


def store_summary(connection: Connection, store: str) -> dict[str, Any]:
    """Return the state of one store for `/status`: the last events, and the numbers of what is due and what fails."""
    is_of_store = records.c.store == store
    row = connection.execute(select(stores).where(stores.c.slug == store)).first()
    last_reconciled_at = None
    last_pushed_at = None
    if row:
        last_reconciled_at = row.last_reconciled_at
        last_pushed_at = row.last_pushed_at
    return {
        "last_delivery_at": iso_or_none(last_delivery(connection, store)),
        "last_reconciled_at": iso_or_none(last_reconciled_at),
        "last_pushed_at": iso_or_none(last_pushed_at),
        "pending_pushes": _count(connection, and_(is_of_store, records.c.push_at.is_not(None))),
        "failing_pushes": _count(connection, and_(is_of_store, records.c.push_error.is_not(None))),
        "pending_questions": _count(
            connection, and_(is_of_store, records.c.reread_at.is_not(None))
        ),
        "unlisted": order_ids.last_unlisted_count(connection, store),
    }


def oldest_push(connection: Connection, store: str) -> datetime | None:
    """Return the time since which the longest due push waits. Records that are to be refetched first do not count."""
    due_times: list[datetime] = []
    for kind in STORED_KINDS:  # one query for each kind, because the index begins with the kind
        query = select(records.c.push_at).where(
            records.c.store == store,
            records.c.kind == kind,
            records.c.push_at.is_not(None),
            records.c.reread_at.is_(None),
        )
        due_times += connection.execute(query.order_by(records.c.push_at).limit(1)).scalars()
    return min(due_times, default=None)


def push_errors(connection: Connection, store: str) -> list[Row[Any]]:
    """Count the records whose push failed, by error: their `number`, the first id (`example`), and `since`."""
    query = select(
        records.c.push_error,
        func.count().label("number"),
        func.min(records.c.external_id).label("example"),
        func.min(func.coalesce(records.c.push_since, records.c.contested_at)).label("since"),
    ).where(records.c.store == store, records.c.push_error.is_not(None))
    return list(connection.execute(query.group_by(records.c.push_error)))


def odd_records(connection: Connection, store: str, code: str) -> tuple[int, list[Row[Any]]]:
    """Return the number of records with odd parts of this code, and the first few (`kind`, `external_id`)."""
    is_odd = (records.c.store == store, IS_ODD)
    query = select(records.c.oddities, func.count().label("number")).where(*is_odd)
    number = 0
    with_code = []
    for row in connection.execute(query.group_by(records.c.oddities)):
        if code in row.oddities.split(","):
            number += row.number
            with_code.append(row.oddities)
    if not with_code:
        return 0, []
    examples = select(records.c.kind, records.c.external_id).where(
        *is_odd, records.c.oddities.in_(with_code)
    )
    ordered = examples.order_by(records.c.kind.desc(), records.c.external_id).limit(EXAMPLES)
    return number, list(connection.execute(ordered))


def closed_records(connection: Connection, store: str) -> list[Row[Any]]:
    """Count the records that the store refuses to show, by kind: their `number`, the first id, and `since`."""
    query = select(
        records.c.kind,
        func.count().label("number"),
        func.min(records.c.external_id).label("example"),
        func.min(records.c.reread_since).label("since"),
    ).where(records.c.store == store, IS_CLOSED_TO_US)
    return list(connection.execute(query.group_by(records.c.kind).order_by(records.c.kind)))


def due_refetches(connection: Connection, store: str, now: datetime) -> int:
    """Count the records of a store that are due to be refetched by now."""
    return _count(connection, and_(records.c.store == store, records.c.reread_at <= now))
