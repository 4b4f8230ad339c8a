"""Forgetting addresses: dropping the address hashes of closed accounts, contacts, requests and consents.

Danger: a decision, such as a hold, reaches a person's records by the address hash. If the hash is dropped too early,
the decision no longer applies.

Rules: a hash stays while a request or a hold under it is in effect, and while a record is left to which it may apply.
It also stays for AFTER once the record is closed: meanwhile, reconciling finds changes that no delivery told. The hash
of an order is not dropped here: it goes with the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select

from hooks.ledger import persons
from hooks.ledger.codec import facts_text, read_events, read_facts
from hooks.ledger.persons import CONTACT, Owner, Persons
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RecordChange, RecordRow, record_row
from hooks.ledger.tables import account_emails
from hooks.ledger.tables import records as table
from hooks.ledger.unit import Unit
from hooks.retention.events import standing_of
from hooks.retention.facts import ConsentFacts, SupportRequestFacts
from hooks.retention.schedule import KEPT_PHASES
from hooks.retention.tags import is_decided
from hooks.runtime import Runtime
from hooks.tagging import address_links

CLOSED = ("gone", "erased")
KINDS = ("customer", CONTACT, "support-request", "cookie-consent")
CHUNK = 500

AFTER = timedelta(days=7)
"""The time for which a closed record keeps its address hash. It is longer than a sweep of the store's lists takes."""


def forget(runtime: Runtime) -> int:
    """Drop the address hashes that closed records other than orders no longer need; return of how many records.

    Raises LedgerUnavailableError.
    """
    before = runtime.policy.day_of(runtime.clock()) - AFTER
    return sum(_forget_kind(runtime, kind, before) for kind in KINDS)


def _forget_kind(runtime: Runtime, kind: str, before: date) -> int:
    """Go through all records of a kind that were closed before this day and have a hash, a chunk at a time."""
    dropped = after = 0
    while True:
        with runtime.database.read() as connection:
            rows = _closed(connection, kind, before, after)
            unneeded = [row for row in rows if not _is_needed(connection, row)]
        if unneeded:
            dropped += runtime.transaction(partial(_drop, unneeded))
        if len(rows) < CHUNK:
            return dropped
        after = rows[-1]["id"] or after


def _closed(connection: Connection, kind: str, before: date, after: int) -> list[RecordRow]:
    """Read the next chunk of such records, in order of row ids, from behind the id `after` on."""
    chunk = (
        select(table)
        .where(
            table.c.kind == kind,
            table.c.state.in_(CLOSED),
            table.c.closed_on < before,
            table.c.email_hash.is_not(None),
            table.c.id > after,
        )
        .order_by(table.c.id)
        .limit(CHUNK)
    )
    return [record_row(row) for row in connection.execute(chunk).mappings()]


def _is_needed(connection: Connection, row: RecordRow) -> bool:
    """Tell whether a request or a hold under the record's names is in effect, or may yet apply to another record."""
    number = row["external_id"]
    account_id = row["customer_id"]
    if row["kind"] == "customer":
        account_id = number
    owner = Owner.of(row["store"], account_id, row["email_hash"])
    person = Persons(connection, [owner]).about(owner, but=(row["kind"], number))
    if is_decided(standing_of(read_events(row["events"]), person)):
        return True
    if row["kind"] not in ("customer", CONTACT):
        return False  # its decisions apply to no other record
    return _affects_others(connection, row)


def _affects_others(connection: Connection, row: RecordRow) -> bool:
    """Tell whether a decision about an account or a contact would apply to another record that is kept."""
    conditions: list[ColumnElement[bool]] = []
    if row["kind"] == "customer":
        conditions = persons.affected_by_account(connection, row["store"], row["external_id"])
    if not conditions and row["email_hash"]:
        conditions = persons.affected_by_address(connection, row["store"], row["email_hash"])
    is_other = (
        table.c.store == row["store"],
        table.c.state.in_(KEPT_PHASES),
        table.c.id != row["id"],
        table.c.entries != "[]",
    )
    is_affected = exists().where(*is_other, or_(*conditions))
    return connection.execute(select(is_affected)).scalar_one()


def _drop(rows: Sequence[RecordRow], unit: Unit) -> int:
    """Drop the hashes of these records; return of how many. Lock all addresses before any record."""
    for row in rows:
        hashes = set()
        if row["email_hash"]:
            hashes.add(row["email_hash"])
        address_links.lock(unit.connection, row["store"], hashes, exclusive=True)
    return sum(_drop_one(unit, row) for row in rows)


def _drop_one(unit: Unit, row: RecordRow) -> bool:
    """Drop the hash of one record, unless the record has changed meanwhile so that it is needed."""
    current = unit.find(RecordKey.of(row))
    if current is None or current["state"] not in CLOSED:
        return False
    if current["email_hash"] != row["email_hash"] or _is_needed(unit.connection, current):
        return False
    change: RecordChange = {"email_hash": None}
    if row["kind"] == "customer":
        of_account = (
            account_emails.c.store == row["store"],
            account_emails.c.customer_id == row["external_id"],
        )
        unit.connection.execute(delete(account_emails).where(*of_account))
    else:
        change |= _without_address(current)
    unit.save(current, change)
    return True


def _without_address(row: RecordRow) -> RecordChange:
    """Return the columns of what a tool reported, without the address that it is about."""
    if not row["facts"]:
        return {"subject": None}
    facts = read_facts(row["kind"], row["facts"])
    if not isinstance(facts, ConsentFacts | SupportRequestFacts):
        return {"subject": None}
    subjects = frozenset(subject for subject in facts.subjects if subject.kind != "email")
    name = facts.name
    if row["kind"] == CONTACT:
        name = ""
    main_subject = row["subject"]
    if main_subject and main_subject.startswith("email:"):
        main_subject = None
    stripped = replace(facts, subjects=subjects, name=name)
    return {"facts": facts_text(stripped), "subject": main_subject}
