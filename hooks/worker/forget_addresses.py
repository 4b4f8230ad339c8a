"""Forgetting addresses: the hashes of accounts, contacts and requests of which nothing is left.

An address is a name by which a decision bears on records. So its hash stays while a request or a hold stands under it,
and while there is a record on which it may bear. It also stays for some days after a record was closed, in which the
store's lists show what no delivery told. The hash on an order goes with the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from sqlalchemy import Connection, delete, exists, or_, select

from hooks.ledger import persons
from hooks.ledger.codec import facts_text, read_events, read_facts
from hooks.ledger.persons import CONTACT, Owner, Persons
from hooks.ledger.records import RecordKey, Values
from hooks.ledger.states import KEPT_STATES
from hooks.ledger.tables import account_emails
from hooks.ledger.tables import records as table
from hooks.ledger.unit import Unit
from hooks.retention.events import standing_of
from hooks.retention.facts import ConsentFacts, SupportRequestFacts
from hooks.runtime import Runtime
from hooks.tagging import address_links
from hooks.tagging.tags import is_decided

CLOSED = ("gone", "erased")
KINDS = ("customer", CONTACT, "support-request", "cookie-consent")
CHUNK = 500

AFTER = timedelta(days=7)
"""So long after a record was closed its address is kept: longer than it takes to go through the store's lists."""


def forget(runtime: Runtime) -> int:
    """Drop the hashes of closed records, other than orders, that nothing needs any more. Returns of how many.

    Raises LedgerUnavailableError.
    """
    before = runtime.policy.day_of(runtime.clock()) - AFTER
    return sum(_pass(runtime, kind, before) for kind in KINDS)


def _pass(runtime: Runtime, kind: str, before: date) -> int:
    """Go through all records of a kind that were closed before a day and have a hash, a chunk at a time."""
    dropped, after = 0, 0
    while True:
        with runtime.database.read() as connection:
            rows = _closed(connection, kind, before, after)
            spent = [row for row in rows if _is_spent(connection, row)]
        if spent:
            dropped += runtime.transaction(partial(_drop, spent))
        if len(rows) < CHUNK:
            return dropped
        after = rows[-1]["id"]


def _closed(connection: Connection, kind: str, before: date, after: int) -> list[Values]:
    closed = table.c.state.in_(CLOSED), table.c.closed_on < before
    chosen = select(table).where(
        table.c.kind == kind, *closed, table.c.email_hash.is_not(None), table.c.id > after
    )
    rows = connection.execute(chosen.order_by(table.c.id).limit(CHUNK))
    return [dict(row) for row in rows.mappings()]


def _is_spent(connection: Connection, row: Values) -> bool:
    """Tell whether no request or hold stands under the names of a record, and no record is left on which it bears."""
    store, number, email_hash = row["store"], row["external_id"], row["email_hash"]
    is_account = row["kind"] == "customer"
    owner = Owner.of(store, number if is_account else row["customer_id"], email_hash)
    person = Persons(connection, [owner]).about(owner, but=(row["kind"], number))
    if is_decided(standing_of(read_events(row["events"]), person)):
        return False
    if row["kind"] not in ("customer", CONTACT):
        return True  # it bears on nothing else
    names = persons.of_account(connection, store, number) if is_account else []
    names = names or persons.with_email(connection, store, email_hash)
    others = (
        table.c.store == store,
        table.c.state.in_(KEPT_STATES),
        table.c.id != row["id"],
        table.c.entries != "[]",
    )
    return not connection.execute(select(exists().where(*others, or_(*names)))).scalar_one()


def _drop(rows: Iterable[Values], unit: Unit) -> int:
    rows = tuple(rows)
    for row in rows:
        address_links.lock(unit.connection, row["store"], {row["email_hash"]}, exclusive=True)
    return sum(1 for row in rows for _ in _dropped(unit, row))


def _dropped(unit: Unit, row: Values) -> Iterator[None]:
    """Drop the hashes of one record, unless it has come back meanwhile."""
    known = unit.find(RecordKey.of(row))
    if known is None or known["state"] not in CLOSED or known["email_hash"] != row["email_hash"]:
        return
    if not _is_spent(unit.connection, known):
        return
    changed: Values = {"email_hash": None}
    if row["kind"] == "customer":
        number = account_emails.c.customer_id == row["external_id"]
        unit.connection.execute(
            delete(account_emails).where(account_emails.c.store == row["store"], number)
        )
    else:
        changed |= _without_subject(known)
    unit.save(known, changed)
    yield


def _without_subject(known: Values) -> Values:
    """The columns of what a tool reported, without the address that it is about."""
    facts = read_facts(known["kind"], known["facts"]) if known["facts"] else None
    if not isinstance(facts, ConsentFacts | SupportRequestFacts):
        return {"subject": None}
    left = frozenset(subject for subject in facts.subjects if subject.kind != "email")
    name = "" if known["kind"] == CONTACT else facts.name
    main = known["subject"]
    kept = None if main and main.startswith("email:") else main
    return {"facts": facts_text(replace(facts, subjects=left, name=name)), "subject": kept}
