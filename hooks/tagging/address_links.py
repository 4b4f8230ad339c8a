"""Address links: the addresses that an account has had, and the records that must be re-tagged because of them.

The danger: one transaction notes an event about a person, another one saves a record of that person, and neither sees
the other. The rule: each takes a lock on the address hash before it reads. A transaction that changes the context of
an address, or links it to an account, takes the lock alone. One that only saves a record with that address shares the
lock. SQLite has one writer at a time and needs no such lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from zlib import crc32

from sqlalchemy import ColumnElement, Connection, text

from hooks.ledger import persons, records
from hooks.ledger.rows import RecordChange, RecordRow
from hooks.ledger.unit import Unit
from hooks.retention.facts import CustomerFacts, OrderFacts, Snapshot, Subject

_LOCK = {
    False: text("SELECT pg_advisory_xact_lock_shared(:space, :key)"),
    True: text("SELECT pg_advisory_xact_lock(:space, :key)"),
}
_SPACE = 0x7265
"""The first of the two numbers of an advisory lock. This service takes no other lock in this space."""


def lock(connection: Connection, store: str, hashes: Collection[str], *, exclusive: bool) -> None:
    """Take the locks on these addresses until the transaction ends, always in the same order."""
    if connection.dialect.name != "postgresql":
        return
    for key in sorted({_number(store, email_hash) for email_hash in hashes}):
        connection.execute(_LOCK[exclusive], {"space": _SPACE, "key": key})


def _number(store: str, email_hash: str) -> int:
    """Return the number of an address's lock, of 31 bits. Two addresses that share one only wait for each other."""
    return crc32(f"{store} {email_hash}".encode()) & 0x7FFFFFFF


def lock_shown(connection: Connection, snapshots: Iterable[tuple[str, Snapshot]]) -> None:
    """Take the locks that these snapshots need, each with its store. Call this before any record is locked."""
    of_orders: dict[str, set[str]] = defaultdict(set)
    gained: dict[str, set[str]] = defaultdict(set)
    for store, snapshot in snapshots:
        facts = snapshot.facts
        if isinstance(facts, OrderFacts) and facts.email_hash:
            of_orders[store].add(facts.email_hash)
        elif isinstance(facts, CustomerFacts) and facts.email_hashes:
            stored = persons.emails_of(connection, store, snapshot.external_id)
            gained[store] |= set(facts.email_hashes) - stored
    for store in of_orders.keys() | gained.keys():
        lock(connection, store, gained[store], exclusive=True)
        lock(connection, store, of_orders[store] - gained[store], exclusive=False)


def lock_subject(connection: Connection, store: str, subject: Subject | None) -> None:
    """Take the lock for an event about a subject: on an e-mail alone, on the address of an order shared."""
    if subject is None:
        return
    if subject.kind == "email":
        lock(connection, store, {subject.value}, exclusive=True)
    elif subject.kind == "order":
        _, email_hash = records.find_owner(connection, store, int(subject.value))
        lock(connection, store, {email_hash} if email_hash else set(), exclusive=False)


def keep(unit: Unit, account: RecordRow, hashes: Sequence[str], *, is_newest: bool) -> RecordChange:
    """Save the addresses of an account, its own first. Return the columns to set in the account.

    Marks for re-tagging the records whose context changes by that.
    """
    store, customer_id = account["store"], account["external_id"]
    for email_hash in persons.save_emails(unit.connection, store, customer_id, hashes):
        if _is_in_use(unit, store, email_hash):
            unit.write()
            conditions = persons.affected_by_address(unit.connection, store, email_hash)
            _mark_for_retag(unit, store, conditions)
    if hashes and (is_newest or not account["email_hash"]):
        return {"email_hash": hashes[0]}
    return {}


def _is_in_use(unit: Unit, store: str, email_hash: str) -> bool:
    """Tell whether a record without an account belongs to an address, in the ledger or in this transaction."""
    if unit.has_name(store, email_hash):
        return True
    return persons.has_records_without_account(unit.connection, store, email_hash)


def mark_person_for_retag(unit: Unit, row: RecordRow) -> None:
    """Mark all records of a person for re-tagging, after an event about their account or newsletter contact."""
    store, email_hash = row["store"], row["email_hash"]
    if row["kind"] == "customer":
        unit.settle()
        conditions = persons.affected_by_account(unit.connection, store, row["external_id"])
    elif row["kind"] == persons.CONTACT and email_hash:
        unit.settle()
        conditions = persons.affected_by_address(unit.connection, store, email_hash)
    else:
        return
    _mark_for_retag(unit, store, conditions)


def _mark_for_retag(unit: Unit, store: str, conditions: Iterable[ColumnElement[bool]]) -> None:
    """Mark the records for re-tagging for which one of these conditions holds."""
    for condition in conditions:
        records.mark_for_retag(unit.connection, store, condition)
