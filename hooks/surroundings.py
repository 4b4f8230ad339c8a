"""What bears on a record besides its own facts, gathered from the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from hooks.ledger import records
from hooks.ledger.codec import read_events
from hooks.ledger.records import Values
from hooks.planning import Bearing
from hooks.retention.facts import CustomerFacts, Facts, OrderFacts, Subject

ALONE = Bearing()

Persons = Mapping[int, str]
"""By customer, what was asked for and decided about them, as the ledger has it."""


def bearing(connection: Connection, known: Values, facts: Facts, persons: Persons | None = None) -> Bearing:
    """What bears on one record. `persons`: of whose events there are any, where that was looked up already."""
    if isinstance(facts, CustomerFacts):
        linked = _linked(connection, known) if known["linked"] else ()
        return Bearing(own=read_events(known["events"]), customer_id=None, linked=linked)
    customer_id = customer_of(connection, known["store"], facts)
    if customer_id is None:
        return Bearing(read_events(known["events"])) if known["events"] != "[]" else ALONE
    if persons is None:
        persons = records.lock_events_of(connection, known["store"], customer_id)
    elif customer_id != known["customer_id"]:
        persons = records.events_of(connection, known["store"], [customer_id])
    return Bearing(read_events(known["events"]), read_events(persons.get(customer_id, "[]")), customer_id)


def persons_of(connection: Connection, rows: Iterable[Values]) -> dict[str, Persons]:
    """By store, what was asked for and decided about the customers whose records these are."""
    customers: dict[str, set[int]] = {}
    for row in rows:
        customers.setdefault(row["store"], set())
        if row["customer_id"]:
            customers[row["store"]].add(row["customer_id"])
    return {store: records.events_of(connection, store, ids) if ids else {} for store, ids in customers.items()}


def _linked(connection: Connection, known: Values) -> tuple[dict[str, Any], ...]:
    texts = records.linked_entries(connection, known["store"], known["external_id"])
    return tuple(entry for text in texts for entry in json.loads(text))


def customer_of(connection: Connection, store: str, facts: Facts) -> int | None:
    """The account whose record it is; None for a guest's, and where that is not known."""
    if isinstance(facts, CustomerFacts):
        return None
    if isinstance(facts, OrderFacts):
        return facts.customer_id or None
    named = {subject.kind: subject for subject in sorted(facts.subjects, reverse=True)}
    if "customer" in named:
        return int(named["customer"].value)
    return records.owner_of(connection, store, int(named["order"].value)) if "order" in named else None


def main_subject(subjects: Iterable[Subject]) -> Subject | None:
    """Of several the one that says most: a customer before an order before an e-mail."""
    rank = {"customer": 0, "order": 1, "email": 2}
    return min(subjects, key=lambda subject: (rank[subject.kind], subject.value), default=None)
