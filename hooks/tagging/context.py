"""What bears on a record besides its own facts, gathered from the ledger."""

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
from hooks.ledger.records import Values
from hooks.ledger.tagged_rows import Known
from hooks.retention.events import RecordEvent
from hooks.retention.facts import STORED_KINDS, CustomerFacts, Facts, OrderFacts, Subject
from hooks.tagging.tags import Bearing

ALONE = Bearing()


class Source(Protocol):
    """Where it is looked up: what a transaction is about to write, or the ledger as it stands."""

    def person_events(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """All that was asked for and decided about a person; without what was so `but` one record."""

    def owner_of(self, store: str, order_id: int) -> Owner:
        """Find the owner of an order, as far as that is known."""

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """The entries (JSON) of all requests and consents of a customer that are kept."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The ledger as it stands; `persons` were looked up for all the records that are asked about."""

    connection: Connection
    persons: Persons

    @classmethod
    def about(cls, connection: Connection, rows: Iterable[Values]) -> Reading:
        """For these records."""
        return cls(connection, Persons(connection, map(owner_of_row, rows)))

    def person_events(self, owner: Owner, *, but: Name | None = None) -> tuple[RecordEvent, ...]:
        """As `Source.person_events`."""
        return self.persons.about(owner, but=but)

    def owner_of(self, store: str, order_id: int) -> Owner:
        """As `Source.owner_of`."""
        return Owner.of(store, *records.owner_of(self.connection, store, order_id))

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """As `Source.linked_entries`."""
        return records.linked_entries(self.connection, store, customer_id)


def bearing(source: Source, known: Values, facts: Facts) -> Bearing:
    """What bears on one record."""
    own = read_events(known["events"])
    owner = owner_of_record(source, known, facts)
    person = (
        ()
        if owner.is_nobody
        else source.person_events(owner, but=(known["kind"], known["external_id"]))
    )
    if isinstance(facts, CustomerFacts):
        linked = _linked(source, known) if known["linked"] else ()
        return Bearing(own, person, None, linked) if own or person or linked else ALONE
    return (
        Bearing(own, person, owner.customer_id, (), owner.email_hash)
        if own or not owner.is_nobody
        else ALONE
    )


def owner_of_record(source: Source, known: Values, facts: Facts) -> Owner:
    """Find the owner of a record: an order's by its customer, or else its address; a request's by whom it is about."""
    store = known["store"]
    match facts:
        case CustomerFacts():
            return Owner(store, known["external_id"])
        case OrderFacts():
            return Owner.of(store, facts.owner_id, facts.email_hash)
    named = {subject.kind: subject for subject in sorted(facts.subjects, reverse=True)}
    if "customer" in named:
        return Owner(store, int(named["customer"].value))
    if (
        "order" in named
        and not (owner := source.owner_of(store, int(named["order"].value))).is_nobody
    ):
        return owner
    return Owner(store, None, named["email"].value if "email" in named else None)


def owner_of_row(row: Values) -> Owner:
    """Find the owner of a record, by what the ledger has noted."""
    if row["kind"] == "customer":
        return Owner(row["store"], row["external_id"])
    return Owner.of(row["store"], row["customer_id"], row["email_hash"])


def alone(persons: Persons, known: Known, zone: tzinfo) -> Outline | None:
    """What the facts say of a record on which nothing else bears, and which bears on no other; None of any other."""
    if known.facts is None or known.events != "[]" or (known.linked and known.kind == "customer"):
        return None
    if known.kind not in STORED_KINDS and _OTHERS.search(known.facts):
        return None
    told = outline(known.facts, zone)
    if told.customer_id != known.customer_id:
        return None
    return (
        None if persons.about(owner_of_known(known), but=(known.kind, known.external_id)) else told
    )


def owner_of_known(known: Known) -> Owner:
    """As `owner_of_row`."""
    if known.kind == "customer":
        return Owner(known.store, known.external_id)
    return Owner.of(known.store, known.customer_id, known.email_hash)


def persons_of(connection: Connection, rows: Iterable[Raw]) -> Persons:
    """The persons whose records these are, of which each row begins as `Known` does."""
    return Persons(connection, (owner_of_known(Known.of(row)) for row in rows))


_OTHERS = re.compile(r'"erased_at":|\["(?:customer|order)","')
"""In the facts of a request or a consent: it is about a record, or was erased, perhaps on the day of a choice."""


def _linked(source: Source, known: Values) -> tuple[dict[str, Any], ...]:
    texts = source.linked_entries(known["store"], known["external_id"])
    return tuple(entry for text in texts for entry in json.loads(text))


def main_subject(subjects: Iterable[Subject]) -> Subject | None:
    """Of several the one that says most: a customer before an order before an e-mail."""
    rank = {"customer": 0, "order": 1, "email": 2}
    return min(subjects, key=lambda subject: (rank[subject.kind], subject.value), default=None)
