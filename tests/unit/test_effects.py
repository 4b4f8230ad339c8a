"""What holds, requests, objections, restrictions and consents do to dates; and that their order is all one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.retention.classify import Entry, Schedule, schedule
from hooks.retention.effects import answer_by, event_words
from hooks.retention.events import TYPES, EventType, RecordEvent, standing
from hooks.retention.facts import Choice, ConsentFacts, CustomerFacts, Facts, OrderFacts, SupportRequestFacts
from hooks.retention.policy import Policy
from hooks.retention.recipients import recipients_of
from hooks.retention.reports import Report, number_of, reported
from hooks.tagging import Bearing, tags
from schemas.policy import load_policy
from tests.conftest import POLICY_FILE
from tests.unit.builders import at, customer, order

SHIPPED = load_policy(POLICY_FILE)
PAID = order("completed", "2026-03-01", paid_at="2026-03-01", kinds="identity shipping note network attribution")
UNPAID = order("pending", "2026-03-01", kinds="identity")
ACCOUNT = customer("2026-01-10", last_active_at="2026-11-22", kinds="newsletter")


def event(type_: EventType, day: str = "2026-11-23", id_: str = "", **more: Any) -> RecordEvent:
    """An event at noon of a day."""
    if type_ == "hold":
        more = {"reason": "litigation", "owner": "legal", "review_on": date(2027, 5, 1)} | more
    return RecordEvent(id_ or f"{type_}-{day}", type_, at(day), **more)


def planned(facts: Facts, policy: Policy, *own: RecordEvent, person: tuple[RecordEvent, ...] = ()) -> Schedule:
    since = facts.created_at if isinstance(facts, OrderFacts) else None
    return schedule(facts, policy, standing(own, person, since=since))


def entries(plan: Schedule) -> dict[str, Entry]:
    return {entry.data: entry for entry in plan.entries}


# --- one month -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "by"),
    [("2026-11-23", "2026-12-23"), ("2026-01-31", "2026-02-28"), ("2024-01-31", "2024-02-29")],
)
def test_a_request_is_answered_within_a_calendar_month(received: str, by: str) -> None:
    assert str(answer_by(date.fromisoformat(received))) == by


def test_erasure_leaves_what_the_law_wants_kept_and_says_why(policy: Policy) -> None:
    plan = planned(PAID, policy, event("erasure-requested"))
    kept, gone = entries(plan)["order-payment"], entries(plan)["shipping"]
    assert (str(kept.delete_after), kept.event) == ("2031-12-31", "accounting-year-end")
    assert kept.reason.endswith(
        "; erasure requested on 2026-11-23, yet kept under a legal obligation, GDPR Art. 17(3)(b)"
    )
    # Due on the last day of the month, so that the day before is the last on which it is kept.
    assert (str(gone.runs_from), str(gone.delete_after), gone.event) == (
        "2026-11-23",
        "2026-12-22",
        "erasure-requested",
    )
    assert gone.reason == (
        "Erasure requested on 2026-11-23; to be erased by 2026-12-23, one month later; GDPR Art. 17(1), 12(3)"
    )
    assert str(plan.governing and plan.governing.delete_after) == "2031-12-31"


@pytest.mark.parametrize(
    ("facts", "data", "delete_after"),
    [
        # Contract, legitimate interests and consent go within a month.
        (UNPAID, "order-payment", "2026-12-22"),
        (UNPAID, "identity-contact", "2026-12-22"),
        (PAID, "support", "2026-12-22"),
        (PAID, "technical", "2026-12-22"),
        (PAID, "marketing", "2026-12-22"),
        (ACCOUNT, "account", "2026-12-22"),
        # A legal obligation keeps the document, with the name on it.
        (PAID, "identity-contact", "2031-12-31"),
        # What went earlier anyway, goes as early.
        (replace(UNPAID, created_at=at("2025-11-30")), "order-payment", "2026-11-30"),
    ],
)
def test_what_an_erasure_request_makes_due(facts: Facts, data: str, delete_after: str, policy: Policy) -> None:
    assert str(entries(planned(facts, policy, event("erasure-requested")))[data].delete_after) == delete_after


def test_of_several_requests_the_first_sets_the_date(policy: Policy) -> None:
    asked = (event("erasure-requested", "2026-12-01"), event("erasure-requested", "2026-11-23"))
    assert str(entries(planned(ACCOUNT, policy, *asked))["account"].delete_after) == "2026-12-22"


def test_an_objection_is_about_legitimate_interests_alone(policy: Policy) -> None:
    before, after = entries(planned(PAID, policy)), entries(planned(PAID, policy, event("objection")))
    assert {data for data in before if before[data] != after[data]} == {"support", "technical"}
    assert after["support"].reason.startswith("Objected on 2026-11-23; to be erased by 2026-12-23")
    assert after["support"].reason.endswith("GDPR Art. 21(1), 17(1)(c), 12(3)")


# --- holds and restrictions ------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [PAID, UNPAID, ACCOUNT, SupportRequestFacts(closed_at=at("2026-01-01"))])
def test_a_hold_beats_every_deletion_and_says_what_it_suspends(facts: Facts, policy: Policy) -> None:
    asked = (event("erasure-requested"), event("objection"), event("consent-withdrawn"))
    plan = planned(facts, policy, *asked, event("hold", "2026-12-01"))
    assert {(entry.delete_after, entry.review_after, entry.until) for entry in plan.entries} == {
        (None, None, "hold-lifted")
    }
    for entry in plan.entries:
        words, otherwise, *_ = entry.reason.split("; ")
        assert words == "Legal hold (litigation) by legal since 2026-12-01, to be looked at again on 2027-05-01"
        assert otherwise.startswith("otherwise kept until ")


def test_lifting_a_hold_computes_anew(policy: Policy) -> None:
    hold, lift = event("hold", "2026-12-01", "h1"), event("hold-lifted", "2027-06-01", about="h1")
    assert planned(PAID, policy, hold, lift) == planned(PAID, policy)


@pytest.mark.parametrize(
    ("lift", "stands"),
    [
        # One hold is lifted by its id; the other stands.
        (event("hold-lifted", "2027-01-01", about="h1"), ["h2"]),
        # Without an id, all that were placed until then.
        (event("hold-lifted", "2026-12-15"), ["h2"]),
        (event("hold-lifted", "2027-01-01"), []),
        # An id that there is none of lifts nothing.
        (event("hold-lifted", "2027-01-01", about="h3"), ["h1", "h2"]),
    ],
)
def test_which_holds_stand(lift: RecordEvent, stands: list[str]) -> None:
    holds = (event("hold", "2026-12-01", "h1"), event("hold", "2026-12-31", "h2"))
    assert [hold.id for hold in standing((*holds, lift)).holds] == stands


@pytest.mark.parametrize(
    ("days", "stands"),
    [
        ([("restriction", "2026-12-01")], True),
        ([("restriction", "2026-12-01"), ("restriction-lifted", "2026-12-02")], False),
        ([("restriction-lifted", "2026-12-01"), ("restriction", "2026-12-02")], True),
        # In the same second: it stands.
        ([("restriction", "2026-12-01"), ("restriction-lifted", "2026-12-01")], True),
    ],
)
def test_when_a_restriction_stands(days: list[tuple[EventType, str]], stands: bool, policy: Policy) -> None:
    plan = planned(ACCOUNT, policy, *(event(type_, day) for type_, day in days))
    assert (entries(plan)["account"].until == "restriction-lifted") is stands


def test_what_was_reported_by_mistake_counts_no_more(policy: Policy) -> None:
    mistake = event("erasure-requested", id_="e1")
    assert planned(ACCOUNT, policy, mistake, event("retracted", about="e1")) == planned(ACCOUNT, policy)


# --- consent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "events", "until", "delete_after"),
    [
        (ACCOUNT, [("consent-withdrawn", "2026-11-23")], None, "2026-11-23"),
        (ACCOUNT, [("consent-withdrawn", "2026-11-23"), ("consent-given", "2026-11-24")], "consent-withdrawn", None),
        # Nothing in the store tells of it, yet it was given elsewhere.
        (customer(), [("consent-given", "2026-11-24")], "consent-withdrawn", None),
        # Order attribution rests on a consent, too.
        (PAID, [("consent-withdrawn", "2026-11-23")], None, "2026-11-23"),
    ],
)
def test_consent_reported_by_others(
    facts: Facts, events: list[tuple[EventType, str]], until: str | None, delete_after: str | None, policy: Policy
) -> None:
    found = entries(planned(facts, policy, *(event(type_, day) for type_, day in events)))["marketing"]
    assert (found.until, found.delete_after and str(found.delete_after)) == (until, delete_after)


# --- whose record it is ----------------------------------------------------------------------------------


def test_a_persons_request_is_about_the_orders_that_there_were(policy: Policy) -> None:
    asked = (event("erasure-requested", "2026-06-01"),)
    assert entries(planned(PAID, policy, person=asked))["shipping"].event == "erasure-requested"
    later = replace(PAID, created_at=at("2026-07-01"))
    assert entries(planned(later, policy, person=asked))["shipping"].event != "erasure-requested"


def test_a_persons_hold_is_about_all_of_them(policy: Policy) -> None:
    later = replace(PAID, created_at=at("2026-07-01"))
    plan = planned(later, policy, person=(event("hold", "2026-06-01"),))
    assert {entry.until for entry in plan.entries} == {"hold-lifted"}


def test_a_persons_withdrawal_ends_marketing_on_orders_and_makes_none_where_there_is_none(policy: Policy) -> None:
    withdrawn = (event("consent-withdrawn", "2026-11-23"),)
    assert str(entries(planned(PAID, policy, person=withdrawn))["marketing"].delete_after) == "2026-11-23"
    assert "marketing" not in entries(planned(UNPAID, policy, person=withdrawn))
    # An order placed after it has a consent of its own.
    later = replace(PAID, created_at=at("2026-12-01"))
    assert entries(planned(later, policy, person=withdrawn))["marketing"].until == "consent-withdrawn"


# --- whatever comes --------------------------------------------------------------------------------------

_DAYS = st.integers(0, 400).map(lambda days: (date(2026, 1, 1) + timedelta(days)).isoformat())
_EVENTS = st.lists(
    st.builds(
        lambda type_, day, number, about: event(type_, day, f"e{number}", about=f"e{about}" if about < 4 else ""),
        st.sampled_from(TYPES),
        _DAYS,
        st.integers(0, 9),
        st.integers(0, 5),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
_FACTS = st.sampled_from([PAID, UNPAID, ACCOUNT, customer(), SupportRequestFacts(made_at=at("2026-02-01"))])


@given(_FACTS, _EVENTS, st.randoms())
def test_the_order_in_which_events_come_is_all_one(facts: Facts, events: list[RecordEvent], random: Any) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    assert standing(shuffled, shuffled) == standing(events, events)


@given(_FACTS, _EVENTS)
def test_nothing_keeps_longer_but_a_suspension_and_a_hold_never_shortens(
    facts: Facts, events: list[RecordEvent]
) -> None:
    """Consent aside, which may be given anew, no event ever gives a later day; a suspension gives none at all."""
    told = [one for one in events if not one.type.startswith("consent")]
    before, after = entries(planned(facts, SHIPPED)), entries(planned(facts, SHIPPED, *told))
    assert before.keys() == after.keys()
    for data, entry in after.items():
        if entry.until in ("hold-lifted", "restriction-lifted"):
            assert entry.delete_after is None
        else:
            assert (entry.delete_after or date.max) <= (before[data].delete_after or date.max)
    if standing(told).holds:
        assert {entry.until for entry in after.values()} == {"hold-lifted"}


@pytest.mark.parametrize("type_", TYPES)
def test_every_event_has_words(type_: EventType, policy: Policy) -> None:
    assert "2026-11-23" in event_words(event(type_, id_="e1", about="e0"), policy)


# --- reports ---------------------------------------------------------------------------------------------

_REPORTS = st.lists(
    st.builds(
        lambda occurrence, day: Report("support-request", occurrence, at(day), "ZD-1"),
        st.sampled_from(["made", "closed", "deleted"]),
        _DAYS,
    ),
    min_size=1,
    max_size=6,
)


@given(_REPORTS, st.randoms())
def test_the_order_in_which_reports_come_is_all_one(reports: list[Report], random: Any) -> None:
    def taken(some: list[Report]) -> Any:
        facts = None
        for report in some:
            facts = reported(facts, report)
        return facts

    shuffled = reports * 2
    random.shuffle(shuffled)
    assert taken(shuffled) == taken(reports)


def test_what_does_not_happen_to_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'consent-given' does not happen to 'support-request'"):
        reported(None, Report("support-request", "consent-given", at("2026-01-01")))


@pytest.mark.parametrize(("name", "number"), [("7", 7), ("999999999999", 999999999999)])
def test_a_name_that_is_a_number_is_that_number(name: str, number: int) -> None:
    assert number_of(name) == number


@pytest.mark.parametrize("name", ["ZD-7", "0", "1000000000000", "7a", "٣"])
def test_any_other_name_has_a_number_that_every_reader_of_json_has_whole(name: str) -> None:
    assert 2**52 <= number_of(name) < 2**53


def test_what_another_tool_erased_is_closed(policy: Policy) -> None:
    facts = SupportRequestFacts(closed_at=at("2026-01-01"), erased_at=at("2026-02-01"))
    plan = schedule(facts, policy)
    assert (plan.phase, plan.entries) == ("erased", ())
    # Only that it was deleted is known: nothing to be scheduled.
    assert schedule(ConsentFacts("cookie-consent", erased_at=at("2026-02-01")), policy).phase == "unknown"


def test_a_contact_that_was_deleted_may_subscribe_again(policy: Policy) -> None:
    """In whatever order that is heard."""
    told = [("consent-given", "2026-01-01"), ("deleted", "2026-03-01"), ("consent-given", "2026-06-01")]
    reports = [Report("marketing-consent", what, at(day)) for what, day in told]  # type: ignore[arg-type]
    for order_of_arrival in (reports, reports[::-1]):
        facts = None
        for report in order_of_arrival:
            facts = reported(facts, report)
        assert facts is not None
        plan = schedule(facts, policy)
        assert (plan.phase, [str(entry.runs_from) for entry in plan.entries]) == ("active", ["2026-06-01"])
    gone = reported(reported(None, reports[0]), reports[1])
    assert schedule(gone, policy).phase == "erased"


def test_a_persons_hold_that_is_lifted_leaves_the_orders_own(policy: Policy) -> None:
    own = (event("hold", "2026-12-01", "h1", reason="chargeback"),)
    for lift in (event("hold-lifted", "2027-01-01"), event("hold-lifted", "2027-01-01", about="h1")):
        stands = standing(own, (event("hold", "2026-12-01", "h1"), lift))
        assert [hold.reason for hold in stands.holds] == ["chargeback"]


def test_a_hold_after_an_erasure_blames_nobody(policy: Policy) -> None:
    facts = order("completed", "2016-03-01", paid_at="2016-03-01", erased_at="2022-06-01", kinds="note")
    before = tags(facts, policy)[1]
    after = tags(facts, policy, Bearing(person=(event("hold", "2026-12-01"),), customer_id=7))[1]
    assert {name: after[name] for name in ("held", "delete_after", "closed_on")} == {
        name: before[name] for name in ("held", "delete_after", "closed_on")
    }
    earlier = tags(facts, policy, Bearing(person=(event("hold", "2020-12-01"),), customer_id=7))[1]
    assert (earlier["held"], earlier["delete_after"]) == (True, None)


# --- recipients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "recipients"),
    [
        (order("completed", payment="klarna_payments", carriers=frozenset({"bring_fraktguiden"}), kinds="shipping"),
         ("bring", "hosting", "klarna", "posten")),
        (order("completed", payment="ppcp-gateway", kinds="attribution newsletter"),
         ("brevo", "hosting", "paypal")),
        # Order attribution is none of the newsletter tool's business, nor is a choice on cookies.
        (order("completed", payment="cod", kinds="attribution"), ("hosting",)),
        (ConsentFacts("cookie-consent", (Choice(at("2026-05-01"), given=True),)), ("hosting",)),
        (ConsentFacts("marketing-consent", (Choice(at("2026-05-01"), given=True),)), ("brevo", "hosting")),
        # The provider is certain; which card it was, the store does not say.
        (order("completed", payment="stripe"), ("american-express", "hosting", "mastercard", "stripe", "visa")),
        (order("completed", payment="woocommerce_payments"),
         ("american-express", "hosting", "mastercard", "stripe", "visa")),
        (order("completed", payment="dibs_easy"), ("american-express", "hosting", "mastercard", "nets", "visa")),
        (order("completed", payment="bambora"), ("american-express", "bambora", "hosting", "mastercard", "visa")),
        # Another way of the same provider than a card.
        (order("completed", payment="stripe_ideal"), ("hosting", "stripe")),
        (order("completed", payment="stripe_klarna"), ("hosting", "klarna", "stripe")),
        (order("completed", payment="quickpay_mobilepay"), ("hosting", "quickpay", "vipps")),
        (order("completed", payment="vippsmobilepay"), ("hosting", "vipps")),
        (order("completed", payment="kco"), ("hosting", "klarna")),
        # The shop's own bank account; fetched in the shop.
        (order("completed", payment="bacs", carriers=frozenset({"local_pickup"})), ("hosting",)),
        # Ways of which the policy file says nothing are said to be so.
        (order("completed", payment="other_pay", carriers=frozenset({"flat_rate"})),
         ("hosting", "?payment:other_pay", "?shipping:flat_rate")),
        (customer(kinds="newsletter"), ("brevo", "hosting")),
        (customer(kinds="newsletter", choices={"2026-05-01": True, "2026-06-01": False}), ("brevo", "hosting")),
        # Declined from the start.
        (customer(kinds="newsletter", choices={"2026-05-01": False}), ("hosting",)),
        (customer(), ("hosting",)),
    ],
)  # fmt: skip
def test_who_else_has_the_data(facts: Facts, recipients: tuple[str, ...], policy: Policy) -> None:
    assert recipients_of(facts, schedule(facts, policy).entries, policy) == recipients


def test_nobody_has_what_is_not_held(policy: Policy) -> None:
    assert recipients_of(CustomerFacts(), (), policy) == ()
