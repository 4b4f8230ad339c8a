"""Rehash: the addresses of a store are hashed again, with a first key or with a new one.

The danger: no hash of the new key can be computed from a hash of the old key. A newsletter contact is known by its hash
alone, so events that reach a record by its address would be lost.

The rule: save such events with the record itself first. Then drop the hashes, and mark the records for a refetch. The
worker asks the store, and hashes with the new key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, delete, func, select, update

from hooks.ledger import records
from hooks.ledger.codec import events_text, read_events, read_facts
from hooks.ledger.persons import CONTACT, Name, Owner, Persons
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RecordChange, RecordRow, changed_row, record_row
from hooks.ledger.tables import account_emails
from hooks.ledger.tables import records as table
from hooks.ledger.unit import Unit
from hooks.retention.events import RecordEvent
from hooks.retention.facts import META_KINDS, STORED_KINDS, OrderFacts
from hooks.retention.tags import exists_since
from hooks.runtime import Runtime

CAUSE = "addresses hashed anew"
CHOICES = ("consent-given", "consent-withdrawn")
REQUESTS = ("erasure-requested", "objection")


def rehash(runtime: Runtime, store: str) -> int:
    """Save with each record of a store the events that reach it by an address, drop all hashes, and mark for refetch.

    Returns the number of marked records. Raises LedgerUnavailableError.
    """

    def work(unit: Unit) -> int:
        for row in _with_addresses(unit.connection, store):
            _keep_events(unit, row, runtime)
        unit.settle()
        return _drop_and_mark(unit.connection, store, runtime)

    return runtime.transaction(work)


def _with_addresses(connection: Connection, store: str) -> list[RecordRow]:
    """Find the records that their address alone links to a person: accounts, guests' orders, and others.

    Newsletter contacts are left out.
    """
    query = select(table).where(
        table.c.store == store,
        table.c.email_hash.is_not(None),
        table.c.kind != CONTACT,
        table.c.customer_id.is_(None),
    )
    return [record_row(row) for row in connection.execute(query).mappings()]


def _keep_events(unit: Unit, row: RecordRow, runtime: Runtime) -> None:
    """Keep with a record the events that reached it by its address.

    Events about an account that the store still shows are left out: both are parsed again, and linked again.
    """
    customer_id = row["external_id"] if row["kind"] == "customer" else None
    owner = Owner.of(row["store"], customer_id, row["email_hash"])
    events_by_name = Persons(unit.connection, [owner]).by_name(owner)
    current = unit.find(RecordKey.of(row))
    if current is None:
        return
    events: list[RecordEvent] = []
    for name, person_events in events_by_name.items():
        is_own = name == (row["kind"], row["external_id"])
        if not is_own and not _is_shown(unit, row["store"], name):
            events += person_events
    before = read_events(current["events"])
    ids = {event.id for event in before}
    new = [event for event in _relevant(current, events) if event.id not in ids]
    if not new:
        return
    change: RecordChange = {"events": events_text((*before, *new))}
    unit.save(current, change)
    reason = "Kept with the record: what was decided about the person who has its address"
    unit.remember(changed_row(current, change), runtime.clock(), CAUSE, reason)


def _is_shown(unit: Unit, store: str, name: Name) -> bool:
    """Tell whether a name is that of an account which the store still shows."""
    kind, external_id = name
    if kind == CONTACT:
        return False
    account = unit.find(RecordKey(store, kind, external_id))
    return account is not None and account["state"] != "gone"


def _relevant(row: RecordRow, events: Iterable[RecordEvent]) -> Iterator[RecordEvent]:
    """Yield the events that are about this record.

    A consent is not about an order without marketing data. A request is about records that existed when it came.
    """
    facts = read_facts(row["kind"], row["facts"]) if row["facts"] else None
    has_no_marketing = isinstance(facts, OrderFacts) and not facts.kinds & META_KINDS
    since = exists_since(facts) if facts else None
    for event in events:
        if has_no_marketing and event.type in CHOICES:
            continue
        if event.type in REQUESTS and since and event.at < since:
            continue
        yield event


def _drop_and_mark(connection: Connection, store: str, runtime: Runtime) -> int:
    """Drop the hashes of the records that come from the store, and mark for refetch those that it still has."""
    connection.execute(delete(account_emails).where(account_emails.c.store == store))
    is_stored = table.c.store == store, table.c.kind.in_(STORED_KINDS)
    has_hash = table.c.email_hash.is_not(None)
    connection.execute(update(table).where(*is_stored, has_hash).values(email_hash=None))
    records.mark_for_retag(connection, store, table.c.kind.in_(STORED_KINDS))
    now = runtime.clock()
    is_present = *is_stored, table.c.state.not_in(("unknown", "gone"))
    refetch = {
        "reread_at": now,
        "reread_since": now,
        "reread_reason": "rehash",
        "reread_attempts": 0,
    }
    connection.execute(update(table).where(*is_present).values(refetch))
    query = select(func.count()).select_from(table).where(*is_present)
    return int(connection.execute(query).scalar_one())
