"""The effects of holds, requests, objections, restrictions and consents on dates, in any order of arrival."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.ledger.codec import events_text, read_events
from hooks.retention.classify import classify
from hooks.retention.effects import answer_by, describe_event
from hooks.retention.events import TYPES, EventType, RecordEvent, standing_of
from hooks.retention.facts import (
    Choice,
    ConsentFacts,
    CustomerFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Policy
from hooks.retention.recipients import recipients_of
from hooks.retention.schedule import Entry, Schedule
from hooks.retention.tags import Context
from hooks.retention.tool_reports import ToolReport, add_report, number_of
from hooks.tagging.tagger import tag
from schemas.policy import load_policy
from tests.conftest import POLICY_FILE
from tests.unit.builders import at, customer, order

SHIPPED = load_policy(POLICY_FILE)
CONTACT = "identity-contact (contact)"
PAID = order(
    "completed",
    "2026-03-01",
    paid_at="2026-03-01",
    kinds="identity contact shipping note network attribution",
)
UNPAID = order("pending", "2026-03-01", kinds="identity contact")
CANCELLED = replace(UNPAID, status="cancelled")
PROOF = {"consent-evidence", "cookie-consent-logs"}
ACCOUNT = customer("2026-01-10", last_active_at="2026-11-22", kinds="newsletter")


def event(type_: EventType, day: str = "2026-11-23", id_: str = "", **more: Any) -> RecordEvent:
    """A record event at noon of a day."""
    if type_ == "hold":
        more = {"reason": "litigation", "owner": "legal", "review_on": date(2027, 5, 1)} | more
    return RecordEvent(id_ or f"{type_}-{day}", type_, at(day), **more)


def planned(
    facts: Facts, policy: Policy, *own: RecordEvent, person: tuple[RecordEvent, ...] = ()
) -> Schedule:
    since = facts.created_at if isinstance(facts, OrderFacts) else None
    return classify(facts, policy, standing_of(own, person, since=since))


def entries(plan: Schedule) -> dict[str, Entry]:
    """The entries by name, without proof of consent."""
    return {entry.name: entry for entry in plan.entries if entry.retention_class not in PROOF}


def proof(plan: Schedule) -> list[tuple[str, str, str]]:
    """The entries that are proof of a consent to marketing: data, first day and last day."""
    found = [entry for entry in plan.entries if entry.retention_class == "consent-evidence"]
    return [(entry.data, str(entry.runs_from), str(entry.delete_after)) for entry in found]


# --- one month -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "by"),
    [("2026-11-23", "2026-12-23"), ("2026-01-31", "2026-02-28"), ("2024-01-31", "2024-02-29")],
)
def test_a_request_is_answered_within_a_calendar_month(received: str, by: str) -> None:
    assert str(answer_by(date.fromisoformat(received))) == by


def test_erasure_keeps_data_under_a_legal_obligation_and_says_why(policy: Policy) -> None:
    plan = planned(PAID, policy, event("erasure-requested"))
    kept, gone = entries(plan)["order-payment"], entries(plan)[CONTACT]
    assert (str(kept.delete_after), kept.event) == ("2031-12-31", "accounting-year-end")
    assert kept.reason.endswith(
        "; erasure requested on 2026-11-23, yet kept under a legal obligation, GDPR Art. 17(3)(b)"
    )
    # It keeps the event and the day from which it runs.
    assert (gone.event, str(gone.runs_from)) == ("accounting-year-end", "2026-12-31")
    assert (str(gone.delete_after), gone.until, str(gone.requested_on)) == (
        "2026-12-23",
        None,
        "2026-11-23",
    )
    assert gone.reason == (
        "Erasure requested on 2026-11-23; to be erased by 2026-12-23, one month later; GDPR Art. 17(1), 12(3); "
        "otherwise kept until 2031-12-31; Paid on 2026-03-01; the accounting year ended 2026-12-31; "
        "five years later is 2031-12-31; bokføringsloven § 13, policy section 11"
    )
    assert kept.requested_on is None
    assert str(plan.governing and plan.governing.delete_after) == "2031-12-31"


@pytest.mark.parametrize(
    ("facts", "data", "delete_after"),
    [
        # Contract, legitimate interests and consent go within a month.
        (CANCELLED, "order-payment", "2026-12-23"),
        (CANCELLED, "identity-contact (identity)", "2026-12-23"),
        (CANCELLED, CONTACT, "2026-12-23"),
        (PAID, CONTACT, "2026-12-23"),
        (PAID, "support", "2026-12-23"),
        (PAID, "technical", "2026-12-23"),
        (PAID, "marketing", "2026-12-23"),
        (ACCOUNT, "account", "2026-12-23"),
        # Data under a legal obligation stay: the sales document with the name on it.
        (PAID, "identity-contact (identity)", "2031-12-31"),
        (PAID, "shipping", "2031-12-31"),
        # An entry that ends earlier anyway keeps its day.
        (replace(CANCELLED, created_at=at("2025-11-30")), "order-payment", "2026-11-30"),
        (replace(UNPAID, created_at=at("2025-11-30")), "order-payment", "2026-11-30"),
    ],
)
def test_days_that_an_erasure_request_sets(
    facts: Facts, data: str, delete_after: str, policy: Policy
) -> None:
    assert (
        str(entries(planned(facts, policy, event("erasure-requested")))[data].delete_after)
        == delete_after
    )


def test_of_several_requests_the_first_sets_the_date(policy: Policy) -> None:
    asked = (event("erasure-requested", "2026-12-01"), event("erasure-requested", "2026-11-23"))
    assert str(entries(planned(ACCOUNT, policy, *asked))["account"].delete_after) == "2026-12-23"


@pytest.mark.parametrize(
    ("days", "runs_from", "delete_after"),
    [
        # Subscribed before the request.
        (["2026-01-01"], "2026-01-01", "2026-02-10"),
        # Subscribed again, after the consent had ended.
        (["2026-01-01", "!2026-01-20", "2026-06-01"], "2026-06-01", None),
        (["2026-06-01"], "2026-06-01", None),
    ],
)
def test_an_erasure_request_does_not_end_a_later_consent(
    days: list[str], runs_from: str, delete_after: str | None, policy: Policy
) -> None:
    choices = tuple(Choice(at(day.strip("!")), given="!" not in day) for day in days)
    facts = ConsentFacts("marketing-consent", choices)
    found = entries(planned(facts, policy, event("erasure-requested", "2026-01-10")))["marketing"]
    assert (str(found.runs_from), found.delete_after and str(found.delete_after)) == (
        runs_from,
        delete_after,
    )


def test_a_second_erasure_request_ends_the_consent_given_since(
    policy: Policy,
) -> None:
    facts = ConsentFacts("marketing-consent", (Choice(at("2026-06-01"), given=True),))
    asked = (event("erasure-requested", "2026-01-10"), event("erasure-requested", "2026-08-01"))
    found = entries(planned(facts, policy, *asked))["marketing"]
    assert (str(found.delete_after), str(found.requested_on)) == ("2026-09-01", "2026-08-01")


@pytest.mark.parametrize(
    ("asked", "requested_on", "delete_after"),
    [
        (
            [("objection", "2026-11-23"), ("erasure-requested", "2026-12-01")],
            "2026-11-23",
            "2026-12-23",
        ),
        (
            [("erasure-requested", "2026-11-23"), ("objection", "2026-12-01")],
            "2026-11-23",
            "2026-12-23",
        ),
    ],
)
def test_the_first_of_an_objection_and_a_request_counts(
    asked: list[tuple[EventType, str]], requested_on: str, delete_after: str, policy: Policy
) -> None:
    found = entries(planned(PAID, policy, *(event(type_, day) for type_, day in asked)))["support"]
    assert (str(found.requested_on), str(found.delete_after)) == (requested_on, delete_after)


def test_an_unpaid_order_erased_while_open_waits_for_nothing(policy: Policy) -> None:
    facts = order("pending", "2026-11-01", kinds="item-meta", erased_at="2026-12-20")
    found = entries(planned(facts, policy, event("erasure-requested")))["order-payment (item-meta)"]
    assert (str(found.delete_after), found.until) == ("2027-01-03", None)


ASKED = "2026-11-23"
TO_ORDER_CLOSED = (None, "order-closed")


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        # Closed long ago: due one month after the request.
        (order("completed", completed_at="2026-11-01"), ("2026-12-23", None)),
        # Closed recently: the 14 days of withdrawal or the month, whichever ends later.
        (order("completed", completed_at="2026-12-09"), ("2026-12-23", None)),
        (order("completed", completed_at="2026-12-10"), ("2026-12-24", None)),
        # Still open.
        (order("processing", paid_at="2026-11-20"), TO_ORDER_CLOSED),
        (order("pending"), TO_ORDER_CLOSED),
        (order("on-hold"), TO_ORDER_CLOSED),
        # Completed once, and in processing again.
        (order("processing", completed_at="2026-11-20"), TO_ORDER_CLOSED),
        # The status of a plugin tells nothing, but a day of completion does.
        (order("unknown", paid_at="2026-11-20"), TO_ORDER_CLOSED),
        (order("unknown", paid_at="2026-11-20", completed_at="2026-12-20"), ("2027-01-03", None)),
        # A trashed order counts by its status before.
        (order("pending", trashed=True), TO_ORDER_CLOSED),
        (order("cancelled", trashed=True), ("2026-12-23", None)),
        # An unfinished checkout was never an order.
        (order("checkout-draft"), ("2026-12-23", None)),
        # The last refund; another known day; the day of the order.
        (
            order("refunded", paid_at="2026-11-01", refunds={1: "2026-12-11", 2: "2026-12-12"}),
            ("2026-12-26", None),
        ),
        (order("refunded", paid_at="2026-12-13", refunds={1: None}), ("2026-12-27", None)),
        (order("cancelled", paid_at="2026-12-14"), ("2026-12-28", None)),
        (order("cancelled", "2026-12-15"), ("2026-12-29", None)),
        # Completion counts, and not a later refund.
        (
            order("refunded", completed_at="2026-11-01", refunds={1: "2026-12-20"}),
            ("2026-12-23", None),
        ),
        # An impossible day is ignored.
        (
            order("completed", "2026-12-15", paid_at="2026-12-15", completed_at="1970-01-01"),
            ("2026-12-29", None),
        ),
    ],
)
def test_contract_data_stay_until_the_order_is_closed_and_final(
    facts: OrderFacts, end: tuple[str | None, str | None], policy: Policy
) -> None:
    facts = replace(facts, kinds=frozenset({"contact"}))
    if facts.completed_at == at("1970-01-01"):
        facts = replace(facts, created_at=at("2026-12-15"))
    asked = event("erasure-requested", ASKED)
    found = entries(classify(facts, policy, standing_of([asked])))[CONTACT]
    assert (found.delete_after and str(found.delete_after), found.until) == end
    assert str(found.requested_on) == ASKED


def test_an_open_order_says_what_it_waits_for(policy: Policy) -> None:
    facts = order("processing", paid_at="2026-11-22", kinds="contact")
    assert entries(planned(facts, policy, event("erasure-requested")))[CONTACT].reason == (
        "Erasure requested on 2026-11-23; kept until the order is closed and 14 days of withdrawal are over; "
        "GDPR Art. 17(1), 12(3), angrerettloven § 21; otherwise kept until 2031-12-31; Paid on 2026-11-22; the "
        "accounting year ended 2026-12-31; five years later is 2031-12-31; bokføringsloven § 13, policy section 11"
    )


def test_the_withdrawal_period_is_named_where_it_sets_the_date(policy: Policy) -> None:
    facts = order("completed", "2026-11-20", completed_at="2026-12-10", kinds="contact")
    assert entries(planned(facts, policy, event("erasure-requested")))[CONTACT].reason.startswith(
        "Erasure requested on 2026-11-23; to be erased by 2026-12-24, 14 days after the order was closed on "
        "2026-12-10; GDPR Art. 17(1), 12(3), angrerettloven § 21; otherwise kept until 2031-12-31; "
    )


def test_contract_data_of_an_account_are_due_within_a_month(
    policy: Policy,
) -> None:
    contact_entry = entries(
        planned(
            replace(ACCOUNT, last_order_at=at("2026-11-22")), policy, event("erasure-requested")
        )
    )
    assert {str(contact_entry[name].delete_after) for name in ("account", "identity-contact")} == {
        "2026-12-23"
    }


@pytest.mark.parametrize("scope", ["", "all"])
def test_an_objection_ends_legitimate_interests_and_marketing(scope: str, policy: Policy) -> None:
    before, after = (
        entries(planned(PAID, policy)),
        entries(planned(PAID, policy, event("objection", scope=scope))),
    )
    assert {data for data in before if before[data] != after[data]} == {
        "support",
        "technical",
        "marketing",
    }
    assert {str(after[name].delete_after) for name in ("support", "technical")} == {"2026-12-23"}
    assert after["support"].reason.startswith(
        "Objected on 2026-11-23; to be erased by 2026-12-23, one month later; GDPR Art. 21(1), 17(1)(c), 12(3); "
    )
    assert (after["marketing"].until, str(after["marketing"].delete_after)) == (None, "2026-11-23")


def test_an_objection_to_marketing_ends_only_marketing(policy: Policy) -> None:
    objected = event("objection", scope="marketing")
    before, after = entries(planned(PAID, policy)), entries(planned(PAID, policy, objected))
    assert {data for data in before if before[data] != after[data]} == {"marketing"}
    assert str(after["marketing"].delete_after) == "2026-11-23"
    assert after["marketing"].reason.endswith(
        "; objected to marketing on 2026-11-23, GDPR Art. 21(2)-(3)"
    )


def test_the_first_objection_to_all_sets_the_date(
    policy: Policy,
) -> None:
    first, second = (
        event("objection", "2026-10-01", scope="marketing"),
        event("objection", "2026-11-23"),
    )
    consent = event("consent-given", "2026-11-01")
    plan = planned(
        PAID, policy, first, consent, second, event("objection", "2026-12-01", scope="all")
    )
    assert str(entries(plan)["support"].delete_after) == "2026-12-23"
    assert (str(entries(plan)["marketing"].delete_after), proof(plan)) == (
        "2026-11-23",
        [("marketing", "2026-11-23", "2029-11-23")],
    )
    assert entries(planned(PAID, policy, first, consent))["marketing"].until == "consent-withdrawn"


@pytest.mark.parametrize(
    ("told", "delete_after", "requested_on"),
    [
        ([("consent-withdrawn", "2026-09-09")], "2026-09-09", None),
        ([("objection", "2026-09-09")], "2026-09-09", "2026-09-09"),
        # Withdrawn before the objection: the objection is the request, and changes no day.
        (
            [("consent-withdrawn", "2026-09-09"), ("objection", "2026-10-01")],
            "2026-09-09",
            "2026-10-01",
        ),
        # The objection was about an earlier consent.
        (
            [
                ("objection", "2026-06-01"),
                ("consent-given", "2026-07-01"),
                ("consent-withdrawn", "2026-09-09"),
            ],
            "2026-09-09",
            None,
        ),
        ([("objection", "2026-06-01"), ("consent-given", "2026-07-01")], None, None),
    ],
)
def test_day_on_which_an_end_of_marketing_was_requested(
    told: list[tuple[EventType, str]],
    delete_after: str | None,
    requested_on: str | None,
    policy: Policy,
) -> None:
    found = entries(planned(ACCOUNT, policy, *(event(type_, day) for type_, day in told)))[
        "marketing"
    ]
    days = [day and str(day) for day in (found.delete_after, found.requested_on)]
    assert days == [delete_after, requested_on]


@pytest.mark.parametrize(
    "facts", [UNPAID, customer(), SupportRequestFacts(closed_at=at("2026-01-01"))]
)
def test_an_objection_adds_no_marketing_entry(facts: Facts, policy: Policy) -> None:
    plan = planned(facts, policy, event("objection", scope="marketing"))
    assert plan == planned(facts, policy)


def test_an_objection_ends_marketing_of_any_clock(tmp_path: Path) -> None:
    """An example is marketing on legitimate interests for as long as the account exists."""
    text = POLICY_FILE.read_text()
    rule = text[text.index('id = "account-marketing"') :].partition("\n\n")[0]
    other = rule.replace('"consent"', '"legitimate-interests"').replace(
        'class = "marketing"', 'class = "customer-accounts"'
    )
    assert other.count("legitimate-interests") == other.count("customer-accounts") == 1
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(rule, other))
    found = entries(planned(ACCOUNT, load_policy(path), event("objection", scope="marketing")))[
        "marketing"
    ]
    assert (str(found.delete_after), str(found.requested_on)) == ("2026-11-23", "2026-11-23")
    assert found.reason.startswith(
        "Objected to marketing on 2026-11-23, which ends it; GDPR Art. 21(2)-(3); otherwise kept until 2028-11-22; Last"
    )


@pytest.mark.parametrize(
    ("told", "delete_after", "review_after", "words"),
    [
        (
            [],
            "2028-01-10",
            "2027-01-10",
            "may go from 2027-01-10, one year later; two years later is 2028-01-10",
        ),
        (["2026-09-09"], "2026-09-09", None, "withdrawn on 2026-09-09, which ends it"),
        # The period had ended before.
        (
            ["2028-02-01"],
            "2028-01-10",
            "2027-01-10",
            "may go from 2027-01-10, one year later; two years later is",
        ),
    ],
)
@pytest.mark.parametrize("type_", ["consent-withdrawn", "objection"])
def test_a_marketing_period_ends_with_the_consent(
    type_: EventType,
    told: list[str],
    delete_after: str,
    review_after: str | None,
    words: str,
    tmp_path: Path,
) -> None:
    """A page may say "Marketing: 1-2 years"."""
    text = POLICY_FILE.read_text()
    until = 'clock = "consent"\nuntil = "consent-withdrawn"'
    assert text.count(until) == 1
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(until, 'clock = "consent"\nreview = "P1Y"\nkeep = "P2Y"'))
    found = entries(planned(ACCOUNT, load_policy(path), *(event(type_, day) for day in told)))[
        "marketing"
    ]
    days = [day and str(day) for day in (found.delete_after, found.review_after)]
    assert (days, found.until) == ([delete_after, review_after], None)
    assert found.reason.startswith(f"Consent given on 2026-01-10; {words}")


# --- proof -----------------------------------------------------------------------------------------------

COOKIES = ConsentFacts("cookie-consent", (Choice(at("2026-05-01"), given=True),))


def test_proof_of_consent_stays_despite_requests(policy: Policy) -> None:
    plan = planned(
        COOKIES, policy, event("erasure-requested", "2026-11-23"), event("objection", "2026-11-24")
    )
    (entry,) = plan.entries
    assert (entry.basis, str(entry.delete_after), entry.requested_on) == (
        "legitimate-interests",
        "2028-05-01",
        None,
    )
    assert entry.reason.endswith(
        "; erasure requested on 2026-11-23 and objected on 2026-11-24, yet kept as proof, GDPR Art. 17(3)(e)"
    )


@pytest.mark.parametrize(
    ("facts", "told", "kept"),
    [
        (
            ACCOUNT,
            event("consent-withdrawn", "2026-09-09"),
            [("marketing", "2026-09-09", "2029-09-09")],
        ),
        (ACCOUNT, event("objection", "2026-09-09"), [("marketing", "2026-09-09", "2029-09-09")]),
        (
            PAID,
            event("objection", "2026-09-09", scope="marketing"),
            [("marketing", "2026-09-09", "2029-09-09")],
        ),
        # A consent that was declined from the start was never given.
        (
            customer(kinds="newsletter", choices={"2026-01-10": False}),
            event("objection", "2026-09-09"),
            [],
        ),
        # The consent was given again.
        (
            customer(
                kinds="newsletter",
                choices={"2026-02-01": True, "2026-03-01": False, "2026-10-01": True},
            ),
            event("objection", "2026-09-09"),
            [],
        ),
        # Marketing is declined at the checkout, while order attribution rests on a consent of its own.
        (
            replace(
                PAID,
                kinds=PAID.kinds | {"newsletter"},
                choices=(Choice(at("2026-03-01"), given=False),),
            ),
            event("objection", "2026-09-09"),
            [("marketing", "2026-09-09", "2029-09-09")],
        ),
        # Without a day of creation: from the day on which it was first seen.
        (
            customer(None, first_seen_at="2026-01-10", kinds="newsletter"),
            event("consent-withdrawn", "2026-09-09"),
            [("marketing", "2026-09-09", "2029-09-09")],
        ),
        (
            replace(
                order("pending", kinds="attribution"),
                created_at=None,
                first_seen_at=at("2026-01-10"),
            ),
            event("objection", "2026-09-09"),
            [("marketing", "2026-09-09", "2029-09-09")],
        ),
        # A consent in another tool.
        (
            ConsentFacts("marketing-consent", (Choice(at("2026-05-01"), given=True),)),
            event("objection", "2026-09-09"),
            [("marketing", "2026-09-09", "2029-09-09")],
        ),
    ],
)
def test_proof_of_a_consent_that_ended(
    facts: Facts, told: RecordEvent, kept: list[tuple[str, str, str]], policy: Policy
) -> None:
    plan = planned(facts, policy, told)
    assert proof(plan) == kept
    if kept:
        assert str(entries(plan)["marketing"].delete_after) == "2026-09-09"


@pytest.mark.parametrize("type_", ["consent-withdrawn", "objection"])
@pytest.mark.parametrize("facts", [order("completed", "2026-03-01", kinds="newsletter"), ACCOUNT])
def test_saving_a_record_again_gives_no_new_consent(
    facts: OrderFacts | CustomerFacts, type_: EventType, policy: Policy
) -> None:
    """Each snapshot of it shows the same choice, also after our own write."""
    seen = tuple(Choice(at(day), given=True) for day in ("2026-03-01", "2026-09-10", "2026-11-01"))
    plan = planned(replace(facts, choices=seen), policy, event(type_, "2026-09-09"))
    assert str(entries(plan)["marketing"].delete_after) == "2026-09-09"


def test_a_withdrawal_ends_consent_of_an_order_first_read_later(
    policy: Policy,
) -> None:
    read = order("completed", "2026-03-01", kinds="newsletter", choices={"2026-10-01": True})
    plan = planned(read, policy, person=(event("consent-withdrawn", "2026-09-09"),))
    assert str(entries(plan)["marketing"].delete_after) == "2026-09-09"


@pytest.mark.parametrize(
    ("created", "seen", "end"),
    [
        # The account was first read after the withdrawal.
        ("2026-01-10", {"2026-10-10": True}, "2026-09-09"),
        # The account was made after the withdrawal, or in the same second.
        ("2026-10-01", {"2026-10-10": True}, "None"),
        ("2026-09-09", {"2026-10-10": True}, "2026-09-09"),
        # The account declined first: the later consent is a new choice.
        ("2026-01-10", {"2026-02-01": False, "2026-10-10": True}, "None"),
    ],
)
@pytest.mark.parametrize("type_", ["consent-withdrawn", "objection"])
def test_a_withdrawal_and_an_account_first_read_later(
    type_: EventType, created: str, seen: dict[str, bool], end: str, policy: Policy
) -> None:
    facts = customer(created, kinds="newsletter", choices=seen)
    assert _marketing_end(planned(facts, policy, person=(event(type_, "2026-09-09"),))) == end


@pytest.mark.parametrize(
    ("told", "runs_from", "end"),
    [
        # Subscribed after the order: the consent is of that day.
        ([("consent-given", "2026-06-01")], "2026-06-01", "None"),
        # Subscribed before it, and declined with it: the order never held a consent.
        ([("consent-given", "2026-01-01")], "2026-05-01", "2026-05-01"),
    ],
)
def test_a_subscriber_declines_the_newsletter_with_an_order(
    told: list[tuple[EventType, str]], runs_from: str, end: str, policy: Policy
) -> None:
    facts = order("completed", "2026-05-01", kinds="newsletter", choices={"2026-05-03": False})
    plan = planned(facts, policy, person=tuple(event(type_, day) for type_, day in told))
    assert (str(entries(plan)["marketing"].runs_from), _marketing_end(plan)) == (runs_from, end)
    assert proof(plan) == []


def test_a_persons_withdrawal_ends_consent_known_to_another_tool(policy: Policy) -> None:
    facts = ConsentFacts("marketing-consent", (Choice(at("2026-05-01"), given=True),))
    plan = planned(facts, policy, person=(event("consent-withdrawn", "2026-09-09"),))
    assert str(entries(plan)["marketing"].delete_after) == "2026-09-09"


# --- holds and restrictions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts", [PAID, UNPAID, ACCOUNT, SupportRequestFacts(closed_at=at("2026-01-01"))]
)
def test_a_hold_suspends_every_deletion_and_says_which(facts: Facts, policy: Policy) -> None:
    asked = (event("erasure-requested"), event("objection"), event("consent-withdrawn"))
    plan = planned(facts, policy, *asked, event("hold", "2026-12-01"))
    assert {(entry.delete_after, entry.review_after, entry.until) for entry in plan.entries} == {
        (None, None, "hold-lifted")
    }
    for entry in plan.entries:
        words, otherwise, *_ = entry.reason.split("; ")
        assert (
            words
            == "Legal hold (litigation) by legal since 2026-12-01, to be looked at again on 2027-05-01"
        )
        assert otherwise.startswith("otherwise kept until ")


def test_lifting_a_hold_restores_the_dates(policy: Policy) -> None:
    hold, lift = event("hold", "2026-12-01", "h1"), event("hold-lifted", "2027-06-01", about="h1")
    assert planned(PAID, policy, hold, lift) == planned(PAID, policy)


@pytest.mark.parametrize(
    ("lift", "stands"),
    [
        # One hold is lifted by its id; the other one stays in effect.
        (event("hold-lifted", "2027-01-01", about="h1"), ["h2"]),
        # Without an id, all earlier holds are lifted.
        (event("hold-lifted", "2026-12-15"), ["h2"]),
        (event("hold-lifted", "2027-01-01"), []),
        # An unknown id lifts nothing.
        (event("hold-lifted", "2027-01-01", about="h3"), ["h1", "h2"]),
    ],
)
def test_holds_in_effect(lift: RecordEvent, stands: list[str]) -> None:
    holds = (event("hold", "2026-12-01", "h1"), event("hold", "2026-12-31", "h2"))
    assert [hold.id for hold in standing_of((*holds, lift)).holds] == stands


@pytest.mark.parametrize(
    ("days", "stands"),
    [
        ([("restriction", "2026-12-01")], True),
        ([("restriction", "2026-12-01"), ("restriction-lifted", "2026-12-02")], False),
        ([("restriction-lifted", "2026-12-01"), ("restriction", "2026-12-02")], True),
        # In the same second: the restriction is in effect.
        ([("restriction", "2026-12-01"), ("restriction-lifted", "2026-12-01")], True),
    ],
)
def test_restrictions_in_effect(
    days: list[tuple[EventType, str]], stands: bool, policy: Policy
) -> None:
    plan = planned(ACCOUNT, policy, *(event(type_, day) for type_, day in days))
    assert (entries(plan)["account"].until == "restriction-lifted") is stands


def test_an_event_reported_by_mistake_no_longer_counts(policy: Policy) -> None:
    mistake = event("erasure-requested", id_="e1")
    assert planned(ACCOUNT, policy, mistake, event("retracted", about="e1")) == planned(
        ACCOUNT, policy
    )


# --- consent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "events", "until", "delete_after"),
    [
        (ACCOUNT, [("consent-withdrawn", "2026-11-23")], None, "2026-11-23"),
        (
            ACCOUNT,
            [("consent-withdrawn", "2026-11-23"), ("consent-given", "2026-11-24")],
            "consent-withdrawn",
            None,
        ),
        # The store does not show the consent: it was given in another tool.
        (customer(), [("consent-given", "2026-11-24")], "consent-withdrawn", None),
        # Order attribution rests on a consent, too.
        (PAID, [("consent-withdrawn", "2026-11-23")], None, "2026-11-23"),
    ],
)
def test_consent_that_another_tool_reported(
    facts: Facts,
    events: list[tuple[EventType, str]],
    until: str | None,
    delete_after: str | None,
    policy: Policy,
) -> None:
    found = entries(planned(facts, policy, *(event(type_, day) for type_, day in events)))[
        "marketing"
    ]
    assert (found.until, found.delete_after and str(found.delete_after)) == (until, delete_after)


# --- the owner of a record ----------------------------------------------------------------------------------


def test_a_persons_request_covers_only_earlier_orders(policy: Policy) -> None:
    asked = (event("erasure-requested", "2026-06-01"),)
    assert entries(planned(PAID, policy, person=asked))[CONTACT].requested_on
    later = replace(PAID, created_at=at("2026-07-01"))
    assert entries(planned(later, policy, person=asked))[CONTACT].requested_on is None


def test_a_persons_hold_covers_all_orders(policy: Policy) -> None:
    later = replace(PAID, created_at=at("2026-07-01"))
    plan = planned(later, policy, person=(event("hold", "2026-06-01"),))
    assert {entry.until for entry in plan.entries} == {"hold-lifted"}


def test_a_persons_withdrawal_ends_marketing_where_there_is_any(
    policy: Policy,
) -> None:
    withdrawn = (event("consent-withdrawn", "2026-11-23"),)
    assert (
        str(entries(planned(PAID, policy, person=withdrawn))["marketing"].delete_after)
        == "2026-11-23"
    )
    assert "marketing" not in entries(planned(UNPAID, policy, person=withdrawn))
    # An order placed after it has a consent of its own.
    later = replace(PAID, created_at=at("2026-12-01"))
    assert (
        entries(planned(later, policy, person=withdrawn))["marketing"].until == "consent-withdrawn"
    )
    # An account, and a newsletter contact with its address.
    facts = customer("2026-01-10", kinds="newsletter", choices={"2026-05-01": True})
    assert _marketing_end(planned(facts, policy, person=withdrawn)) == "2026-11-23"
    assert "marketing" not in entries(planned(customer(), policy, person=withdrawn))


def test_a_withdrawal_in_the_same_second_ends_the_orders_consent(policy: Policy) -> None:
    placed = replace(PAID, created_at=at("2026-11-23"))
    plan = planned(placed, policy, person=(event("consent-withdrawn", "2026-11-23"),))
    assert _marketing_end(plan) == "2026-11-23"
    assert any(entry.retention_class == "consent-evidence" for entry in plan.entries)


def _marketing_end(plan: Schedule) -> str:
    return next(
        str(entry.delete_after) for entry in plan.entries if entry.retention_class == "marketing"
    )


# --- any events --------------------------------------------------------------------------------------

_DAYS = st.integers(0, 400).map(lambda days: (date(2026, 1, 1) + timedelta(days)).isoformat())
_EVENTS = st.lists(
    st.builds(
        lambda type_, day, number, about: event(
            type_, day, f"e{number}", about=f"e{about}" if about < 4 else ""
        ),
        st.sampled_from(TYPES),
        _DAYS,
        st.integers(0, 9),
        st.integers(0, 5),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
_FACTS = st.sampled_from(
    [PAID, UNPAID, ACCOUNT, customer(), SupportRequestFacts(made_at=at("2026-02-01"))]
)


@given(_FACTS, _EVENTS, st.randoms())
def test_the_arrival_order_of_events_makes_no_difference(
    facts: Facts, events: list[RecordEvent], random: Any
) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    assert standing_of(shuffled, shuffled) == standing_of(events, events)


@given(_FACTS, _EVENTS)
def test_only_a_suspension_keeps_longer_and_no_hold_shortens(
    facts: Facts, events: list[RecordEvent]
) -> None:
    """Apart from a new consent, no event ever gives a later day. A suspension gives no day at all."""
    told = [one for one in events if not one.type.startswith("consent")]
    before, after = entries(planned(facts, SHIPPED)), entries(planned(facts, SHIPPED, *told))
    assert before.keys() == after.keys()
    for data, entry in after.items():
        if entry.until in ("hold-lifted", "restriction-lifted", "order-closed"):
            assert entry.delete_after is None
        else:
            assert (entry.delete_after or date.max) <= (before[data].delete_after or date.max)
    if standing_of(told).holds:
        assert {entry.until for entry in after.values()} == {"hold-lifted"}
    elif not standing_of(told).restriction and "order-closed" in {
        entry.until for entry in after.values()
    }:
        assert facts == UNPAID


@pytest.mark.parametrize(
    ("scope", "words"),
    [("marketing", "Objection to marketing"), ("all", "Objection"), ("", "Objection")],
)
def test_the_scope_of_an_objection_is_stored_and_shown(
    scope: str, words: str, policy: Policy
) -> None:
    objection = event("objection", id_="o1", scope=scope)
    assert describe_event(objection, policy) == f"{words} on 2026-11-23; event o1"
    assert read_events(events_text([objection])) == (objection,)


@pytest.mark.parametrize("type_", TYPES)
def test_every_event_has_a_text(type_: EventType, policy: Policy) -> None:
    assert "2026-11-23" in describe_event(event(type_, id_="e1", about="e0"), policy)


# --- reports of tools ---------------------------------------------------------------------------------------------

_REPORTS = st.lists(
    st.builds(
        lambda occurrence, day: ToolReport("support-request", occurrence, at(day), "ZD-1"),
        st.sampled_from(["made", "closed", "deleted"]),
        _DAYS,
    ),
    min_size=1,
    max_size=6,
)


@given(_REPORTS, st.randoms())
def test_the_arrival_order_of_reports_makes_no_difference(
    reports: list[ToolReport], random: Any
) -> None:
    def taken(some: list[ToolReport]) -> Any:
        facts = None
        for report in some:
            facts = add_report(facts, report)
        return facts

    shuffled = reports * 2
    random.shuffle(shuffled)
    assert taken(shuffled) == taken(reports)


def test_an_event_that_does_not_fit_the_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'consent-given' does not happen to 'support-request'"):
        add_report(None, ToolReport("support-request", "consent-given", at("2026-01-01")))


@pytest.mark.parametrize(("name", "number"), [("7", 7), ("999999999999", 999999999999)])
def test_a_numeric_name_is_used_as_the_number(name: str, number: int) -> None:
    assert number_of(name) == number


@pytest.mark.parametrize("name", ["ZD-7", "0", "1000000000000", "7a", "٣"])
def test_any_other_name_has_a_number_safe_in_json(name: str) -> None:
    assert 2**52 <= number_of(name) < 2**53


def test_a_record_erased_by_another_tool_is_closed(policy: Policy) -> None:
    facts = SupportRequestFacts(closed_at=at("2026-01-01"), erased_at=at("2026-02-01"))
    plan = classify(facts, policy)
    assert (plan.phase, plan.entries) == ("erased", ())
    # Only the deletion is known: there is nothing to schedule.
    assert (
        classify(ConsentFacts("cookie-consent", erased_at=at("2026-02-01")), policy).phase
        == "unknown"
    )


def test_a_contact_that_was_deleted_may_subscribe_again(policy: Policy) -> None:
    """The order of arrival makes no difference."""
    events = [
        ("consent-given", "2026-01-01"),
        ("deleted", "2026-03-01"),
        ("consent-given", "2026-06-01"),
    ]
    reports = [ToolReport("marketing-consent", what, at(day)) for what, day in events]  # type: ignore[arg-type]
    for order_of_arrival in (reports, reports[::-1]):
        facts = None
        for report in order_of_arrival:
            facts = add_report(facts, report)
        assert facts is not None
        plan = classify(facts, policy)
        assert (plan.phase, [str(entry.runs_from) for entry in plan.entries]) == (
            "active",
            ["2026-06-01"],
        )
    gone = add_report(add_report(None, reports[0]), reports[1])
    assert classify(gone, policy).phase == "erased"


def test_lifting_a_persons_hold_leaves_the_orders_own(policy: Policy) -> None:
    own = (event("hold", "2026-12-01", "h1", reason="chargeback"),)
    for lift in (
        event("hold-lifted", "2027-01-01"),
        event("hold-lifted", "2027-01-01", about="h1"),
    ):
        stands = standing_of(own, (event("hold", "2026-12-01", "h1"), lift))
        assert [hold.reason for hold in stands.holds] == ["chargeback"]


def test_a_hold_after_an_erasure_does_not_change_the_schedule(policy: Policy) -> None:
    facts = order(
        "completed", "2016-03-01", paid_at="2016-03-01", erased_at="2022-06-01", kinds="note"
    )
    before = tag(facts, policy)[1]
    after = tag(facts, policy, Context(person=(event("hold", "2026-12-01"),), customer_id=7))[1]
    assert {name: after[name] for name in ("held", "delete_after", "closed_on")} == {
        name: before[name] for name in ("held", "delete_after", "closed_on")
    }
    earlier = tag(facts, policy, Context(person=(event("hold", "2020-12-01"),), customer_id=7))[1]
    assert (earlier["held"], earlier["delete_after"]) == (True, None)


# --- recipients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "recipients"),
    [
        (order("completed", payment="klarna_payments", carriers=frozenset({"bring_fraktguiden"}), kinds="shipping"),
         ("bring", "hosting", "klarna", "posten")),
        (order("completed", payment="ppcp-gateway", kinds="attribution newsletter"),
         ("brevo", "hosting", "paypal")),
        # The newsletter tool gets neither order attribution nor cookie choices.
        (order("completed", payment="cod", kinds="attribution"), ("hosting",)),
        (ConsentFacts("cookie-consent", (Choice(at("2026-05-01"), given=True),)), ("hosting",)),
        (ConsentFacts("marketing-consent", (Choice(at("2026-05-01"), given=True),)), ("brevo", "hosting")),
        # The provider is certain; the store does not show the brand of the card.
        (order("completed", payment="stripe"), ("american-express", "hosting", "mastercard", "stripe", "visa")),
        (order("completed", payment="woocommerce_payments"),
         ("american-express", "hosting", "mastercard", "stripe", "visa")),
        (order("completed", payment="dibs_easy"), ("american-express", "hosting", "mastercard", "nets", "visa")),
        (order("completed", payment="bambora"), ("american-express", "bambora", "hosting", "mastercard", "visa")),
        # Another payment method of the same provider.
        (order("completed", payment="stripe_ideal"), ("hosting", "stripe")),
        (order("completed", payment="stripe_klarna"), ("hosting", "klarna", "stripe")),
        (order("completed", payment="quickpay_mobilepay"), ("hosting", "quickpay", "vipps")),
        (order("completed", payment="vippsmobilepay"), ("hosting", "vipps")),
        (order("completed", payment="kco"), ("hosting", "klarna")),
        # Bank transfer to the shop; pickup in the shop.
        (order("completed", payment="bacs", carriers=frozenset({"local_pickup"})), ("hosting",)),
        # Payment methods and carriers that the policy file does not name are reported as unknown.
        (order("completed", payment="other_pay", carriers=frozenset({"flat_rate"})),
         ("hosting", "?payment:other_pay", "?shipping:flat_rate")),
        (customer(kinds="newsletter"), ("brevo", "hosting")),
        (customer(kinds="newsletter", choices={"2026-05-01": True, "2026-06-01": False}), ("brevo", "hosting")),
        # The newsletter was declined from the start.
        (customer(kinds="newsletter", choices={"2026-05-01": False}), ("hosting",)),
        (customer(), ("hosting",)),
    ],
)  # fmt: skip
def test_recipients_of_an_entry(facts: Facts, recipients: tuple[str, ...], policy: Policy) -> None:
    assert recipients_of(facts, classify(facts, policy).entries, policy) == recipients


def test_an_objection_adds_no_recipient(policy: Policy) -> None:
    """The newsletter tool does not get order attribution, also after its end."""
    facts = order("completed", "2026-03-01", payment="cod", kinds="attribution")
    assert tag(facts, policy, Context(own=(event("objection"),)))[1]["recipients"] == "hosting"


def test_data_that_is_not_held_has_no_recipient(policy: Policy) -> None:
    assert recipients_of(CustomerFacts(), (), policy) == ()
