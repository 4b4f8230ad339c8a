"""Requests and decisions about persons, under any of their names.

A person is an account with the keyed hashes of all addresses that it ever had or, without an account, one such hash.
What is noted about the account, and what is reported or noted about a newsletter contact with one of the hashes, bears
on all records of the person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, bindparam, select

from hooks.ledger.codec import read_events, read_facts
from hooks.ledger.prepared import Prepared
from hooks.ledger.records import of_customer, the_customer
from hooks.ledger.statements import ADD_ACCOUNT_EMAIL, EVENTS_OF, among, listed
from hooks.ledger.tables import account_emails, records
from hooks.retention.events import RecordEvent, events_in_force
from hooks.retention.facts import ConsentFacts, RecordKind
from hooks.retention.tool_reports import choices_as_events

CONTACT: RecordKind = "marketing-consent"
"""A newsletter contact: the record of an address of which nothing but the keyed hash is known."""

Name = tuple[RecordKind, int]


class Owner(NamedTuple):
    """The owner of a record: an account or, without one, whoever has the address of a keyed hash."""

    store: str
    customer_id: int | None
    email_hash: str | None = None

    @classmethod
    def of(cls, store: str, customer_id: int | None, email_hash: str | None) -> Owner:
        """The owner of a record with these; the account goes before the address."""
        return cls(store, customer_id or None, None if customer_id else email_hash or None)

    @property
    def is_nobody(self) -> bool:
        """Tell whether nothing is known of whose it is."""
        return not (self.customer_id or self.email_hash)


def _emails(column: Any, kind: Any) -> Prepared:
    return Prepared(
        lambda dialect: select(account_emails.c.customer_id, account_emails.c.email_hash).where(
            account_emails.c.store == bindparam("store"), among(dialect, column, kind)
        )
    )


_OF_ACCOUNTS = _emails(account_emails.c.customer_id, BigInteger)
_OF_HASHES = _emails(account_emails.c.email_hash, Text)

_CONTACTS = Prepared(
    lambda dialect: select(
        records.c.external_id, records.c.email_hash, records.c.events, records.c.facts
    ).where(
        records.c.store == bindparam("store"),
        among(dialect, records.c.email_hash, Text),
        records.c.kind == CONTACT,
    )
)


class Persons:
    """Looks up what bears on persons, for many owners at once; nothing is locked.

    `accounts` gives what was noted about accounts (JSON), by id; the ledger as it stands, where it is left out.
    """

    def __init__(
        self,
        connection: Connection,
        owners: Iterable[Owner] = (),
        accounts: Callable[[str, Collection[int]], dict[int, str]] | None = None,
    ) -> None:
        self.connection = connection
        self._accounts = accounts or self._read_accounts
        self._known: dict[Owner, dict[Name, tuple[RecordEvent, ...]]] = {}
        by_store: dict[str, set[Owner]] = defaultdict(set)
        for owner in owners:
            by_store[owner.store].add(owner)
        for store, some in by_store.items():
            self._look_up(store, some)

    def about(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """List the events about a person that stand, in no order, `but` not those about one record."""
        found = self.by_name(owner)
        return tuple(event for name, events in found.items() if name != but for event in events)

    def by_name(self, owner: Owner) -> dict[Name, tuple[RecordEvent, ...]]:
        """The same, by the account or the newsletter contact about which it was noted."""
        if owner.is_nobody:
            return {}
        if owner not in self._known:  # a record that has changed hands
            self._look_up(owner.store, {owner})
        return self._known[owner]

    def _read_accounts(self, store: str, ids: Collection[int]) -> dict[int, str]:
        found = EVENTS_OF.rows(
            self.connection, {"store": store, "ids": listed(self.connection, ids)}
        )
        return {row["external_id"]: row["events"] for row in found}

    def _look_up(self, store: str, owners: set[Owner]) -> None:
        names = self._names(store, owners)
        accounts = {number for numbers, _ in names.values() for number in numbers}
        hashes = {one for _, some in names.values() for one in some}
        noted = self._accounts(store, sorted(accounts)) if accounts else {}
        contacts = self._contacts(store, hashes) if hashes else {}
        for owner, (numbers, some) in names.items():
            found: dict[Name, tuple[RecordEvent, ...]] = {}
            for number in numbers:
                found["customer", number] = read_events(noted.get(number, "[]"))
            for one in some:
                found |= contacts.get(one, {})
            self._known[owner] = {
                name: events_in_force(events) for name, events in found.items() if events
            }

    def _names(self, store: str, owners: set[Owner]) -> dict[Owner, tuple[set[int], set[str]]]:
        """The accounts and the hashes by which each owner goes."""
        guests = {
            owner.email_hash for owner in owners if not owner.customer_id and owner.email_hash
        }
        having: dict[str, set[int]] = defaultdict(set)
        for number, one in self._emails(_OF_HASHES, store, guests):
            having[one].add(number)
        accounts = {owner.customer_id for owner in owners if owner.customer_id}
        accounts.update(number for numbers in having.values() for number in numbers)
        had: dict[int, set[str]] = defaultdict(set)
        for number, one in self._emails(_OF_ACCOUNTS, store, accounts):
            had[number].add(one)
        names: dict[Owner, tuple[set[int], set[str]]] = {}
        for owner in owners:
            numbers = {owner.customer_id} if owner.customer_id else having[owner.email_hash or ""]
            own = set() if owner.customer_id else {owner.email_hash or ""}
            names[owner] = numbers, own.union(*(had[number] for number in numbers))
        return names

    def _emails(
        self, query: Prepared, store: str, chosen: Collection[Any]
    ) -> Iterator[tuple[int, str]]:
        if chosen:
            asked = {"store": store, "ids": listed(self.connection, sorted(chosen))}
            for row in query.rows(self.connection, asked):
                yield row["customer_id"], row["email_hash"]

    def _contacts(
        self, store: str, hashes: set[str]
    ) -> dict[str, dict[Name, tuple[RecordEvent, ...]]]:
        """Read the events of newsletter contacts, by the hash of their address."""
        found: dict[str, dict[Name, tuple[RecordEvent, ...]]] = defaultdict(dict)
        asked = {"store": store, "ids": listed(self.connection, sorted(hashes))}
        for row in _CONTACTS.rows(self.connection, asked):
            facts = read_facts(CONTACT, row["facts"]) if row["facts"] else None
            chosen = choices_as_events(facts) if isinstance(facts, ConsentFacts) else ()
            name = CONTACT, row["external_id"]
            found[row["email_hash"]][name] = (*read_events(row["events"]), *chosen)
        return found


# --- the addresses of accounts ---


def emails_of(connection: Connection, store: str, customer_id: int) -> set[str]:
    """The keyed hashes of all addresses that an account ever had."""
    asked = {"store": store, "ids": listed(connection, [customer_id])}
    return {row["email_hash"] for row in _OF_ACCOUNTS.rows(connection, asked)}


def accounts_with(connection: Connection, store: str, email_hash: str) -> set[int]:
    """The accounts that ever had an address."""
    asked = {"store": store, "ids": listed(connection, [email_hash])}
    return {row["customer_id"] for row in _OF_HASHES.rows(connection, asked)}


def keep_emails(
    connection: Connection, store: str, customer_id: int, hashes: Collection[str]
) -> set[str]:
    """Note the addresses of an account. Returns those that were new."""
    new = set(hashes) - emails_of(connection, store, customer_id) if hashes else set()
    rows = [{"store": store, "customer_id": customer_id, "email_hash": one} for one in sorted(new)]
    if rows:
        ADD_ACCOUNT_EMAIL.run(connection, rows)
    return new


def with_email(connection: Connection, store: str, email_hash: str) -> list[ColumnElement[bool]]:
    """The records on which what is decided about an address bears, as conditions of which one holds: those with the
    address, and those of the accounts that ever had it, under their other addresses too."""
    accounts = accounts_with(connection, store, email_hash)
    found = [records.c.email_hash == email_hash]
    for number in sorted(accounts):
        found += [the_customer(number), *of_account(connection, store, number)]
    return found


def of_account(connection: Connection, store: str, customer_id: int) -> list[ColumnElement[bool]]:
    """The records on which what is decided about an account bears, besides the account, as conditions."""
    hashes = sorted(emails_of(connection, store, customer_id))
    return [of_customer(customer_id), *([records.c.email_hash.in_(hashes)] if hashes else [])]


def is_a_name(connection: Connection, store: str, email_hash: str) -> bool:
    """Tell whether records go by an address alone: those of guests, and a newsletter contact."""
    chosen = select(records.c.id).where(
        records.c.store == store,
        records.c.email_hash == email_hash,
        records.c.customer_id.is_(None),
    )
    return connection.execute(chosen.limit(1)).first() is not None
