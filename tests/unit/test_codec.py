"""Facts and entries as text in the ledger: nothing is lost, and equal values have equal texts."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.ledger.codec import entries_text, entry_dict, facts_text, read_entries, read_facts
from hooks.retention.facts import (
    KNOWN_STATUSES,
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
from tests.unit.builders import at, customer, order, planned

instants = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis wants them without a zone
    datetime(2998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
maybe = st.none() | instants
choices = st.lists(st.builds(Choice, instants, st.booleans()), max_size=4).map(tuple)
ids = st.integers(1, 2**63 - 1)
orders = st.builds(
    OrderFacts,
    status=st.sampled_from([*sorted(KNOWN_STATUSES), "unknown"]),
    created_at=instants,
    paid_at=maybe,
    completed_at=maybe,
    customer_id=st.just(0) | ids,
    kinds=st.frozensets(
        st.sampled_from(["identity", "shipping", "note", "network", "attribution", "newsletter"])
    ),
    trashed=st.booleans(),
    refunds=st.lists(st.builds(Refund, ids, maybe), max_size=3).map(tuple),
    choices=choices,
    erased_at=maybe,
    meta_at=maybe,
)
customers = st.builds(
    CustomerFacts,
    created_at=maybe,
    staff=st.booleans(),
    last_active_at=maybe,
    last_order_at=maybe,
    kinds=st.frozensets(st.just("newsletter")),
    choices=choices,
    meta_at=maybe,
)
anything = orders | customers | st.builds(SupportRequestFacts, closed_at=instants)


@given(anything)
def test_facts_are_read_back_as_they_were_written(facts: Facts) -> None:
    assert read_facts(facts.kind, facts_text(facts)) == facts


@given(anything)
def test_writing_again_gives_the_same_text(facts: Facts) -> None:
    text = facts_text(facts)
    assert facts_text(read_facts(facts.kind, text)) == text


def test_the_same_instant_in_another_zone_is_the_same_text() -> None:
    facts = order(paid_at="2026-11-22")
    assert facts.paid_at
    oslo = replace(facts, paid_at=facts.paid_at.astimezone(timezone(timedelta(hours=1))))
    assert facts_text(oslo) == facts_text(facts)


def test_the_text_does_not_depend_on_the_order_of_kinds() -> None:
    assert facts_text(order(kinds="note identity shipping")) == facts_text(
        order(kinds="shipping note identity")
    )


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        # Empty values are left out: they are the defaults of the facts.
        (
            order("pending", "2026-11-22"),
            '{"created_at":"2026-11-22T12:00:00+00:00","status":"pending"}',
        ),
        (customer(None), "{}"),
        (
            customer(None, last_order_at="2026-11-22", choices={"2026-11-20": False}),
            '{"choices":[["2026-11-20T12:00:00+00:00",0]],"last_order_at":"2026-11-22T12:00:00+00:00"}',
        ),
        (
            order("completed", "2026-11-22", refunds={5: None}, trashed=True, customer_id=3),
            '{"created_at":"2026-11-22T12:00:00+00:00","customer_id":3,"refunds":[[5,null]],"status":"completed",'
            '"trashed":true}',
        ),
    ],
)
def test_exact_text_of_facts(facts: Facts, text: str) -> None:
    """The ledger's rows outlive the code that wrote them."""
    assert facts_text(facts) == text
    assert read_facts(facts.kind, text) == facts


def test_every_field_of_facts_is_written() -> None:
    """A fact that is added to the facts and forgotten here would be lost at the next delivery. The role of an ignored
    account has a column of its own, and hashes of addresses are kept apart."""
    full_order = order(
        paid_at="2026-11-22", completed_at="2026-11-22", customer_id=1, kinds="note", trashed=True, refunds={1: None},
        choices={"2026-11-22": True}, erased_at="2026-11-22", meta_at="2026-11-22",
        payment="paypal", carriers=frozenset({"ups"}), oddities=frozenset({"date_paid"}), was_paid=True,
        carried=(("paid_at", at("2026-11-21")),), former_customer_id=7, first_seen_at="2026-11-20",
    )  # fmt: skip
    full_customer = customer(
        staff=True, last_active_at="2026-11-22", last_order_at="2026-11-22", kinds="newsletter",
        choices={"2026-11-22": True}, meta_at="2026-11-22", oddities=frozenset({"meta_data"}),
        first_seen_at="2026-11-20",
    )  # fmt: skip
    reported: dict[str, Any] = {
        "erased_at": at("2026-11-23"), "name": "ZD-7", "subjects": frozenset({Subject("customer", "7")})
    }  # fmt: skip
    full_request = SupportRequestFacts(at("2026-11-21"), at("2026-11-22"), **reported)
    full_consent = ConsentFacts(
        "cookie-consent", (Choice(at("2026-11-22"), given=True),), **reported
    )
    apart = {"kind", "role", "email_hash", "email_hashes"}
    for facts in (full_order, full_customer, full_request, full_consent):
        assert read_facts(facts.kind, facts_text(facts)) == facts
        assert set(json.loads(facts_text(facts))) == {field.name for field in fields(facts)} - apart


def test_entries_have_the_json_of_the_ledger_and_the_api(policy: Policy) -> None:
    plan = planned(
        order("completed", "2026-11-22", paid_at="2026-11-22", kinds="note attribution"), policy
    )
    payment, note, marketing = json.loads(entries_text(plan.entries))
    assert payment == {
        "rule": "order-paid",
        "data": "order-payment",
        "purpose": "accounting",
        "basis": "legal-obligation",
        "class": "orders-accounting",
        "event": "accounting-year-end",
        "from": "2026-12-31",
        "review_after": None,
        "delete_after": "2031-12-31",
        "until": None,
        "action": "erase",
        "governs": True,
        "reason": plan.entries[0].reason,
    }
    assert (note["review_after"], note["delete_after"]) == ("2027-11-22", "2029-11-22")
    assert (marketing["delete_after"], marketing["until"]) == (None, "consent-withdrawn")
    assert [payment, note, marketing] == [entry_dict(entry) for entry in plan.entries]


def test_entries_are_read_back_one_by_one(policy: Policy) -> None:
    entries = planned(
        order("completed", "2026-11-22", paid_at="2026-11-22", kinds="note attribution"), policy
    ).entries
    strange = replace(entries[0], reason='a hold ("},{"action":"none") [by] \\')
    for some in ((), entries[:1], entries, (*entries, strange, strange)):
        assert read_entries(entries_text(some)) == json.loads(entries_text(some))


def test_the_law_is_written_without_escapes(policy: Policy) -> None:
    assert "bokføringsloven §" in entries_text(planned(order(), policy).entries)
