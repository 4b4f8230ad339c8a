"""The records of a five-year-old shop: for each day a customer with orders, guests' orders, and a request.

As in `tests.support.large_ledger`, only the rules tag them. But they are spread over all days, as in a real ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hooks.ledger.codec import events_text
from hooks.ledger.records import RecordKey, blank
from hooks.retention.facts import (
    STORED_KINDS,
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    Refund,
    Subject,
    SupportRequestFacts,
)
from hooks.retention.policy import Policy
from hooks.retention.tags import Context
from hooks.tagging.changes import explain_change
from hooks.tagging.tagger import tag

SLUG = "shop"
DAYS = 1825
FAMILY_SIZE = 10
"""Number of records of a family. The customer is the first one."""

CUSTOMER = 700_000_000
"""Placeholder for the id of the family's customer."""

NOON = "T12:00:00"
"""Placeholder for the time of day of all events."""

LAST_DAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""The day before the deliveries of `tests.bench.traffic`. It does not depend on the day of the measurement."""

_LINKED_EVERY = 4
"""In one of so many families the request or consent is about the customer, in the others about a stranger."""


def family_rows(day: int, policy: Policy) -> list[dict[str, Any]]:
    """The columns of the records of a family whose first order is of this day of the shop, 0 to DAYS - 1; with
    them a `reason` for the history."""
    at = LAST_DAY - timedelta(days=DAYS - 1 - day)
    linked = day % _LINKED_EVERY == 0
    other_rows = [
        _row(place, facts, policy, Context())
        for place, facts in enumerate(_other_records(at, day, linked=linked), 1)
    ]
    shown = tuple(json.loads(other_rows[-1]["entries"])) if linked else ()
    customer = _row(0, _customer(at, day), policy, Context(customer_id=None, linked=shown))
    return [customer | {"linked": linked}, *other_rows]


def _row(place: int, facts: Facts, policy: Policy, bearing: Context) -> dict[str, Any]:
    """One row in the state after the push."""
    subject = (
        next(iter(facts.subjects), None)
        if isinstance(facts, SupportRequestFacts | ConsentFacts)
        else None
    )
    owner = facts.customer_id if isinstance(facts, OrderFacts) else 0
    if subject and subject.kind == "customer":
        owner = CUSTOMER
    blank_row = blank(RecordKey(SLUG, facts.kind, place), _seen(facts))
    plan, columns = tag(facts, policy, Context(customer_id=owner or None, linked=bearing.linked))
    row = (
        blank_row
        | columns
        | {"events": events_text(()), "version": _seen(facts), "subject": subject and str(subject)}
    )
    if facts.kind in STORED_KINDS:
        row |= {"known_digest": row["wanted_digest"], "known_version": row["version"]}
    return row | {"reason": explain_change(blank_row, columns, plan)}


def _seen(facts: Facts) -> datetime:
    """The last day that the facts themselves hold."""
    match facts:
        case OrderFacts():
            return facts.erased_at or facts.completed_at or facts.created_at or LAST_DAY
        case CustomerFacts():
            return facts.last_active_at or LAST_DAY
    return facts.since or LAST_DAY


def _customer(at: datetime, day: int) -> CustomerFacts:
    """An account that was active within the last 23 months. Others were deleted."""
    active = max(at, LAST_DAY - timedelta(days=(day * 7) % 690))
    choices = (Choice(active, given=True),) if day % 4 == 1 else ()
    kinds = frozenset({"newsletter"} if choices else ())
    return CustomerFacts(at, last_active_at=active, kinds=kinds, choices=choices, meta_at=active)


def _other_records(at: datetime, day: int, *, linked: bool) -> Iterator[Facts]:
    """All records but the customer: four orders of theirs, four of guests, and a request or a consent."""
    for number, payment in enumerate(("klarna_payments", "stripe", "ppcp-gateway")):
        yield _paid(
            min(at + timedelta(days=40 * number), LAST_DAY), day + number, payment, CUSTOMER
        )
    yield _refunded(at, day)
    for number, payment in enumerate(("stripe", "bacs", "klarna_payments")):
        yield _paid(at, day + number, payment, 0)
    yield _unpaid(at)
    yield _tool_record(
        at, day, Subject("customer", str(CUSTOMER)) if linked else Subject("email", "k" * 32)
    )


def _paid(at: datetime, day: int, payment: str, customer: int) -> OrderFacts:
    sent_at = min(at + timedelta(days=1 + day % 4), LAST_DAY)
    kinds = _kinds(at, day)
    carrier = ("dhl_express", "bring_shipping", "flexible_shipping_ups", "local_pickup")[day % 4]
    carriers = frozenset({carrier} if "shipping" in kinds else ())
    return OrderFacts(
        "completed",
        at,
        at,
        sent_at,
        customer,
        kinds,
        meta_at=sent_at,
        payment=payment,
        carriers=carriers,
    )


def _refunded(at: datetime, day: int) -> OrderFacts:
    refunded_at = min(at + timedelta(days=14 + day % 20), LAST_DAY)
    refunds, kinds = (Refund(5, refunded_at),), _kinds(at, day)
    return OrderFacts(
        "refunded",
        at,
        at,
        at,
        CUSTOMER,
        kinds,
        refunds=refunds,
        meta_at=refunded_at,
        payment="stripe",
    )


def _unpaid(at: datetime) -> OrderFacts:
    """A cancelled order, which the store erases after eleven months."""
    cancelled_until = at + timedelta(days=335)
    erased = cancelled_until if cancelled_until < LAST_DAY else None
    kinds = frozenset({"identity", "shipping"}) if erased is None else frozenset[str]()
    return OrderFacts("cancelled", at, kinds=kinds, erased_at=erased)


def _kinds(at: datetime, day: int) -> frozenset[str]:
    """The kinds of data of an order. Every seventh order is not shipped, every fifth has a note.

    The visitor's address goes after eleven months, the note after some three years.
    """
    age = (LAST_DAY - at).days
    kinds = {"identity"} | ({"shipping"} if day % 7 else set())
    kinds |= {"network", "attribution"} if age < 335 else set()
    kinds |= {"note"} if day % 5 == 0 and age < 1000 else set()
    return frozenset(kinds)


def _tool_record(at: datetime, day: int, subject: Subject) -> Facts:
    """A request or consent of the last two years."""
    made = max(at, LAST_DAY - timedelta(days=(day * 11) % 700))
    subjects, given = frozenset({subject}), (Choice(made, given=True),)
    match day % 3:
        case 0:
            return SupportRequestFacts(made, made, subjects=subjects)
        case 1:
            return ConsentFacts("marketing-consent", given, subjects=subjects)
    return ConsentFacts("cookie-consent", given, subjects=subjects)
