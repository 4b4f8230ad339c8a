"""What the ledger shows to people: one record whole, and the counts of all of them."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from hooks.ledger import order_ids, tallies
from hooks.ledger.codec import entry_name
from hooks.ledger.records import UNLISTED
from hooks.ledger.states import OPEN_STATES
from hooks.ledger.tables import (
    IS_CLOSED_TO_US,
    IS_IGNORED,
    IS_ODD,
    MAY_BE_EARLY,
    NO_WEBHOOKS,
    deliveries,
    history,
    quarantine,
    records,
    stores,
)
from hooks.retention.facts import MAX_ID, STORED_KINDS
from hooks.retention.iso import iso_or_none
from hooks.retention.recipients import UNNAMED

LOST_RIGHTS = "owner-lost-rights"
EXAMPLES = 10


def record(
    connection: Connection, store: str, kind: str, external_id: int
) -> dict[str, Any] | None:
    """One record: its facts, tag, entries with their reasons, what the store holds of it, and its history."""
    if external_id > MAX_ID:
        return None
    chosen = select(records).where(
        records.c.store == store,
        records.c.kind == kind,
        records.c.external_id == external_id,
        records.c.state.not_in(("unknown", "ignored")),
    )
    row = connection.execute(chosen).first()
    if row is None:
        return None
    return {
        "store": row.store,
        "kind": row.kind,
        "id": row.external_id,
        "state": row.state,
        "version": iso_or_none(row.version),
        "closed_on": iso_or_none(row.closed_on),
        "policy": row.policy_id,
        "tag": _tag(row),
        "facts": json.loads(row.facts) if row.facts else None,
        "entries": json.loads(row.entries),
        "recipients": row.recipients.split(",") if row.recipients else [],
        "to_be_told": _to_be_told(row),
        "subject": row.subject,
        "customer_id": row.customer_id,
        "events": json.loads(row.events),
        "left_behind": [entry_name(entry) for entry in json.loads(row.entries)]
        if row.state == "erased"
        else [],
        "store_copy": _store_copy(row),
        "history": _history(connection, row.id),
    }


def _to_be_told(row: Row[Any]) -> list[str]:
    """The recipients who are to be told of an erasure that was seen, or that was asked for (GDPR Art. 19)."""
    asked = any(entry.get("requested_on") for entry in json.loads(row.entries))
    if not asked and row.state not in ("erased", "gone"):
        return []
    return [name for name in row.recipients.split(",") if name and not name.startswith(UNNAMED)]


def _tag(row: Row[Any]) -> dict[str, Any] | None:
    if row.retention_class is None:
        return None
    return {
        "legal_basis": row.legal_basis,
        "class": row.retention_class,
        "from": iso_or_none(row.runs_from),
        "review_after": iso_or_none(row.review_after),
        "delete_after": iso_or_none(row.delete_after),
        "held": row.held,
    }


def _store_copy(row: Row[Any]) -> dict[str, Any]:
    """How what the store holds compares with what it should."""
    return {
        "in_step": row.wanted_digest == row.known_digest,
        "wanted": json.loads(row.wanted) if row.wanted else None,
        "next_write_at": iso_or_none(row.push_at),
        "attempts": row.push_attempts,
        "error": row.push_error,
        "to_be_asked": row.reread_reason if row.reread_reason != UNLISTED else None,
    }


def _history(connection: Connection, record_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(history).where(history.c.record_id == record_id).order_by(history.c.id)
    )
    return [
        {
            "at": iso_or_none(row.at),
            "cause": row.cause,
            "state": row.state,
            "legal_basis": row.legal_basis,
            "class": row.retention_class,
            "delete_after": iso_or_none(row.delete_after),
            "policy": row.policy_id,
            "reason": row.reason,
        }
        for row in rows
    ]


def counts(connection: Connection) -> dict[str, Any]:
    """How many records are kept: in all, and by kind, class and legal basis."""
    found: dict[str, Any] = {
        "total": 0,
        "by_kind": {},
        "by_class": {},
        "by_legal_basis": {},
        "held": 0,
    }
    found |= {"unknown_status": 0, "closed": {"erased": 0, "gone": 0}}
    about = ("kind", "retention_class", "legal_basis", "held", "unknown_status")
    for row in tallies.kinds(connection, "state", *about):
        if row.state in found["closed"]:
            found["closed"][row.state] += row.number
        if row.state not in OPEN_STATES:
            continue
        found["total"] += row.number
        for name, key in (
            ("by_kind", row.kind),
            ("by_class", row.retention_class),
            ("by_legal_basis", row.legal_basis),
        ):
            found[name][key or None] = found[name].get(key or None, 0) + row.number
        found["held"] += row.number if row.held else 0
        found["unknown_status"] += row.number if row.unknown_status else 0
    return found | {"ignored": _ignored(connection)}


def _ignored(connection: Connection) -> dict[str, int]:
    """How many accounts are ignored, by role; `unknown` where they were not read since roles are kept."""
    chosen = (
        select(records.c.role, func.count().label("number"))
        .where(IS_IGNORED)
        .group_by(records.c.role)
    )
    found = {row.role or "unknown": row.number for row in connection.execute(chosen)}
    return dict(sorted(found.items()))


def by_recipient(connection: Connection) -> dict[str, int]:
    """How many records are kept of which each recipient has data; ways of which nobody is named begin with a `?`."""
    found: dict[str, int] = {}
    for row in tallies.kinds(connection, "state", "recipients"):
        for name in (
            row.recipients.split(",") if row.recipients and row.state in OPEN_STATES else ()
        ):
            found[name] = found.get(name, 0) + row.number
    return dict(sorted(found.items()))


def erased_too_early(
    connection: Connection, today: date
) -> tuple[int, list[Row[Any]], datetime | None]:
    """Records that the law wants kept still, and the store has trashed, erased or deleted: their number,
    the first few, and since when there are any."""
    number, since = tallies.early(connection, today)
    early = or_(
        records.c.held,
        and_(records.c.state == "trashed", records.c.delete_after >= today),
        records.c.delete_after >= records.c.closed_on,
    )
    examples = select(records).where(MAY_BE_EARLY, early).order_by(records.c.id).limit(EXAMPLES)
    return number, list(connection.execute(examples)) if number else [], since


def _number(connection: Connection, chosen: ColumnElement[bool]) -> int:
    return int(
        connection.execute(select(func.count()).select_from(records).where(chosen)).scalar_one()
    )


def quarantined(connection: Connection, store: str) -> list[Row[Any]]:
    """Deliveries set aside and not made good yet: by reason and topic, their number and since when."""
    about = quarantine.c.reason, quarantine.c.topic
    chosen = select(
        *about, func.count().label("number"), func.min(quarantine.c.received_at).label("since")
    ).where(quarantine.c.store == store, quarantine.c.resolved_at.is_(None))
    return list(connection.execute(chosen.group_by(*about).order_by(*about)))


def lost_rights(connection: Connection, store: str) -> list[Row[Any]]:
    """Topics of which the last that came was an error, since the webhook's owner may not see records: since when.

    That the records were asked for since does not mend the webhook.
    """
    at, number = quarantine.c.received_at, func.count().label("number")
    lost = select(
        quarantine.c.topic, func.min(at).label("since"), func.max(at).label("last"), number
    )
    lost = lost.where(quarantine.c.store == store, quarantine.c.reason == LOST_RIGHTS).group_by(
        quarantine.c.topic
    )
    found = []
    for row in connection.execute(lost.order_by(quarantine.c.topic)).all():
        if _good(connection, store, row.topic, after=row.last) is None:
            good = _good(connection, store, row.topic, after=row.since)
            again = lost.where(quarantine.c.topic == row.topic, at >= (good or row.since))
            found.append(connection.execute(again).one())
    return found


def _good(connection: Connection, store: str, topic: str, *, after: datetime) -> datetime | None:
    """When the last good delivery of a topic came, if it came after an instant."""
    at, good = deliveries.c.received_at, deliveries.c.result.in_(("recorded", "unchanged", "stale"))
    since = select(at).where(
        deliveries.c.store == store, deliveries.c.topic == topic, good, at > after
    )
    found: datetime | None = connection.execute(
        since.order_by(at.desc()).limit(1)
    ).scalar_one_or_none()
    return found


def last_delivery(connection: Connection, store: str) -> datetime | None:
    """When a delivery of one of our topics last came; others say nothing about our webhooks."""
    ours = deliveries.c.store == store, deliveries.c.topic.not_in(NO_WEBHOOKS)
    newest = (
        select(deliveries.c.received_at)
        .where(*ours)
        .order_by(deliveries.c.received_at.desc())
        .limit(1)
    )
    found: datetime | None = connection.execute(newest).scalar_one_or_none()
    return found


def missed(connection: Connection, store: str) -> datetime | None:
    """Since when changes are found in the store of which no delivery came; None if one has come since."""
    missed_at = connection.execute(
        select(stores.c.missed_at).where(stores.c.slug == store)
    ).scalar_one_or_none()
    last = last_delivery(connection, store)
    return missed_at if missed_at and (last is None or last < missed_at) else None


def store_row(connection: Connection, store: str) -> dict[str, Any]:
    """How it goes with one store: what it sent, what is to be written to it, and since when it fails."""
    here = records.c.store == store
    row = connection.execute(select(stores).where(stores.c.slug == store)).first()
    return {
        "last_delivery_at": iso_or_none(last_delivery(connection, store)),
        "last_reconciled_at": iso_or_none(row.last_reconciled_at) if row else None,
        "last_pushed_at": iso_or_none(row.last_pushed_at) if row else None,
        "pending_pushes": _number(connection, and_(here, records.c.push_at.is_not(None))),
        "failing_pushes": _number(connection, and_(here, records.c.push_error.is_not(None))),
        "pending_questions": _number(connection, and_(here, records.c.reread_at.is_not(None))),
        "unlisted": order_ids.unlisted(connection, store),
    }


def oldest_push(connection: Connection, store: str) -> datetime | None:
    """Since when the longest due write waits; what is to be read first is left out."""
    found: list[datetime] = []
    for kind in STORED_KINDS:  # each by its index
        chosen = select(records.c.push_at).where(records.c.store == store, records.c.kind == kind)
        chosen = chosen.where(records.c.push_at.is_not(None), records.c.reread_at.is_(None))
        found += connection.execute(chosen.order_by(records.c.push_at).limit(1)).scalars()
    return min(found, default=None)


def push_errors(connection: Connection, store: str) -> list[Row[Any]]:
    """Records whose schedule could not be written back: by error, their number, the first, and since when."""
    chosen = select(
        records.c.push_error,
        func.count().label("number"),
        func.min(records.c.external_id).label("example"),
        func.min(func.coalesce(records.c.push_since, records.c.contested_at)).label("since"),
    ).where(records.c.store == store, records.c.push_error.is_not(None))
    return list(connection.execute(chosen.group_by(records.c.push_error)))


def odd_records(connection: Connection, store: str, code: str) -> tuple[int, list[Row[Any]]]:
    """The records with odd parts of this code: their number, and the first few (`kind`, `external_id`)."""
    odd = (records.c.store == store, IS_ODD)
    groups = connection.execute(
        select(records.c.oddities, func.count().label("number"))
        .where(*odd)
        .group_by(records.c.oddities)
    ).all()
    chosen = [row.oddities for row in groups if code in row.oddities.split(",")]
    if not chosen:
        return 0, []
    number = sum(row.number for row in groups if row.oddities in chosen)
    examples = select(records.c.kind, records.c.external_id).where(
        *odd, records.c.oddities.in_(chosen)
    )
    ordered = examples.order_by(records.c.kind.desc(), records.c.external_id).limit(EXAMPLES)
    return number, list(connection.execute(ordered))


def closed(connection: Connection, store: str) -> list[Row[Any]]:
    """Records that the store refuses to show, by kind: their number, the first, and since when."""
    chosen = select(
        records.c.kind,
        func.count().label("number"),
        func.min(records.c.external_id).label("example"),
        func.min(records.c.reread_since).label("since"),
    ).where(records.c.store == store, IS_CLOSED_TO_US)
    return list(connection.execute(chosen.group_by(records.c.kind).order_by(records.c.kind)))


def to_be_read(connection: Connection, store: str, now: datetime) -> int:
    """How many records of a store it is to be asked about by now."""
    return _number(connection, and_(records.c.store == store, records.c.reread_at <= now))
