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
        _, email_hash = records.find_owner(connection, store, int(subject.value))
        lock(connection, store, {email_hash} if email_hash else set(), exclusive=False)


def keep(unit: Unit, account: RecordRow, hashes: Sequence[str], *, is_newest: bool) -> RecordChange:
    """Note the addresses of an account, its own first. Return the columns of the account that follow.

    Records whose context changes by that are marked for re-tagging.
    """
    store, customer_id = account["store"], account["external_id"]
    for email_hash in persons.save_emails(unit.connection, store, customer_id, hashes):
        is_name = unit.has_name(store, email_hash) or persons.has_records_without_account(
            unit.connection, store, email_hash
        )
        if is_name:
            unit.write()
            _tag_again(unit, store, persons.affected_by_address(unit.connection, store, email_hash))
    if hashes and (is_newest or not account["email_hash"]):
        return {"email_hash": hashes[0]}
    return {}


def tag_persons_again(unit: Unit, row: RecordRow) -> None:
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
    _tag_again(unit, store, conditions)


def _tag_again(unit: Unit, store: str, conditions: Iterable[ColumnElement[bool]]) -> None:
    """Mark the records for re-tagging for which one of these conditions holds."""
    for condition in conditions:
        records.mark_for_retag(unit.connection, store, condition)
