"""What the ledger must say of a set of facts, worked out from the rules alone: no database, and no order of arrival."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from hooks.intake.webhook import Content, EventNote, OccurrenceReport
from hooks.ledger.codec import events_text
from hooks.retention.events import RecordEvent, events_in_force
from hooks.retention.facts import (
    NOT_PLACED,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    RecordKind,
    ReportedFacts,
    Snapshot,
    SupportRequestFacts,
)
from hooks.retention.merge import StoreFacts, merge, with_placed_order
from hooks.retention.policy import Policy
from hooks.retention.tags import Context
from hooks.retention.tool_reports import ToolReport, add_report
from hooks.tagging.tagger import tag

Key = tuple[RecordKind, int]
FactsOf = Mapping[Key, Facts]
EventsOf = Mapping[Key, tuple[RecordEvent, ...]]


def expected_columns(contents: Iterable[Content], policy: Policy) -> dict[Key, dict[str, Any]]:
    """By record, the columns that follow from all that was shown, reported and noted."""
    seen = tuple(contents)
    return columns_of(_shown(seen) | reports_of(seen), events_of(seen), policy)


def columns_of(
    facts: FactsOf, events: EventsOf, policy: Policy, addresses: Mapping[int, str] | None = None
) -> dict[Key, dict[str, Any]]:
    """By record, the columns that the policy gives for these facts, and for what bears on them; `addresses` are the
    keyed hashes of those of accounts."""
    reported_ones = {key: known for key, known in facts.items() if isinstance(known, ReportedFacts)}
    owners = {key: _owner(known, facts) for key, known in facts.items()}
    columns = {
        key: _columns(key, known, events, policy, _of_owner(owners[key], events, addresses or {}))
        for key, known in facts.items()
        if not isinstance(known, CustomerFacts)
    }
    linked = [
        (owners[key][0], entry) for key in sorted(reported_ones) for entry in _kept(columns[key])
    ]
    for key, known in facts.items():
        if isinstance(known, CustomerFacts):
            mine = tuple(entry for owner, entry in linked if owner == key[1])
            columns[key] = _columns(key, known, events, policy, Context(linked=mine))
    for key in events.keys() - facts.keys():
        columns[key] = {"state": "unknown", "facts": None, "events": events_text(events[key])}
    return columns


def _columns(
    key: Key, facts: Facts, events: EventsOf, policy: Policy, bears: Context
) -> dict[str, Any]:
    own = events.get(key, ())
    _, columns = tag(facts, policy, replace(bears, own=own))
    subject = {"subject": _subject(facts)} if isinstance(facts, ReportedFacts) else {}
    return columns | subject | {"events": events_text(own)}


def _kept(columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from json.loads(columns["entries"]) if columns["state"] == "active" else ()


Owner = tuple[int | None, str | None]
"""An account or, without one, the keyed hash of an address."""


def _of_owner(owner: Owner, events: EventsOf, addresses: Mapping[int, str]) -> Context:
    """What bears on a record because it is this owner's."""
    number, email_hash = owner
    accounts = [one for one, own in addresses.items() if own and own == email_hash]
    accounts = [number] if number else accounts
    person = [
        event for one in accounts for event in events_in_force(events.get(("customer", one), ()))
    ]
    return Context((), tuple(person), number, (), email_hash)


def _owner(facts: Facts, others: FactsOf) -> Owner:
    """Whose record it is: the order's customer or address, who is named, or the owner of the order that is named."""
    match facts:
        case OrderFacts():
            return facts.owner_id or None, None if facts.owner_id else facts.email_hash or None
        case SupportRequestFacts() | ConsentFacts():
            named = {one.kind: one.value for one in sorted(facts.subjects, reverse=True)}
            if "customer" in named:
                return int(named["customer"]), None
            order = others.get(("order", int(named["order"]))) if "order" in named else None
            owner = _owner(order, others) if isinstance(order, OrderFacts) else (None, None)
            return owner if any(owner) else (None, named.get("email"))
    return None, None


def _subject(facts: ReportedFacts) -> str | None:
    """A customer says more than an order, an order more than an e-mail."""
    named = sorted(str(subject) for subject in facts.subjects)
    return next(
        (
            name
            for kind in ("customer:", "order:", "email:")
            for name in named
            if name.startswith(kind)
        ),
        None,
    )


# What is known, taken together


def events_of(contents: Iterable[Content]) -> dict[Key, tuple[RecordEvent, ...]]:
    """By record, what was noted about it, each event once."""
    noted: dict[Key, dict[str, RecordEvent]] = {}
    for content in contents:
        if isinstance(content, EventNote):
            noted.setdefault((content.kind, content.external_id), {})[content.event.id] = (
                content.event
            )
    return {key: tuple(events.values()) for key, events in noted.items()}


def reports_of(contents: Iterable[Content]) -> dict[Key, Facts]:
    """By request or consent, the facts that were reported of it."""
    facts: dict[Key, Facts] = {}
    for content in contents:
        if isinstance(content, OccurrenceReport):
            key = (content.kind, content.external_id)
            assert content.at, "what carries no time is dated by its arrival"
            report = ToolReport(
                content.kind, content.occurrence, content.at, content.name, content.subject
            )
            facts[key] = add_report(cast("ReportedFacts | None", facts.get(key)), report)
    return facts


def _shown(contents: Iterable[Content]) -> dict[Key, Facts]:
    """By order and customer, the facts that its states tell, taken in the order in which they were."""
    states = sorted(
        (one for one in contents if isinstance(one, Snapshot)), key=lambda one: one.version
    )
    last: dict[Key, Snapshot] = {}
    facts: dict[Key, Facts] = {}
    for state in states:
        key = (state.facts.kind, state.external_id)
        known, version = (
            cast("StoreFacts | None", facts.get(key)),
            last[key].version if key in last else None,
        )
        facts[key], last[key] = merge(known, version, state, doubtful=False).facts, state
    orders = [order for order in facts.values() if isinstance(order, OrderFacts)]
    for order in orders:
        if order.owner_id and order.placed_at and order.status not in NOT_PLACED:
            key = ("customer", order.owner_id)
            facts[key] = with_placed_order(
                cast("CustomerFacts | None", facts.get(key)), order.placed_at
            )
    return facts
