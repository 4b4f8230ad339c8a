"""Requests and decisions about persons, under any of their names.

A person is an account with the keyed hashes of all addresses that it ever had; or one such hash, without an account.
An event bears on all records of the person if it is noted about the account, or noted or reported about a newsletter
contact with one of the hashes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, bindparam, select

from hooks.ledger.codec import read_events, read_facts
from hooks.ledger.prepared import Prepared
from hooks.ledger.records import is_account, is_of_customer
from hooks.ledger.statements import ADD_ACCOUNT_EMAIL, CUSTOMER_EVENTS, ids_parameter, is_among_ids
from hooks.ledger.tables import account_emails, records
from hooks.retention.events import RecordEvent, events_in_force
from hooks.retention.facts import ConsentFacts, RecordKind
from hooks.retention.tool_reports import choices_as_events

CONTACT: RecordKind = "marketing-consent"
"""A newsletter contact: the record of an address. Only the keyed hash of the address is known."""

Name = tuple[RecordKind, int]
"""A record that stands for a person: an account, or a newsletter contact."""

EventsByName = dict[Name, tuple[RecordEvent, ...]]


class Owner(NamedTuple):
    """The owner of a record: an account, or the person with the address of a keyed hash."""

    store: str
    customer_id: int | None
    email_hash: str | None = None

    @classmethod
    def of(cls, store: str, customer_id: int | None, email_hash: str | None) -> Owner:
        """Create the owner from the columns of a record. If there is an account, the address is left out."""
        if customer_id:
            return cls(store, customer_id)
        return cls(store, None, email_hash or None)

    @property
    def is_nobody(self) -> bool:
        """Tell whether the owner is not known at all."""
        return not (self.customer_id or self.email_hash)


def _emails(column: Any, kind: Any) -> Prepared:
    return Prepared(
        lambda dialect: select(account_emails.c.customer_id, account_emails.c.email_hash).where(
            account_emails.c.store == bindparam("store"), is_among_ids(dialect, column, kind)
        )
    )


_OF_ACCOUNTS = _emails(account_emails.c.customer_id, BigInteger)
_OF_HASHES = _emails(account_emails.c.email_hash, Text)

_CONTACTS = Prepared(
    lambda dialect: select(
        records.c.external_id, records.c.email_hash, records.c.events, records.c.facts
    ).where(
        records.c.store == bindparam("store"),
        is_among_ids(dialect, records.c.email_hash, Text),
        records.c.kind == CONTACT,
    )
)


class Persons:
    """Finds the events about persons, for many owners at once. Nothing is locked.

    `read_accounts` returns the events of accounts (JSON), by id. By default they are read from the ledger.
    """

    def __init__(
        self,
        connection: Connection,
        owners: Iterable[Owner] = (),
        read_accounts: Callable[[str, Collection[int]], dict[int, str]] | None = None,
    ) -> None:
        self.connection = connection
        self._read_accounts = read_accounts or self._read_accounts_from_ledger
        self._events: dict[Owner, EventsByName] = {}
        by_store: dict[str, set[Owner]] = defaultdict(set)
        for owner in owners:
            by_store[owner.store].add(owner)
        for store, owners_of_store in by_store.items():
            self._look_up(store, owners_of_store)

    def about(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """List the events in force about a person, in no order, without those about the record `but`."""
        events: list[RecordEvent] = []
        for name, events_of_name in self.by_name(owner).items():
            if name != but:
                events += events_of_name
        return tuple(events)

    def by_name(self, owner: Owner) -> EventsByName:
        """Return the same events, by the account or the newsletter contact that they were noted about."""
        if owner.is_nobody:
            return {}
        if owner not in self._events:  # the owner of the record has changed
            self._look_up(owner.store, {owner})
        return self._events[owner]

    def _read_accounts_from_ledger(self, store: str, ids: Collection[int]) -> dict[int, str]:
        values = {"store": store, "ids": ids_parameter(self.connection, ids)}
        rows = CUSTOMER_EVENTS.rows(self.connection, values)
        return {row["external_id"]: row["events"] for row in rows}

    def _look_up(self, store: str, owners: set[Owner]) -> None:
        names = self._names(store, owners)
        all_accounts: set[int] = set()
        all_hashes: set[str] = set()
        for accounts, hashes in names.values():
            all_accounts |= accounts
            all_hashes |= hashes
        account_events: dict[int, str] = {}
        if all_accounts:
            account_events = self._read_accounts(store, sorted(all_accounts))
        contact_events = self._read_contacts(store, all_hashes)
        for owner, (accounts, hashes) in names.items():
            events: EventsByName = {}
            for customer_id in accounts:
                events["customer", customer_id] = read_events(account_events.get(customer_id, "[]"))
            for email_hash in hashes:
                events |= contact_events.get(email_hash, {})
            self._events[owner] = _in_force(events)

    def _names(self, store: str, owners: set[Owner]) -> dict[Owner, tuple[set[int], set[str]]]:
        """Find the accounts and the address hashes of each owner."""
        accounts = {owner.customer_id for owner in owners if owner.customer_id}
        guests = set()
        for owner in owners:
            if owner.email_hash and not owner.customer_id:
                guests.add(owner.email_hash)
        accounts_of: dict[str, set[int]] = defaultdict(set)
        for customer_id, email_hash in self._emails(_OF_HASHES, store, guests):
            accounts_of[email_hash].add(customer_id)
            accounts.add(customer_id)
        hashes_of: dict[int, set[str]] = defaultdict(set)
        for customer_id, email_hash in self._emails(_OF_ACCOUNTS, store, accounts):
            hashes_of[customer_id].add(email_hash)
        names: dict[Owner, tuple[set[int], set[str]]] = {}
        for owner in owners:
            own_hashes: set[str] = set()
            if owner.customer_id:
                own_accounts = {owner.customer_id}
            else:
                email_hash = owner.email_hash or ""
                own_accounts = accounts_of[email_hash]
                own_hashes.add(email_hash)
            for customer_id in own_accounts:
                own_hashes |= hashes_of[customer_id]
            names[owner] = own_accounts, own_hashes
        return names

    def _emails(
        self, query: Prepared, store: str, ids: Collection[Any]
    ) -> Iterator[tuple[int, str]]:
        """Yield the accounts and the address hashes that belong together, for these ids."""
        if ids:
            values = {"store": store, "ids": ids_parameter(self.connection, sorted(ids))}
            for row in query.rows(self.connection, values):
                yield row["customer_id"], row["email_hash"]

    def _read_contacts(self, store: str, hashes: set[str]) -> dict[str, EventsByName]:
        """Read the events of newsletter contacts, by the hash of their address."""
        if not hashes:
            return {}
        events: dict[str, EventsByName] = defaultdict(dict)
        values = {"store": store, "ids": ids_parameter(self.connection, sorted(hashes))}
        for row in _CONTACTS.rows(self.connection, values):
            name = CONTACT, row["external_id"]
            noted_events = read_events(row["events"])
            events[row["email_hash"]][name] = (*noted_events, *_choices(row["facts"]))
        return events


# --- the addresses of accounts ---


def emails_of(connection: Connection, store: str, customer_id: int) -> set[str]:
    """Return the keyed hashes of all addresses that an account ever had."""
    values = {"store": store, "ids": ids_parameter(connection, [customer_id])}
    return {row["email_hash"] for row in _OF_ACCOUNTS.rows(connection, values)}


def accounts_with(connection: Connection, store: str, email_hash: str) -> set[int]:
    """Return the accounts that ever had an address."""
    values = {"store": store, "ids": ids_parameter(connection, [email_hash])}
    return {row["customer_id"] for row in _OF_HASHES.rows(connection, values)}


def _in_force(events: EventsByName) -> EventsByName:
    """Return the events in force, without the names under which no event was noted."""
    in_force: EventsByName = {}
    for name, events_of_name in events.items():
        if events_of_name:
            in_force[name] = events_in_force(events_of_name)
    return in_force


def _choices(facts_text: str | None) -> tuple[RecordEvent, ...]:
    """Return the choices of a newsletter contact as events, from its facts; none where it has no facts."""
    if not facts_text:
        return ()
    facts = read_facts(CONTACT, facts_text)
    if not isinstance(facts, ConsentFacts):
        return ()
    return choices_as_events(facts)


def save_emails(
    connection: Connection, store: str, customer_id: int, hashes: Collection[str]
) -> set[str]:
    """Store the address hashes of an account. Returns those that were new."""
    if not hashes:
        return set()
    new = set(hashes) - emails_of(connection, store, customer_id)
    if new:
        key = {"store": store, "customer_id": customer_id}
        rows = [key | {"email_hash": email_hash} for email_hash in sorted(new)]
        ADD_ACCOUNT_EMAIL.run(connection, rows)
    return new


def affected_by_address(
    connection: Connection, store: str, email_hash: str
) -> list[ColumnElement[bool]]:
    """Return conditions; a decision about an address bears on the records that meet one of them.

    These are the records with the address, and the records of each account that ever had it, under all its addresses.
    """
    conditions = [records.c.email_hash == email_hash]
    for customer_id in sorted(accounts_with(connection, store, email_hash)):
        conditions.append(is_account(customer_id))
        conditions += affected_by_account(connection, store, customer_id)
    return conditions


def affected_by_account(
    connection: Connection, store: str, customer_id: int
) -> list[ColumnElement[bool]]:
    """Return conditions; a decision about an account bears on the account and on the records that meet one of them."""
    conditions = [is_of_customer(customer_id)]
    hashes = sorted(emails_of(connection, store, customer_id))
    if hashes:
        conditions.append(records.c.email_hash.in_(hashes))
    return conditions


def has_records_without_account(connection: Connection, store: str, email_hash: str) -> bool:
    """Tell whether an address has records without an account: orders of guests, or a newsletter contact."""
    query = select(records.c.id).where(
        records.c.store == store,
        records.c.email_hash == email_hash,
        records.c.customer_id.is_(None),
    )
    return connection.execute(query.limit(1)).first() is not None
