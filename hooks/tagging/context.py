"""The context of a record: record events and linked entries that its tags depend on, looked up in the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from sqlalchemy import Connection

from hooks.ledger import records
from hooks.ledger.codec import read_events
from hooks.ledger.facts_outline import Outline, outline
from hooks.ledger.persons import Name, Owner, Persons
from hooks.ledger.prepared import Raw
from hooks.ledger.rows import RecordRow
from hooks.ledger.tagged_rows import RowHead
from hooks.retention.events import RecordEvent
from hooks.retention.facts import STORED_KINDS, CustomerFacts, Facts, OrderFacts, Subject
from hooks.retention.tags import NEUTRAL, Context


class ContextSource(Protocol):
    """The place where a context is looked up: a transaction with what it is about to write, or the ledger."""

    def person_events(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """List the events about a person, but not those that were noted about the record `but`."""

    def owner_of(self, store: str, order_id: int) -> Owner:
        """Find the owner of an order, as far as it is known."""

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """List the entries (JSON) of all requests and consents of a customer that are kept."""


@dataclass(frozen=True, slots=True)
class LedgerContext:
    """The ledger as it is stored. `persons` were looked up for all records that are asked about."""

    connection: Connection
    persons: Persons

    @classmethod
    def of_rows(cls, connection: Connection, rows: Iterable[RecordRow]) -> LedgerContext:
        """Look up the persons of these records."""
        return cls(connection, Persons(connection, map(owner_of_row, rows)))

    def person_events(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """As `ContextSource.person_events`."""
        return self.persons.about(owner, but=but)

    def owner_of(self, store: str, order_id: int) -> Owner:
        """As `ContextSource.owner_of`."""
        return Owner.of(store, *records.find_owner(self.connection, store, order_id))

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """As `ContextSource.linked_entries`."""
        return records.linked_entries(self.connection, store, customer_id)


def context_of(source: ContextSource, row: RecordRow, facts: Facts) -> Context:
    """Look up the context of one record."""
    own = read_events(row["events"])
    if isinstance(facts, CustomerFacts):
        return _account_context(source, row, own)
    owner = owner_of_record(source, row["store"], facts)
    if owner.is_nobody:
        return Context(own) if own else NEUTRAL
    person = source.person_events(owner, but=(row["kind"], row["external_id"]))
    return Context(own, person, owner.customer_id, (), owner.email_hash)


def _account_context(
    source: ContextSource, row: RecordRow, own: tuple[RecordEvent, ...]
) -> Context:
    store, customer_id = row["store"], row["external_id"]
    person = source.person_events(Owner(store, customer_id), but=("customer", customer_id))
    linked: list[dict[str, Any]] = []
    if row["linked"]:
        for text in source.linked_entries(store, customer_id):
            linked += json.loads(text)
    if not own and not person and not linked:
        return NEUTRAL
    return Context(own, person, None, tuple(linked))


def owner_of_record(source: ContextSource, store: str, facts: Facts) -> Owner:
    """Find the owner of a record that is no account.

    An order belongs to its customer, or else to its address. A request or a consent belongs to the person that it is
    about.
    """
    match facts:
        case CustomerFacts():
            raise TypeError("an account is its own owner")
        case OrderFacts():
            return Owner.of(store, facts.owner_id, facts.email_hash)
    subjects = {subject.kind: subject for subject in sorted(facts.subjects, reverse=True)}
    if "customer" in subjects:
        return Owner(store, int(subjects["customer"].value))
    if "order" in subjects:
        owner = source.owner_of(store, int(subjects["order"].value))
        if not owner.is_nobody:
            return owner
    email = subjects.get("email")
    return Owner(store, None, email.value if email else None)


def owner_of_row(row: RecordRow) -> Owner:
    """Find the owner of a record by the columns of its row."""
    if row["kind"] == "customer":
        return Owner(row["store"], row["external_id"])
    return Owner.of(row["store"], row["customer_id"], row["email_hash"])


def outline_without_context(persons: Persons, head: RowHead, zone: tzinfo) -> Outline | None:
    """Outline the facts of a record that has no context, and is in the context of no other; None of any other."""
    if head.facts is None or head.events != "[]" or (head.linked and head.kind == "customer"):
        return None
    if head.kind not in STORED_KINDS and _HAS_CONTEXT.search(head.facts):
        return None
    outlined = outline(head.facts, zone)
    if outlined.customer_id != head.customer_id:
        return None
    events = persons.about(_owner_of_head(head), but=(head.kind, head.external_id))
    return None if events else outlined


def _owner_of_head(head: RowHead) -> Owner:
    """As `owner_of_row`."""
    if head.kind == "customer":
        return Owner(head.store, head.external_id)
    return Owner.of(head.store, head.customer_id, head.email_hash)


def persons_of(connection: Connection, rows: Iterable[Raw]) -> Persons:
    """Look up the persons whose records these rows are. Each row begins with the columns of `RowHead`."""
    return Persons(connection, (_owner_of_head(RowHead.of(row)) for row in rows))


_HAS_CONTEXT = re.compile(r'"erased_at":|\["(?:customer|order)","')
"""In the facts of a request or a consent: it is about a record, or was erased, perhaps on the day of a choice."""


def main_subject(subjects: Iterable[Subject]) -> Subject | None:
    """Return the subject that says most: a customer before an order before an e-mail."""
    rank = {"customer": 0, "order": 1, "email": 2}
    return min(subjects, key=lambda subject: (rank[subject.kind], subject.value), default=None)
