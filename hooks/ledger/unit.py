"""A unit of work: the records of one transaction, read together, changed in memory, and written together.

So that a transaction over many records takes few statements, and each record is written once, with those of its columns
that are different in the end. Until `write` is called, queries do not see what was changed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hooks.ledger import records as queries
from hooks.ledger.codec import read_events
from hooks.ledger.log import told
from hooks.ledger.persons import Name, Owner, Persons
from hooks.ledger.prepared import pipelined
from hooks.ledger.records import Claim, RacedError, RecordKey, Values, by_kind, differing, differs
from hooks.ledger.statements import (
    ADD_DELIVERY,
    ADD_HISTORY,
    ADD_RECORD,
    CLAIMED,
    FIND,
    SEEN,
    listed,
    updating,
)
from hooks.retention.events import RecordEvent, events_in_force


@dataclass(slots=True)
class Unit:
    """The records of one write transaction."""

    connection: Connection
    persons: Persons | None = None
    """What is decided about persons, where that was looked up for many records at once; else each account is locked
    first."""

    _stored: dict[RecordKey, Values] = field(default_factory=dict)
    _current: dict[RecordKey, Values | None] = field(default_factory=dict)
    _lines: list[tuple[RecordKey, Values]] = field(default_factory=list)
    _taken: list[Values] = field(default_factory=list)

    # What is there

    def begin(
        self, deliveries: Iterable[tuple[str, str]], keys: Iterable[RecordKey]
    ) -> set[tuple[str, str]]:
        """Read and lock the records that deliveries are about, and tell which of these (store, identity) were taken
        before."""
        named: dict[str, list[str]] = defaultdict(list)
        for store, identity in deliveries:
            named[store].append(identity)
        with pipelined(self.connection):
            before = {
                store: SEEN.ask(self.connection, self._chosen(ids, store=store))
                for store, ids in named.items()
            }
            found = self._ask_for(keys)
        self._hold_all(found)
        return {(store, row["identity"]) for store, rows in before.items() for row in rows()}

    def fetch(self, keys: Iterable[RecordKey]) -> None:
        """Read and lock these records."""
        missing = [key for key in keys if key not in self._current]
        if missing:
            with pipelined(self.connection):
                found = self._ask_for(missing)
            self._hold_all(found)

    def find(self, key: RecordKey) -> Values | None:
        """The record as it is to be, locked until the transaction ends."""
        if key not in self._current:
            self.fetch([key])
        return self._current[key]

    def claimed(self, claims: Sequence[Claim]) -> dict[int, RecordKey]:
        """The records of these claims, locked, by row id; without those whose claim has lapsed and is another's."""
        tokens: dict[str, list[int]] = defaultdict(list)
        for claim in claims:
            tokens[claim.token].append(claim.record_id)
        found: dict[int, RecordKey] = {}
        for token, numbers in tokens.items():
            for row in CLAIMED.rows(self.connection, self._chosen(numbers, claim=token)):
                found[row["id"]] = self.hold(row)
        return found

    def hold(self, row: Values) -> RecordKey:
        """Take up a record that was read and locked otherwise, unless it is held here already."""
        key = RecordKey.of(row)
        if self._current.get(key) is None:
            self._stored[key] = self._current[key] = row
        return key

    # What is to be

    def save(self, known: Values, changed: Mapping[str, Any]) -> None:
        """Have a record, new or known, written with these columns; not at all if none differs."""
        if known["id"] is None or differs(known, changed):
            self._current[RecordKey.of(known)] = known | dict(changed)

    def drop(self, known: Values) -> bool:
        """Delete a record at once, unless it has a history; whether it is deleted."""
        dropped = queries.drop(self.connection, known["id"])
        if dropped:
            key = RecordKey.of(known)
            self._stored.pop(key, None)
            self._current.pop(key, None)
        return dropped

    def remember(self, row: Values, at: datetime, cause: str, reason: str) -> None:
        """Append to the history how the record is tagged now, and why."""
        self._lines.append((RecordKey.of(row), told(row, at, cause, reason)))

    def take(self, store: str, identity: str, topic: str, result: str, at: datetime) -> None:
        """Log a delivery as taken."""
        values = {
            "store": store,
            "identity": identity,
            "topic": topic,
            "result": result,
            "received_at": at,
        }
        self._taken.append(values)

    def difference(self, key: RecordKey) -> tuple[Values, list[Values]]:
        """What `write` would write of a record that is known: the columns that are different, and lines of history."""
        row = self._current[key] or {}
        return differing(self._stored[key], row), [line for of, line in self._lines if of == key]

    def write(self) -> None:
        """Write what is different. Raises RacedError where another transaction has just made the same record, or taken
        the same delivery: then run this one again."""
        held = {key: row for key, row in self._current.items() if row is not None}
        changed = [key for key, row in held.items() if row is not self._stored.get(key)]
        if changed or self._lines or self._taken:
            self._insert([key for key in changed if key not in self._stored])
            with pipelined(self.connection):
                self._update([key for key in changed if key in self._stored])
                lines = [values | {"record_id": held[key]["id"]} for key, values in self._lines]
                ADD_HISTORY.run(self.connection, lines)
                taken = ADD_DELIVERY.run(self.connection, self._taken)
            if taken() < len(self._taken):
                raise RacedError("another process took the same delivery at the same time")
        self._stored |= held
        self._lines.clear()
        self._taken.clear()

    def settle(self) -> None:
        """Write, and let go of all records: what follows changes rows by a statement of its own."""
        self.write()
        self._stored.clear()
        self._current.clear()

    # What bears on a record

    def person_events(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """List the events about a person that stand, `but` not those about one record."""
        if self.persons is not None:
            return self.persons.about(owner, but=but)
        if owner.customer_id and owner.email_hash is None:
            account = self.find(RecordKey(owner.store, "customer", owner.customer_id))
            if account is None or account["email_hash"] is None:  # it goes by no other name
                is_left_out = but == ("customer", owner.customer_id)
                return (
                    ()
                    if account is None or is_left_out
                    else events_in_force(read_events(account["events"]))
                )
        return Persons(self.connection, (), self._accounts).about(owner, but=but)

    def has_name(self, store: str, email_hash: str) -> bool:
        """Tell whether a record of this transaction, perhaps one that it has just made, goes by an address alone."""
        rows = (row for row in self._current.values() if row and row["store"] == store)
        return any(row["email_hash"] == email_hash and row["customer_id"] is None for row in rows)

    def _accounts(self, store: str, ids: Collection[int]) -> dict[int, str]:
        """Read the events of accounts (JSON), by id, and lock each account."""
        self.fetch(RecordKey(store, "customer", number) for number in ids)
        found = {number: self.find(RecordKey(store, "customer", number)) for number in ids}
        return {number: str(row["events"]) for number, row in found.items() if row}

    def owner_of(self, store: str, order_id: int) -> Owner:
        """Find the owner of an order, as far as that is known."""
        known = self.find(RecordKey(store, "order", order_id))
        return Owner.of(
            store, *((known["customer_id"], known["email_hash"]) if known else (None, None))
        )

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """The entries (JSON) of all requests and consents of a customer that are kept."""
        self.write()
        return queries.linked_entries(self.connection, store, customer_id)

    def _ask_for(self, keys: Iterable[RecordKey]) -> list[Callable[[], list[Values]]]:
        missing = [key for key in keys if key not in self._current]
        self._current |= dict.fromkeys(missing)
        return [
            FIND.ask(self.connection, self._chosen(numbers, store=store, kind=kind))
            for (store, kind), numbers in by_kind(missing).items()
        ]

    def _hold_all(self, found: Iterable[Callable[[], list[Values]]]) -> None:
        for rows in found:
            for row in rows():
                self.hold(row)

    def _chosen(self, ids: Iterable[int] | Iterable[str], **values: str) -> Values:
        """What a statement is given that looks for several ids: one parameter, for any number of them."""
        return values | {"ids": listed(self.connection, ids)}

    def _insert(self, keys: list[RecordKey]) -> None:
        ordered = [
            RecordKey(*about, number)
            for about, numbers in by_kind(keys).items()
            for number in numbers
        ]
        rows = [row for key in ordered if (row := self._current[key])]
        for row, made in zip(rows, ADD_RECORD.returned(self.connection, rows), strict=True):
            if made is None:
                raise RacedError("the record was made by another process at the same time")
            row["id"] = made

    def _update(self, keys: list[RecordKey]) -> None:
        """Rows of which the same columns are different share a statement."""
        alike: dict[tuple[str, ...], list[Values]] = defaultdict(list)
        for key in keys:
            row = self._current[key] or {}
            different = differing(self._stored[key], row)
            if different:
                alike[tuple(sorted(different))].append(different | {"row_id": row["id"]})
        for names, rows in alike.items():
            updating(names).run(self.connection, rows)
