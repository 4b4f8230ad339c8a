"""A unit of work: the records of one transaction, read together, changed in memory, and written together.

A transaction over many records then takes few statements, and writes each record once, with the columns that differ in
the end. Queries do not see the changes until `write` is called.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection

from hooks.ledger import records as queries
from hooks.ledger.codec import read_events
from hooks.ledger.log import history_line
from hooks.ledger.persons import Name, Owner, Persons
from hooks.ledger.prepared import pipelined
from hooks.ledger.records import Claim, RacedError, RecordKey, by_kind
from hooks.ledger.rows import (
    RecordChange,
    RecordRow,
    changed_row,
    differing_columns,
    differs,
)
from hooks.ledger.statements import (
    ADD_DELIVERY,
    ADD_HISTORY,
    ADD_RECORD,
    FIND_CLAIMED,
    FIND_RECORDS,
    LOGGED_DELIVERIES,
    ids_parameter,
    record_update,
)
from hooks.retention.events import RecordEvent, events_in_force

Line = dict[str, Any]
"""The columns of a row of the tables `history` or `deliveries`."""


@dataclass(slots=True)
class Unit:
    """The records of one write transaction."""

    connection: Connection
    persons: Persons | None = None
    """The events about persons, where they were looked up for many records at once. Without it, each account is locked
    before its events are read."""

    _stored: dict[RecordKey, RecordRow] = field(default_factory=dict)
    _current: dict[RecordKey, RecordRow | None] = field(default_factory=dict)
    _history: list[tuple[RecordKey, Line]] = field(default_factory=list)
    _deliveries: list[Line] = field(default_factory=list)

    # --- read and lock ---

    def begin(
        self, deliveries: Iterable[tuple[str, str]], keys: Iterable[RecordKey]
    ) -> set[tuple[str, str]]:
        """Read and lock the records that deliveries are about.

        Return those (store, identity) of the deliveries that were logged before.
        """
        identities_by_store: dict[str, list[str]] = defaultdict(list)
        for store, identity in deliveries:
            identities_by_store[store].append(identity)
        with pipelined(self.connection):
            logged = {}
            for store, identities in identities_by_store.items():
                parameters = self._parameters(identities, store=store)
                logged[store] = LOGGED_DELIVERIES.ask(self.connection, parameters)
            answers = self._request(keys)
        self._hold_all(answers)
        return {(store, row["identity"]) for store, rows in logged.items() for row in rows()}

    def fetch(self, keys: Iterable[RecordKey]) -> None:
        """Read and lock these records."""
        missing = [key for key in keys if key not in self._current]
        if missing:
            with pipelined(self.connection):
                answers = self._request(missing)
            self._hold_all(answers)

    def find(self, key: RecordKey) -> RecordRow | None:
        """Return a record with the changes of this transaction, locked until it ends; None if there is none."""
        if key not in self._current:
            self.fetch([key])
        return self._current[key]

    def claimed(self, claims: Sequence[Claim]) -> dict[int, RecordKey]:
        """Lock the records of these claims, and return their keys by row id.

        A claim that has lapsed and is another worker's is left out.
        """
        ids_by_token: dict[str, list[int]] = defaultdict(list)
        for claim in claims:
            ids_by_token[claim.token].append(claim.record_id)
        keys: dict[int, RecordKey] = {}
        for token, ids in ids_by_token.items():
            for row in FIND_CLAIMED.rows(self.connection, self._parameters(ids, claim=token)):
                keys[row["id"]] = self.hold(cast("RecordRow", row))
        return keys

    def hold(self, row: RecordRow) -> RecordKey:
        """Take up a record that the caller has read and locked, unless the unit has it already."""
        key = RecordKey.of(row)
        if self._current.get(key) is None:
            self._stored[key] = self._current[key] = row
        return key

    # --- change ---

    def save(self, row: RecordRow, change: RecordChange) -> None:
        """Have a record written with these columns; not at all if it is stored and none differs."""
        if row["id"] is None or differs(row, change):
            self._current[RecordKey.of(row)] = changed_row(row, change)

    def drop(self, row: RecordRow) -> bool:
        """Delete a record at once, unless it has a history. Return True if it is deleted."""
        if row["id"] is None or not queries.drop(self.connection, row["id"]):
            return False
        key = RecordKey.of(row)
        self._stored.pop(key, None)
        self._current.pop(key, None)
        return True

    def remember(self, row: RecordRow, at: datetime, cause: str, reason: str) -> None:
        """Append a line to the history: how the record is tagged now, and why."""
        self._history.append((RecordKey.of(row), history_line(row, at, cause, reason)))

    def log_delivery(
        self, store: str, identity: str, topic: str, result: str, at: datetime
    ) -> None:
        """Log a delivery as taken."""
        line = {
            "store": store,
            "identity": identity,
            "topic": topic,
            "result": result,
            "received_at": at,
        }
        self._deliveries.append(line)

    # --- write ---

    def difference(self, key: RecordKey) -> tuple[RecordChange, list[Line]]:
        """Return what `write` would write of a stored record: the columns that differ, and lines of the history."""
        row = self._current[key]
        change: RecordChange = {}
        if row:
            change = differing_columns(self._stored[key], cast("RecordChange", row))
        return change, [line for of, line in self._history if of == key]

    def write(self) -> None:
        """Write what differs.

        Raises RacedError where another transaction has just made the same record, or logged the same delivery. The
        caller must then run the transaction again.
        """
        held = {key: row for key, row in self._current.items() if row is not None}
        changed = [key for key, row in held.items() if row is not self._stored.get(key)]
        if changed or self._history or self._deliveries:
            self._insert([key for key in changed if key not in self._stored])
            with pipelined(self.connection):
                self._update([key for key in changed if key in self._stored])
                lines = [{**line, "record_id": held[key]["id"]} for key, line in self._history]
                ADD_HISTORY.run(self.connection, lines)
                added = ADD_DELIVERY.run(self.connection, self._deliveries)
            if added() < len(self._deliveries):
                raise RacedError("another process took the same delivery at the same time")
        self._stored |= held
        self._history.clear()
        self._deliveries.clear()

    def settle(self) -> None:
        """Write, and let go of all records: the caller is about to change rows by a statement of its own."""
        self.write()
        self._stored.clear()
        self._current.clear()

    # --- context of a record: see `hooks.tagging.context.ContextSource` ---

    def person_events(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """List the events about a person, but not those that were noted about the record `but`."""
        if self.persons is not None:
            return self.persons.about(owner, but=but)
        if owner.customer_id and owner.email_hash is None:
            account = self.find(RecordKey(owner.store, "customer", owner.customer_id))
            if account is None:
                return ()
            if account["email_hash"] is None:  # the person has no other name
                if but == ("customer", owner.customer_id):
                    return ()
                return events_in_force(read_events(account["events"]))
        return Persons(self.connection, (), self._account_events).about(owner, but=but)

    def has_name(self, store: str, email_hash: str) -> bool:
        """Tell whether a record of this transaction belongs to an address, and to no account."""
        for row in self._current.values():
            if row is None or row["customer_id"] is not None:
                continue
            if row["store"] == store and row["email_hash"] == email_hash:
                return True
        return False

    def _account_events(self, store: str, ids: Collection[int]) -> dict[int, str]:
        """Lock accounts, and return their events (JSON) by customer id."""
        keys = [RecordKey(store, "customer", customer_id) for customer_id in ids]
        self.fetch(keys)
        events = {}
        for key in keys:
            row = self.find(key)
            if row:
                events[key.external_id] = row["events"]
        return events

    def owner_of(self, store: str, order_id: int) -> Owner:
        """Find the owner of an order, as far as it is known."""
        row = self.find(RecordKey(store, "order", order_id))
        if row is None:
            return Owner.of(store, None, None)
        return Owner.of(store, row["customer_id"], row["email_hash"])

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """List the entries (JSON) of all requests and consents of a customer that are kept."""
        self.write()
        return queries.linked_entries(self.connection, store, customer_id)

    # --- statements ---

    def _request(self, keys: Iterable[RecordKey]) -> list[Callable[[], list[Line]]]:
        """Ask for records that the unit does not have yet. Each answer is read later."""
        missing = [key for key in keys if key not in self._current]
        self._current |= dict.fromkeys(missing)
        answers = []
        for (store, kind), ids in by_kind(missing).items():
            parameters = self._parameters(ids, store=store, kind=kind)
            answers.append(FIND_RECORDS.ask(self.connection, parameters))
        return answers

    def _hold_all(self, answers: Iterable[Callable[[], list[Line]]]) -> None:
        for rows in answers:
            for row in rows():
                self.hold(cast("RecordRow", row))

    def _parameters(self, ids: Iterable[int] | Iterable[str], **values: str) -> Line:
        """Return the parameters of a statement that looks for any number of ids: they are one parameter."""
        return {**values, "ids": ids_parameter(self.connection, ids)}

    def _insert(self, keys: list[RecordKey]) -> None:
        rows = []
        for (store, kind), ids in by_kind(keys).items():
            for external_id in ids:
                row = self._current[RecordKey(store, kind, external_id)]
                if row:
                    rows.append(row)
        for row, row_id in zip(rows, ADD_RECORD.returned(self.connection, rows), strict=True):
            if row_id is None:
                raise RacedError("the record was made by another process at the same time")
            row["id"] = row_id

    def _update(self, keys: list[RecordKey]) -> None:
        """Update rows. Those of which the same columns differ share a statement."""
        rows_by_columns: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for key in keys:
            row = self._current[key]
            if row is None:
                continue
            columns = differing_columns(self._stored[key], cast("RecordChange", row))
            if columns:
                rows_by_columns[tuple(sorted(columns))].append({**columns, "row_id": row["id"]})
        for names, rows in rows_by_columns.items():
            record_update(names).run(self.connection, rows)
