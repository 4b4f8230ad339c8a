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
from hooks.ledger.outline import Outline, outline
from hooks.ledger.records import Persons, Values
from hooks.ledger.tagged import Known
from hooks.retention.facts import STORED_KINDS, CustomerFacts, Facts, OrderFacts, Subject
from hooks.tagging import Bearing

ALONE = Bearing()


class Source(Protocol):
    """Where it is looked up: what a transaction is about to write, or the ledger as it stands."""

    def events_of(self, store: str, customer_id: int) -> str:
        """What was asked for and decided about a customer (JSON)."""

    def owner_of(self, store: str, order_id: int) -> int | None:
        """The customer whose order this is, as far as that is known."""

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
        return cls(connection, Persons(connection, ((row["store"], row["customer_id"]) for row in rows)))

    def events_of(self, store: str, customer_id: int) -> str:
        """As `Source.events_of`."""
        return self.persons.events_of(store, customer_id)

    def owner_of(self, store: str, order_id: int) -> int | None:
        """As `Source.owner_of`."""
        return records.owner_of(self.connection, store, order_id)

    def linked_entries(self, store: str, customer_id: int) -> list[str]:
        """As `Source.linked_entries`."""
        return records.linked_entries(self.connection, store, customer_id)


def bearing(source: Source, known: Values, facts: Facts) -> Bearing:
    """What bears on one record."""
    own = read_events(known["events"])
    if isinstance(facts, CustomerFacts):
        linked = _linked(source, known) if known["linked"] else ()
        return Bearing(own=own, customer_id=None, linked=linked) if own or linked else ALONE
    customer_id = customer_of(source, known["store"], facts)
    if customer_id is None:
        return Bearing(own) if own else ALONE
    return Bearing(own, read_events(source.events_of(known["store"], customer_id)), customer_id)


def alone(persons: Persons, known: Known, zone: tzinfo) -> Outline | None:
    """What the facts say of a record on which nothing else bears, and which bears on no other; None of any other."""
    if known.facts is None or known.events != "[]" or (known.linked and known.kind == "customer"):
        return None
    if known.kind not in STORED_KINDS and _OTHERS.search(known.facts):
        return None
    told = outline(known.facts, zone)
    owner = known.customer_id
    if told.customer_id != owner or (owner and persons.events_of(known.store, owner) != "[]"):
        return None
    return told


_OTHERS = re.compile(r'"erased_at":|\["(?:customer|order)","')
"""In the facts of a request or a consent: it is about a record, or was erased, perhaps on the day of a choice."""


def _linked(source: Source, known: Values) -> tuple[dict[str, Any], ...]:
    texts = source.linked_entries(known["store"], known["external_id"])
    return tuple(entry for text in texts for entry in json.loads(text))


def customer_of(source: Source, store: str, facts: Facts) -> int | None:
    """The account whose record it is; None for a guest's, and where that is not known."""
    if isinstance(facts, CustomerFacts):
        return None
    if isinstance(facts, OrderFacts):
        return facts.owner_id or None
    named = {subject.kind: subject for subject in sorted(facts.subjects, reverse=True)}
    if "customer" in named:
        return int(named["customer"].value)
    return source.owner_of(store, int(named["order"].value)) if "order" in named else None


def main_subject(subjects: Iterable[Subject]) -> Subject | None:
    """Of several the one that says most: a customer before an order before an e-mail."""
    rank = {"customer": 0, "order": 1, "email": 2}
    return min(subjects, key=lambda subject: (rank[subject.kind], subject.value), default=None)
