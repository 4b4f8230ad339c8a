"""Build a large ledger fast: families of a customer with orders, requests and consents, tagged by the rules alone.

Every family has one of a few dozen shapes, and its own ids. The tags of a shape are computed once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from hooks.ledger.codec import events_text
from hooks.ledger.database import Database
from hooks.ledger.records import RecordKey, blank
from hooks.ledger.tables import records
from hooks.ledger.tallies import fold_all
from hooks.retention.events import EventType, RecordEvent
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
from hooks.tagging.tagger import tag

STORES = ("no", "uk")
SHAPES = 50
FAMILY_SIZE = 20
"""Number of records of one family. Their ids follow one another, and the customer has the first one."""

CUSTOMER, ORDER = 700_000_000, 700_000_001
"""Placeholders in a shape: the id of the family's customer, and of the order that a request is about."""

INSERT_BATCH = 1000

EVENTS_BY_DIGIT: Mapping[int, tuple[EventType, ...]] = {
    1: ("hold",),
    2: ("erasure-requested",),
    3: ("objection",),
    4: ("restriction",),
    5: ("consent-withdrawn",),
    6: ("hold", "hold-lifted"),
}
"""Record events about the customer of a shape, by the last digit of the number of the shape."""

HELD_ORDER_DIGIT = 7
"""The last digit of the shapes in which one order has a hold, and not the customer."""

USUAL_KINDS = frozenset({"identity", "shipping", "note", "network"})
"""The kinds of data that most orders hold."""

Key = tuple[str, str, int]
"""Store, kind and id of a record."""


def key_of(row: Mapping[str, Any]) -> Key:
    """The store, kind and id of a row."""
    return row["store"], row["kind"], row["external_id"]


def family_rows(policy: Policy, families: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the columns of every record of `families` families, tagged by this policy. In every second family the
    customer comes first, in the others last."""
    shapes = [_shape_rows(shape, policy, now) for shape in range(min(SHAPES, families))]
    for number in range(families):
        rows = [_row_of_family(row, number) for row in shapes[number % SHAPES]]
        yield from rows if number % 2 else reversed(rows)


def fill_ledger(ledger: Database, rows: Iterator[dict[str, Any]]) -> None:
    """Insert the rows into an empty ledger, and fold the tallies, so that a worker has nothing to do."""
    with ledger.write() as connection:
        while chunk := list(islice(rows, INSERT_BATCH)):
            connection.execute(insert(records), chunk)
    fold_all(ledger)


@dataclass(frozen=True, slots=True)
class Member:
    """One record of a family. `is_owned`: it belongs to the customer. `subject`: the person or record it is about."""

    facts: Facts
    events: tuple[RecordEvent, ...] = ()
    is_owned: bool = False
    subject: Subject | None = None
    is_linked: bool = False


def _shape_rows(shape: int, policy: Policy, now: datetime) -> list[dict[str, Any]]:
    """The rows of one shape, with placeholders as ids. The customer's row is the last."""
    requests_of_customer = tuple(
        _event(kind, now, days)
        for days, kind in enumerate(reversed(EVENTS_BY_DIGIT.get(shape % 10, ())), 20)
    )
    rows = []
    for place, member in enumerate(_other_members(shape, now), 1):
        context = (
            Context(member.events, requests_of_customer, CUSTOMER)
            if member.is_owned
            else Context(member.events)
        )
        rows.append(_row(place, member, policy, context, now))
    requests = [row for row in rows if row["kind"] not in STORED_KINDS and row["customer_id"]]
    shown = tuple(entry for row in requests for entry in json.loads(row["entries"]))
    customer = Member(_customer(shape, now), requests_of_customer, is_linked=True)
    return [*rows, _row(0, customer, policy, Context(requests_of_customer, linked=shown), now)]


def _row(
    place: int, member: Member, policy: Policy, context: Context, now: datetime
) -> dict[str, Any]:
    _, columns = tag(member.facts, policy, context)
    row = blank(RecordKey(STORES[0], member.facts.kind, place), now - timedelta(days=1)) | columns
    row |= {
        "events": events_text(member.events),
        "linked": member.is_linked,
        "version": now - timedelta(days=2),
    }
    row["subject"] = str(member.subject) if member.subject else None
    if member.facts.kind in STORED_KINDS:
        row["known_digest"] = row["wanted_digest"]
    return {name: value for name, value in row.items() if name != "id"}


def _row_of_family(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The same row, with the ids of the family of this number."""
    first = number * FAMILY_SIZE + FAMILY_SIZE
    row = row | {"store": STORES[number // 2 % 2], "external_id": first + row["external_id"]}
    row["facts"] = (
        row["facts"].replace(str(CUSTOMER), str(first)).replace(str(ORDER), str(first + 1))
    )
    if row["customer_id"]:
        row["customer_id"] = first
    if row["subject"]:
        row["subject"] = (
            row["subject"].replace(str(CUSTOMER), str(first)).replace(str(ORDER), str(first + 1))
        )
    return row


def _event(kind: EventType, now: datetime, days: int) -> RecordEvent:
    reason, owner = ("tax audit", "finance") if kind == "hold" else ("", "")
    return RecordEvent(f"event-{days}", kind, now - timedelta(days=days), reason, owner)


def _customer(shape: int, now: datetime) -> CustomerFacts:
    signed_up = now - timedelta(days=900)
    # Some accounts are overdue for long, and no longer due by the policy that a test changes to.
    seen = now - timedelta(days=10 + 17 * shape)
    kinds = frozenset({"newsletter"} if shape % 2 else ())
    choices = (Choice(seen, given=shape % 4 == 1),) if shape % 2 else ()
    return CustomerFacts(signed_up, last_active_at=seen, kinds=kinds, choices=choices, meta_at=seen)


def _other_members(shape: int, now: datetime) -> list[Member]:
    """All records of a shape but the customer."""
    return [*_orders(shape, now), *_guests(shape, now), *_tool_records(shape, now)]


def _orders(shape: int, now: datetime) -> list[Member]:
    """The customer's orders. Requests are about the first one."""
    paid, unpaid = now - timedelta(days=20 + 5 * shape), _unpaid(shape, now)
    hold = (_event("hold", now, 15),) if shape % 10 == HELD_ORDER_DIGIT else ()
    first = OrderFacts(
        "completed", paid, paid, paid, CUSTOMER, USUAL_KINDS, meta_at=paid, payment="klarna"
    )
    return [
        Member(first, hold, is_owned=True, is_linked=True),
        Member(
            OrderFacts("pending", unpaid, customer_id=CUSTOMER, kinds=USUAL_KINDS, meta_at=unpaid),
            is_owned=True,
        ),
    ]


def _unpaid(shape: int, now: datetime) -> datetime:
    """The day of an unpaid order. Only in the first shape is it within days of its deletion."""
    return now - timedelta(days=350 if shape == 0 else 10 + 6 * shape)


def _guests(shape: int, now: datetime) -> list[Member]:
    """Orders without an account, in all states."""
    ago, long_ago = now - timedelta(days=20 + 5 * shape), now - timedelta(days=400 + 30 * shape)
    unpaid = now - timedelta(days=10 + 6 * shape)
    paid = [now - timedelta(days=7 + 29 * number + shape) for number in range(10)]
    return [
        Member(
            OrderFacts("refunded", long_ago, long_ago, refunds=(Refund(5, ago),), payment="bacs")
        ),
        Member(
            OrderFacts(
                "cancelled", unpaid, kinds=frozenset({"identity", "attribution"}), meta_at=unpaid
            )
        ),
        Member(OrderFacts("completed", ago, ago, kinds=USUAL_KINDS, trashed=True, meta_at=ago)),
        Member(
            OrderFacts("completed", long_ago, long_ago, kinds=frozenset({"note"}), erased_at=ago)
        ),
        *(
            Member(
                OrderFacts("processing", day, day, kinds=USUAL_KINDS, meta_at=day, payment="paypal")
            )
            for day in paid
        ),
    ]


def _tool_records(shape: int, now: datetime) -> list[Member]:
    """A request about the customer's order, a consent of the customer, and a consent of an unknown person."""
    ago = now - timedelta(days=20 + 5 * shape)
    order, customer, email = (
        Subject("order", str(ORDER)),
        Subject("customer", str(CUSTOMER)),
        Subject("email", "k" * 32),
    )
    given = (Choice(ago, given=True),)
    return [
        Member(
            SupportRequestFacts(ago, ago, subjects=frozenset({order})), is_owned=True, subject=order
        ),
        Member(
            ConsentFacts("marketing-consent", given, subjects=frozenset({customer})),
            is_owned=True,
            subject=customer,
        ),
        Member(ConsentFacts("cookie-consent", given, subjects=frozenset({email})), subject=email),
    ]
