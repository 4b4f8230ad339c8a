"""Forgetting addresses: the hashes of accounts and newsletter contacts of which nothing is left.

An address is a name by which a decision bears on records. So its hash stays while a request or a hold stands under it,
and while there is a record on which it may bear; the hash on an order goes with the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, delete, exists, or_, select

from hooks.ingest import Ingest
from hooks.ledger import persons
from hooks.ledger.codec import facts_text, read_facts
from hooks.ledger.persons import CONTACT, Owner, Persons
from hooks.ledger.records import Values
from hooks.ledger.tables import account_emails
from hooks.ledger.tables import records as table
from hooks.ledger.unit import Unit
from hooks.retention.events import standing
from hooks.retention.facts import ConsentFacts
from hooks.tagging import is_decided

CLOSED = ("gone", "erased")
OPEN = ("active", "trashed", "erased")
CHUNK = 500


def forget(ingest: Ingest) -> int:
    """Drop the hashes of closed accounts and contacts that nothing needs any more. Returns of how many.

    Raises LedgerUnavailableError.
    """
    return sum(_pass(ingest, kind) for kind in ("customer", CONTACT))


def _pass(ingest: Ingest, kind: str) -> int:
    """Go through all closed records of a kind that have a hash, a chunk at a time."""
    dropped, after = 0, 0
    while True:
        with ingest.database.read() as connection:
            rows = _closed(connection, kind, after)
            spent = [row for row in rows if _is_spent(connection, row)]
        if spent:
            dropped += ingest.transaction(partial(_drop, spent))
        if len(rows) < CHUNK:
            return dropped
        after = rows[-1]["id"]


def _closed(connection: Connection, kind: str, after: int) -> list[Values]:
    chosen = select(table).where(
        table.c.kind == kind, table.c.state.in_(CLOSED), table.c.email_hash.is_not(None), table.c.id > after
    )
    return [dict(row._mapping) for row in connection.execute(chosen.order_by(table.c.id).limit(CHUNK))]  # noqa: SLF001


def _is_spent(connection: Connection, row: Values) -> bool:
    """Tell whether no request or hold stands under the names of a record, and no record is left on which it bears."""
    store, number, email_hash = row["store"], row["external_id"], row["email_hash"]
    is_account = row["kind"] == "customer"
    owner = Owner.of(store, number if is_account else None, email_hash)
    if is_decided(standing(Persons(connection, [owner]).about(owner))):
        return False
    names = persons.of_account(connection, store, number) if is_account else []
    names = names or persons.with_email(connection, store, email_hash)
    others = table.c.store == store, table.c.state.in_(OPEN), table.c.id != row["id"], table.c.entries != "[]"
    return not connection.execute(select(exists().where(*others, or_(*names)))).scalar_one()


def _drop(rows: Iterable[Values], unit: Unit) -> int:
    return sum(1 for row in rows for _ in _dropped(unit, row))


def _dropped(unit: Unit, row: Values) -> Iterator[None]:
    """Drop the hashes of one record, unless it has come back meanwhile."""
    known = unit.find(unit.hold(row))
    if known is None or known["state"] not in CLOSED or not _is_spent(unit.connection, known):
        return
    changed: Values = {"email_hash": None}
    if row["kind"] == "customer":
        number = account_emails.c.customer_id == row["external_id"]
        unit.connection.execute(delete(account_emails).where(account_emails.c.store == row["store"], number))
    else:
        facts = read_facts(CONTACT, known["facts"]) if known["facts"] else None
        if isinstance(facts, ConsentFacts):
            changed["facts"] = facts_text(replace(facts, subjects=frozenset(), name=""))
        changed["subject"] = None
    unit.save(known, changed)
    yield
