"""Hashing the addresses of a store anew: with a first key, or with another one in place of the last.

The danger: nobody can compute a hash of the new key from one of the old key, and a newsletter contact is known by its
hash alone. So what bears on a record by way of an address is first kept with the record itself. Then the hashes are
dropped, and the store is read again by whoever works for it, with the new key.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, select, update

from hooks.ledger import records
from hooks.ledger.codec import events_text, read_events, read_facts
from hooks.ledger.persons import CONTACT, Name, Owner, Persons
from hooks.ledger.records import RecordKey, Values
from hooks.ledger.tables import account_emails
from hooks.ledger.tables import records as table
from hooks.ledger.unit import Unit
from hooks.retention.events import RecordEvent
from hooks.retention.facts import META_KINDS, STORED_KINDS, OrderFacts
from hooks.runtime import Runtime
from hooks.tagging.tags import since_of

CAUSE = "addresses hashed anew"
CHOICES = ("consent-given", "consent-withdrawn")
REQUESTS = ("erasure-requested", "objection")


def rehash(runtime: Runtime, store: str) -> int:
    """Keep with each record of a store what bears on it, drop all hashes, and mark every record to be read again.

    Returns how many records that are. Raises LedgerUnavailableError.
    """

    def work(unit: Unit) -> int:
        for row in _bearing_addresses(unit.connection, store):
            _keep_with(unit, row, runtime)
        unit.settle()
        return _drop_and_mark(unit.connection, store, runtime)

    return runtime.transaction(work)


def _bearing_addresses(connection: Connection, store: str) -> list[Values]:
    """The accounts with an address, and all else that goes by an address alone but is no newsletter contact."""
    chosen = select(table).where(
        table.c.store == store,
        table.c.email_hash.is_not(None),
        table.c.kind != CONTACT,
        table.c.customer_id.is_(None),
    )
    return [dict(row._mapping) for row in connection.execute(chosen)]  # noqa: SLF001


def _keep_with(unit: Unit, row: Values, runtime: Runtime) -> None:
    """Note with a record what bears on it by way of its address, but for what is noted about an account that the
    store still shows: that bears on it again once both were read."""
    number = row["external_id"] if row["kind"] == "customer" else None
    owner = Owner.of(row["store"], number, row["email_hash"])
    by_name = Persons(unit.connection, [owner]).by_name(owner)
    known = unit.find(RecordKey.of(row))
    if known is None:
        return
    names = [name for name in by_name if name != (row["kind"], row["external_id"])]
    told = [
        event
        for name in names
        if not _is_shown(unit, row["store"], name)
        for event in by_name[name]
    ]
    before = read_events(known["events"])
    new = [event for event in _fitting(known, told) if event.id not in {one.id for one in before}]
    if new:
        changed: Values = {"events": events_text((*before, *new))}
        unit.save(known, changed)
        words = "Kept with the record: what was decided about the person who has its address"
        unit.remember(known | changed, runtime.clock(), CAUSE, words)


def _is_shown(unit: Unit, store: str, name: Name) -> bool:
    """Tell whether a name is that of an account which the store still shows."""
    if name[0] == CONTACT:
        return False
    account = unit.find(RecordKey(store, *name))
    return account is not None and account["state"] != "gone"


def _fitting(known: Values, told: Iterable[RecordEvent]) -> list[RecordEvent]:
    """Leave out what is not about this record: a choice makes no marketing where an order holds none, and a request
    is about what there was when it came."""
    facts = read_facts(known["kind"], known["facts"]) if known["facts"] else None
    holds_none = isinstance(facts, OrderFacts) and not facts.kinds & META_KINDS
    since = since_of(facts) if facts else None
    left_out = set(CHOICES) if holds_none else set()
    return [
        event
        for event in told
        if event.type not in left_out
        and not (event.type in REQUESTS and since and event.at < since)
    ]


def _drop_and_mark(connection: Connection, store: str, runtime: Runtime) -> int:
    """Drop the hashes of what the store can show again, and mark it."""
    connection.execute(delete(account_emails).where(account_emails.c.store == store))
    shown = table.c.store == store, table.c.kind.in_(STORED_KINDS)
    connection.execute(
        update(table).where(*shown, table.c.email_hash.is_not(None)).values(email_hash=None)
    )
    records.tag_again(connection, store, table.c.kind.in_(STORED_KINDS))
    now = runtime.clock()
    there = *shown, table.c.state.not_in(("unknown", "gone"))
    asked = {"reread_at": now, "reread_since": now, "reread_reason": "rehash", "reread_attempts": 0}
    connection.execute(update(table).where(*there).values(asked))
    return int(
        connection.execute(select(func.count()).select_from(table).where(*there)).scalar_one()
    )
