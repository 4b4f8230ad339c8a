"""A large ledger, made fast: families of a customer with orders, requests and consents, tagged by the rules alone.

Every family is one of a few dozen shapes, with ids of its own: what the rules make of a shape is worked out once.
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
FAMILY = 20
"""Records of one family. Its customer is the first of them, and all have ids of the same twenty."""

CUSTOMER, ORDER = 700_000_000, 700_000_001
"""Stand in a shape for the ids of the family's customer and of the order that a request is about."""

AT_ONCE = 1000

ASKED: Mapping[int, tuple[EventType, ...]] = {
    1: ("hold",),
    2: ("erasure-requested",),
    3: ("objection",),
    4: ("restriction",),
    5: ("consent-withdrawn",),
    6: ("hold", "hold-lifted"),
}
"""What the customer of a shape asked for, or what was decided about them, by the last digit of the shape."""

HELD_ORDER = 7
"""The last digit of the shapes in which not the customer is held, but one order."""

FULL = frozenset({"identity", "shipping", "note", "network"})
"""What most orders hold."""

Key = tuple[str, str, int]
"""Store, kind and id of a record."""


def key_of(row: Mapping[str, Any]) -> Key:
    """What a record is known by."""
    return row["store"], row["kind"], row["external_id"]


def crowd(policy: Policy, families: int, now: datetime) -> Iterator[dict[str, Any]]:
    """The columns of every record of so many families, by this policy; requests before the customer, or after."""
    shapes = [_tagged(shape, policy, now) for shape in range(min(SHAPES, families))]
    for number in range(families):
        rows = [_named(row, number) for row in shapes[number % SHAPES]]
        yield from rows if number % 2 else reversed(rows)


def fill(ledger: Database, rows: Iterator[dict[str, Any]]) -> None:
    """Put the rows into a ledger that has none of them, and leave nothing for a worker to do."""
    with ledger.write() as connection:
        while chunk := list(islice(rows, AT_ONCE)):
            connection.execute(insert(records), chunk)
    fold_all(ledger)


@dataclass(frozen=True, slots=True)
class Member:
    """One record of a family: whether it is its customer's, and whom it is about where it is a request."""

    facts: Facts
    own: tuple[RecordEvent, ...] = ()
    owned: bool = False
    subject: Subject | None = None
    linked: bool = False


def _tagged(shape: int, policy: Policy, now: datetime) -> list[dict[str, Any]]:
    """The rows of one shape, the customer's last; ids are those that stand for others."""
    asked = tuple(
        _event(kind, now, days) for days, kind in enumerate(reversed(ASKED.get(shape % 10, ())), 20)
    )
    rows = []
    for place, member in enumerate(_family(shape, now), 1):
        bearing = Context(member.own, asked, CUSTOMER) if member.owned else Context(member.own)
        rows.append(_row(place, member, policy, bearing, now))
    requests = [row for row in rows if row["kind"] not in STORED_KINDS and row["customer_id"]]
    shown = tuple(entry for row in requests for entry in json.loads(row["entries"]))
    customer = Member(_customer(shape, now), asked, linked=True)
    return [*rows, _row(0, customer, policy, Context(asked, linked=shown), now)]


def _row(
    place: int, member: Member, policy: Policy, bearing: Context, now: datetime
) -> dict[str, Any]:
    _, columns = tag(member.facts, policy, bearing)
    row = blank(RecordKey(STORES[0], member.facts.kind, place), now - timedelta(days=1)) | columns
    row |= {
        "events": events_text(member.own),
        "linked": member.linked,
        "version": now - timedelta(days=2),
    }
    row["subject"] = str(member.subject) if member.subject else None
    if member.facts.kind in STORED_KINDS:
        row["known_digest"] = row["wanted_digest"]
    return {name: value for name, value in row.items() if name != "id"}


def _named(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The same row in the family of this number."""
    first = number * FAMILY + FAMILY
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
    seen = now - timedelta(days=10 + 17 * shape)  # some are due since long, and will no longer be
    kinds = frozenset({"newsletter"} if shape % 2 else ())
    choices = (Choice(seen, given=shape % 4 == 1),) if shape % 2 else ()
    return CustomerFacts(signed_up, last_active_at=seen, kinds=kinds, choices=choices, meta_at=seen)


def _family(shape: int, now: datetime) -> list[Member]:
    """All but the customer."""
    return [*_orders(shape, now), *_guests(shape, now), *_reported(shape, now)]


def _orders(shape: int, now: datetime) -> list[Member]:
    """The customer's, the one that requests are about first."""
    paid, unpaid = now - timedelta(days=20 + 5 * shape), _unpaid(shape, now)
    hold = (_event("hold", now, 15),) if shape % 10 == HELD_ORDER else ()
    first = OrderFacts(
        "completed", paid, paid, paid, CUSTOMER, FULL, meta_at=paid, payment="klarna"
    )
    return [
        Member(first, hold, owned=True, linked=True),
        Member(
            OrderFacts("pending", unpaid, customer_id=CUSTOMER, kinds=FULL, meta_at=unpaid),
            owned=True,
        ),
    ]


def _unpaid(shape: int, now: datetime) -> datetime:
    """None is within days of where a policy would make it due, but for those of the first shape."""
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
        Member(OrderFacts("completed", ago, ago, kinds=FULL, trashed=True, meta_at=ago)),
        Member(
            OrderFacts("completed", long_ago, long_ago, kinds=frozenset({"note"}), erased_at=ago)
        ),
        *(
            Member(OrderFacts("processing", day, day, kinds=FULL, meta_at=day, payment="paypal"))
            for day in paid
        ),
    ]


def _reported(shape: int, now: datetime) -> list[Member]:
    """A request about the customer's order, a consent of the customer, and one of nobody who is known."""
    ago = now - timedelta(days=20 + 5 * shape)
    order, customer, email = (
        Subject("order", str(ORDER)),
        Subject("customer", str(CUSTOMER)),
        Subject("email", "k" * 32),
    )
    given = (Choice(ago, given=True),)
    return [
        Member(
            SupportRequestFacts(ago, ago, subjects=frozenset({order})), owned=True, subject=order
        ),
        Member(
            ConsentFacts("marketing-consent", given, subjects=frozenset({customer})),
            owned=True,
            subject=customer,
        ),
        Member(ConsentFacts("cookie-consent", given, subjects=frozenset({email})), subject=email),
    ]
