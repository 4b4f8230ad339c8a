"""Addresses as names of persons: which addresses an account had, and which records follow from what is decided.

The danger: one transaction notes something about a person, another one makes a record that person's, and neither sees
the other. So each takes a lock on the keyed hash of the address before it looks. Whoever changes what bears on an
address, or gives it to an account, takes the lock alone; whoever only makes a record with it shares the lock. SQLite
has one writer at a time, and needs no such lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from zlib import crc32

from sqlalchemy import ColumnElement, Connection, text

from hooks.ledger import persons, records
from hooks.ledger.records import Values
from hooks.ledger.unit import Unit
from hooks.retention.facts import CustomerFacts, OrderFacts, Snapshot, Subject

_LOCK = {
    False: text("SELECT pg_advisory_xact_lock_shared(:space, :key)"),
    True: text("SELECT pg_advisory_xact_lock(:space, :key)"),
}
_SPACE = 0x7265  # of the numbers by which applications lock; no other lock of this service is in it


def lock(connection: Connection, store: str, hashes: Collection[str], *, exclusive: bool) -> None:
    """Take the locks on these addresses until the transaction ends, always in the same order."""
    if connection.dialect.name != "postgresql":
        return
    for key in sorted({_number(store, one) for one in hashes}):
        connection.execute(_LOCK[exclusive], {"space": _SPACE, "key": key})


def _number(store: str, email_hash: str) -> int:
    """The lock's number, of 31 bits; two addresses that share one wait for each other, which does no harm."""
    return crc32(f"{store} {email_hash}".encode()) & 0x7FFFFFFF


def lock_shown(connection: Connection, shown: Iterable[tuple[str, Snapshot]]) -> None:
    """Take the locks that these states of records need, by store; before any record is locked."""
    made: dict[str, set[str]] = defaultdict(set)
    gained: dict[str, set[str]] = defaultdict(set)
    for store, snapshot in shown:
        facts = snapshot.facts
        if isinstance(facts, OrderFacts) and facts.email_hash:
            made[store].add(facts.email_hash)
        elif isinstance(facts, CustomerFacts) and facts.email_hashes:
            had = persons.emails_of(connection, store, snapshot.external_id)
            gained[store] |= set(facts.email_hashes) - had
    for store in made.keys() | gained.keys():
        lock(connection, store, gained[store], exclusive=True)
        lock(connection, store, made[store] - gained[store], exclusive=False)


def lock_subject(connection: Connection, store: str, subject: Subject | None) -> None:
    """Take the lock on an address about which something is to be noted, or on that of an order with a request."""
    if subject is None:
        return
    if subject.kind == "email":
        lock(connection, store, {subject.value}, exclusive=True)
    elif subject.kind == "order":
        _, email_hash = records.owner_of(connection, store, int(subject.value))
        lock(connection, store, {email_hash} if email_hash else set(), exclusive=False)


def keep(unit: Unit, account: Values, hashes: Sequence[str], *, is_newest: bool) -> Values:
    """Note the addresses of an account, its own first. Returns the columns of the account that follow.

    Records on which other things bear from now on are tagged again.
    """
    store, number = account["store"], account["external_id"]
    for email_hash in persons.save_emails(unit.connection, store, number, hashes):
        if not (
            unit.has_name(store, email_hash)
            or persons.has_records_without_account(unit.connection, store, email_hash)
        ):
            continue
        unit.write()
        _tag_again(unit, store, persons.affected_by_address(unit.connection, store, email_hash))
    return {"email_hash": hashes[0]} if hashes and (is_newest or not account["email_hash"]) else {}


def tag_persons_again(unit: Unit, known: Values) -> None:
    """Have all records tagged again on which what was noted about an account or a newsletter contact bears."""
    store, number, email_hash = known["store"], known["external_id"], known["email_hash"]
    if known["kind"] == "customer":
        unit.settle()
        conditions = persons.affected_by_account(unit.connection, store, number)
    elif known["kind"] == persons.CONTACT and email_hash:
        unit.settle()
        conditions = persons.affected_by_address(unit.connection, store, email_hash)
    else:
        return
    _tag_again(unit, store, conditions)


def _tag_again(unit: Unit, store: str, conditions: Iterable[ColumnElement[bool]]) -> None:
    """Have the records tagged again for which one of these conditions holds."""
    for condition in conditions:
        records.tag_again(unit.connection, store, condition)
