"""The outline of facts, made from their text: facts with the same outline have the same tags."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hooks.ledger.codec import facts_text
from hooks.ledger.facts_outline import Outline, outline, read_methods
from hooks.retention.facts import (
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
from hooks.retention.recipients import matching_recipients
from hooks.retention.tags import Context
from hooks.tagging.tagger import tag, tag_without_context
from tests.unit.builders import at, customer, order
from tests.unit.test_tags import CUSTOMERS, ORDERS

OSLO = ZoneInfo("Europe/Oslo")


def told(facts: Facts, zone: tzinfo = OSLO) -> Outline:
    return outline(facts_text(facts), zone)


@given(facts=ORDERS | CUSTOMERS, moved=st.integers(0, 6 * 3600), another=st.integers(4, 9))
def test_facts_with_the_same_outline_have_the_same_tags(
    facts: OrderFacts | CustomerFacts, moved: int, another: int, policy: Policy
) -> None:
    other = _later(facts, timedelta(seconds=moved))
    if isinstance(other, OrderFacts):
        other = replace(other, customer_id=another, meta_at=at("2026-11-22"))
    assume(told(facts).text == told(other).text)
    (plan, columns), reach = tag_without_context(facts, policy)
    (other_plan, other_columns), other_reach = tag_without_context(other, policy)
    assert (plan, columns, reach) == (other_plan, other_columns, other_reach)


def _later(value: Any, by: timedelta) -> Any:
    """The same value with all instants moved by `by`."""
    match value:
        case datetime():
            return value + by
        case tuple():
            return tuple(_later(one, by) for one in value)
        case OrderFacts() | CustomerFacts() | Choice() | Refund():
            names = [name for name in type(value).__dataclass_fields__ if name != "kind"]
            return replace(value, **{name: _later(getattr(value, name), by) for name in names})
    return value


@given(facts=ORDERS | CUSTOMERS)
def test_tags_of_an_outline_equal_those_of_its_facts(
    facts: OrderFacts | CustomerFacts, policy: Policy
) -> None:
    """This includes the recipients, which follow from payment and carriers, and the owner."""
    found = told(facts)
    (plan, columns), reach = tag_without_context(facts, policy)
    right, expected = tag(facts, policy, Context(customer_id=found.customer_id))
    ways = read_methods(found.methods) if isinstance(facts, OrderFacts) else None
    made = columns | {
        "recipients": ",".join(matching_recipients(reach, ways, policy)),
        "customer_id": found.customer_id,
    }
    apart = ("role", "email_hash")  # fields that the text of facts does not have
    named = {name: value for name, value in expected.items() if name not in apart}
    assert (plan, made | {"facts": facts_text(facts)}) == (right, named)


ORDER = order(
    "completed",
    "2026-11-22",
    paid_at="2026-11-22",
    kinds="note",
    refunds={5: "2026-11-23"},
    payment="klarna",
)
SAME = {
    # The owner, the time at which `meta_data` was seen, the payment method, the carriers, and the ids of refunds.
    "customer": (ORDER, replace(ORDER, customer_id=7)),
    "meta": (ORDER, replace(ORDER, meta_at=at("2026-11-22"))),
    "payment": (ORDER, replace(ORDER, payment='a "quoted", way\\')),
    "carriers": (ORDER, replace(ORDER, carriers=frozenset({"ups", "[bring]"}))),
    "refund": (ORDER, replace(ORDER, refunds=(Refund(17, at("2026-11-23T09:00:00")),))),
    # Another time of the same day.
    "time": (ORDER, replace(ORDER, paid_at=at("2026-11-22T00:30:00.123456"))),
    "choice": (
        customer(choices={"2026-11-22T10:00:00": True}, meta_at="2026-11-22"),
        customer(choices={"2026-11-22T11:00:00": True}, meta_at="2026-11-21"),
    ),
    # The name that another tool gives to a request, and the address that it is about.
    "request": (
        SupportRequestFacts(
            at("2026-11-22"), name="ZD-7", subjects=frozenset({Subject("email", "k" * 32)})
        ),
        SupportRequestFacts(
            at("2026-11-22"),
            name='],"made_at":null',
            subjects=frozenset({Subject("email", "m" * 32)}),
        ),
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_an_outline_leaves_out_what_only_this_record_has(one: Facts, other: Facts) -> None:
    assert told(one).text == told(other).text


DIFFERENT = {
    "status": (ORDER, replace(ORDER, status="processing")),
    "kinds": (ORDER, replace(ORDER, kinds=frozenset({"network"}))),
    # 23:30 in UTC is the next day in Oslo.
    "day": (ORDER, replace(ORDER, paid_at=at("2026-11-22T23:30:00"))),
    "undated": (ORDER, replace(ORDER, refunds=(Refund(5),))),
    "given": (customer(choices={"2026-11-22": True}), customer(choices={"2026-11-22": False})),
    "consent": (
        ConsentFacts("cookie-consent", (Choice(at("2026-11-22"), given=True),)),
        ConsentFacts("cookie-consent", (Choice(at("2026-11-23"), given=True),)),
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_an_outline_keeps_what_the_rules_need(one: Facts, other: Facts) -> None:
    assert told(one).text != told(other).text


def test_payment_and_carriers_are_kept_beside_the_outline() -> None:
    facts = replace(ORDER, payment='odd "way', carriers=frozenset({"ups", "bring"}))
    assert read_methods(told(facts).methods) == ('odd "way', frozenset({"ups", "bring"}))
    assert read_methods(told(order()).methods) == ("", frozenset())
    assert told(replace(ORDER, customer_id=7)).customer_id == 7
    assert told(ORDER).customer_id is None


def test_an_hour_that_spans_two_local_days_stays_distinct() -> None:
    """Midnight in India is half past six in the evening in UTC."""
    before, after = (
        OrderFacts("pending", datetime(2026, 11, 22, 18, minute, tzinfo=UTC)) for minute in (29, 30)
    )
    assert told(before, ZoneInfo("Asia/Kolkata")).text != told(after, ZoneInfo("Asia/Kolkata")).text
    assert told(before).text == told(after).text
