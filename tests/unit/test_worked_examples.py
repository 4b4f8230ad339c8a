"""The worked examples of the policy as test rows: data of a record, legal basis, first and last day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hooks.retention.anchors import anchor
from hooks.retention.classify import classify
from hooks.retention.events import RecordEvent, standing_of
from hooks.retention.facts import (
    CUSTOMER_ROLES,
    PAID_STATUSES,
    UNPAID_STATUSES,
    Choice,
    ConsentFacts,
    Facts,
    OrderFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Clock, MetaVocabulary, Policy
from hooks.retention.schedule import Entry
from schemas.customer import CustomerSchema
from schemas.order import OrderSchema
from schemas.policy import load_policy
from tests.conftest import POLICY_FILE
from tests.support import recordings
from tests.unit.builders import at, customer, entry, governing, order, planned, proof

ACCOUNTING = ("legal-obligation", "orders-accounting")
UNPAID = ("contract", "unpaid-orders")
ACCOUNT = ("contract", "customer-accounts")


def _tag(found: Entry) -> tuple[str, str]:
    return found.basis, found.retention_class


@pytest.mark.parametrize(
    ("facts", "tag", "runs_from", "delete_after"),
    [
        # Paid and completed on 2026-11-22.
        (
            order(paid_at="2026-11-22", completed_at="2026-11-22"),
            ACCOUNTING,
            "2026-12-31",
            "2031-12-31",
        ),
        # Paid in the last hour of the year in UTC: in Oslo it is the new year.
        (
            order("processing", "2025-12-31", paid_at="2025-12-31T23:30:00"),
            ACCOUNTING,
            "2026-12-31",
            "2031-12-31",
        ),
        # Half an hour before midnight in Oslo: the old year.
        (
            order("processing", "2025-12-31", paid_at="2025-12-31T22:30:00"),
            ACCOUNTING,
            "2025-12-31",
            "2030-12-31",
        ),
        # Paid 2026-12-30, part refunded 2027-01-05.
        (
            order("processing", "2026-12-30", paid_at="2026-12-30", refunds={9: "2027-01-05"}),
            ACCOUNTING,
            "2027-12-31",
            "2032-12-31",
        ),
        # Cancelled after it was paid on 2026-03-01.
        (
            order("cancelled", "2026-03-01", paid_at="2026-03-01"),
            ACCOUNTING,
            "2026-12-31",
            "2031-12-31",
        ),
        # Pending, created 2026-11-22.
        (order("pending", "2026-11-22"), UNPAID, "2026-11-22", "2027-11-22"),
        # Processing without `date_paid`, created 2026-11-20, then cancelled.
        (order("cancelled", "2026-11-20", was_paid=True), ACCOUNTING, "2026-12-31", "2031-12-31"),
        # Paid 2026-01-02; a later state has no paid date, created 2025-12-30.
        (
            order(
                "cancelled",
                "2025-12-30",
                paid_at="2026-01-02",
                carried=(("paid_at", at("2026-01-02")),),
            ),
            ACCOUNTING,
            "2026-12-31",
            "2031-12-31",
        ),
        # Created 2026-05-01, `date_paid` 1970-01-01.
        (
            replace(order("completed", "2026-05-01"), paid_at=at("1970-01-01")),
            ACCOUNTING,
            "2026-12-31",
            "2031-12-31",
        ),
        # Account of 2019-03-01, an order of it paid 2019-03-02 without a day of creation, changed by staff today.
        (customer("2019-03-01", last_order_at="2019-03-02"), ACCOUNT, "2019-03-02", "2021-03-02"),
        # Account made 2026-01-10, last visit 2026-11-22.
        (customer("2026-01-10", last_active_at="2026-11-22"), ACCOUNT, "2026-11-22", "2028-11-22"),
        # The same, and an order placed on 2027-03-01.
        (
            customer("2026-01-10", last_active_at="2026-11-22", last_order_at="2027-03-01"),
            ACCOUNT,
            "2027-03-01",
            "2029-03-01",
        ),
    ],
)
def test_governing_tag(
    facts: Facts, tag: tuple[str, str], runs_from: str, delete_after: str, policy: Policy
) -> None:
    governing_entry = governing(facts, policy)
    assert (
        _tag(governing_entry),
        str(governing_entry.runs_from),
        str(governing_entry.delete_after),
    ) == (
        tag,
        runs_from,
        delete_after,
    )
    assert (
        governing_entry.governs,
        governing_entry.review_after,
        governing_entry.until,
        governing_entry.action,
    ) == (
        True,
        None,
        None,
        "erase",
    )


@pytest.mark.parametrize(
    "facts",
    [
        # On an account that is older: the first snapshot with the choice dates it.
        customer("2026-01-10", kinds="newsletter", choices={"2026-05-01": True}),
        # On an order: the choice is made at the checkout.
        order("completed", "2026-05-01", kinds="newsletter", choices={"2026-05-03": True}),
        # Declined at the checkout, and consented later.
        order(
            "completed",
            "2026-03-01",
            kinds="newsletter",
            choices={"2026-03-01": False, "2026-05-01": True},
        ),
        # Withdrawn, and given again.
        order(
            "completed",
            "2026-03-01",
            kinds="newsletter",
            choices={"2026-03-01": True, "2026-04-01": False, "2026-05-01": True},
        ),
        # Declining at the checkout is about the newsletter, not about order attribution.
        order(
            "completed",
            "2026-05-01",
            kinds="attribution newsletter",
            choices={"2026-05-01": False, "2026-06-01": True},
        ),
        # Order attribution rests on consent too, and nothing withdraws it there.
        order("completed", "2026-05-01", kinds="attribution"),
    ],
)
def test_entry_of_a_given_consent(facts: Facts, policy: Policy) -> None:
    found = entry(facts, policy, "marketing")
    assert (_tag(found), str(found.runs_from)) == (("consent", "marketing"), "2026-05-01")
    assert (found.delete_after, found.until, found.governs) == (None, "consent-withdrawn", False)


@pytest.mark.parametrize(
    "facts",
    [
        customer(
            "2026-01-10", kinds="newsletter", choices={"2026-05-01": True, "2026-09-09": False}
        ),
        order(
            "completed",
            "2026-05-01",
            kinds="newsletter",
            choices={"2026-05-02": True, "2026-09-09": False},
        ),
        # Repeated choices: the first of each run counts.
        customer(
            "2026-01-10",
            kinds="newsletter",
            choices={
                "2026-05-01": True,
                "2026-06-01": True,
                "2026-09-09": False,
                "2026-10-01": False,
            },
        ),
        # Withdrawn, given again, withdrawn again: the last consent ended.
        customer(
            "2026-01-10",
            kinds="newsletter",
            choices={
                "2026-02-01": True,
                "2026-03-01": False,
                "2026-05-01": True,
                "2026-09-09": False,
            },
        ),
    ],
)
def test_entry_of_a_withdrawn_consent(facts: Facts, policy: Policy) -> None:
    found = entry(facts, policy, "marketing")
    assert (_tag(found), str(found.runs_from)) == (("consent", "marketing"), "2026-05-01")
    assert (str(found.delete_after), found.until) == ("2026-09-09", None)
    kept = proof(facts, policy)
    assert (_tag(kept), str(kept.runs_from)) == (
        ("legitimate-interests", "consent-evidence"),
        "2026-09-09",
    )
    assert (str(kept.delete_after), kept.until, kept.governs, kept.data) == (
        "2029-09-09",
        None,
        False,
        "marketing",
    )


@pytest.mark.parametrize(
    ("status", "delete_after", "until"),
    [
        # Completed 2026-11-22, erasure asked for 2026-11-23: e-mail and phone.
        ("completed", "2026-12-23", None),
        # The same while it is still processing.
        ("processing", None, "order-closed"),
    ],
)
def test_entries_after_an_erasure_request(
    status: str, delete_after: str | None, until: str | None, policy: Policy
) -> None:
    completed = "2026-11-22" if status == "completed" else None
    facts = order(
        status, "2026-11-22", paid_at="2026-11-22", completed_at=completed, kinds="contact"
    )
    asked = RecordEvent("e1", "erasure-requested", at("2026-11-23"))
    (found_entry,) = (
        item
        for item in classify(facts, policy, standing_of([asked])).entries
        if item.part == "contact"
    )
    assert (_tag(found_entry), str(found_entry.runs_from)) == (
        ("contract", "orders-accounting"),
        "2026-12-31",
    )
    assert (found_entry.delete_after and str(found_entry.delete_after), found_entry.until) == (
        delete_after,
        until,
    )


def test_a_renewed_consent_runs_from_its_day_without_an_end(policy: Policy) -> None:
    choices = {"2026-02-01": True, "2026-03-01": False, "2026-05-01": True}
    found = entry(customer("2026-01-10", kinds="newsletter", choices=choices), policy, "marketing")
    assert (str(found.runs_from), found.delete_after, found.until) == (
        "2026-05-01",
        None,
        "consent-withdrawn",
    )


def test_a_newsletter_never_consented_to_is_not_kept(policy: Policy) -> None:
    facts = order("completed", "2026-05-01", kinds="newsletter", choices={"2026-05-01": False})
    found = entry(facts, policy, "marketing")
    assert (found.event, str(found.delete_after), found.until) == (
        "consent-declined",
        "2026-05-01",
        None,
    )
    assert {item.retention_class for item in planned(facts, policy).entries} == {
        "orders-accounting",
        "marketing",
    }


def test_entry_of_a_customer_note(policy: Policy) -> None:
    note = entry(order("completed", "2026-11-22", kinds="note"), policy, "support")
    assert (_tag(note), str(note.runs_from)) == (
        ("legitimate-interests", "support-requests"),
        "2026-11-22",
    )
    assert (str(note.review_after), str(note.delete_after)) == ("2027-11-22", "2029-11-22")


def test_entry_of_a_support_request(policy: Policy) -> None:
    request_entry = governing(SupportRequestFacts(closed_at=at("2026-11-22")), policy)
    assert (_tag(request_entry), request_entry.event) == (
        ("legitimate-interests", "support-requests"),
        "request-closed",
    )
    assert (str(request_entry.review_after), str(request_entry.delete_after)) == (
        "2027-11-22",
        "2029-11-22",
    )


# --- the clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "runs_from"),
    [
        # Paid, completed or refunded, whichever is last.
        (order(paid_at="2024-06-01", completed_at="2025-06-01"), "2025-12-31"),
        (order(paid_at="2025-06-01", completed_at="2024-06-01"), "2025-12-31"),
        (order(paid_at="2024-06-01", refunds={1: "2025-06-01", 2: "2026-06-01"}), "2026-12-31"),
        # The order of the refunds, and one whose day is not known yet, do not matter.
        (
            order(paid_at="2024-06-01", refunds={1: "2026-06-01", 2: "2025-06-01", 3: None}),
            "2026-12-31",
        ),
        # No event known: the day of creation.
        (order("completed", "2023-06-01"), "2023-12-31"),
        (order("refunded", "2023-06-01", refunds={1: None}), "2023-12-31"),
        # Creation does not count if an accounting event is known.
        (order("completed", "2026-01-01", paid_at="2025-12-01"), "2025-12-31"),
    ],
)
def test_accounting_clock(facts: OrderFacts, runs_from: str, policy: Policy) -> None:
    assert str(governing(facts, policy).runs_from) == runs_from


@pytest.mark.parametrize(
    ("facts", "runs_from"),
    [
        (customer("2026-01-10"), "2026-01-10"),
        (customer("2026-01-10", last_active_at="2026-02-01"), "2026-02-01"),
        (customer("2026-01-10", last_order_at="2026-03-01"), "2026-03-01"),
        (
            customer("2026-01-10", last_active_at="2026-04-01", last_order_at="2026-03-01"),
            "2026-04-01",
        ),
        # Signed up after an order was placed as a guest and linked.
        (
            customer("2026-05-01", last_active_at="2026-04-01", last_order_at="2026-03-01"),
            "2026-05-01",
        ),
    ],
)
def test_last_activity_clock(facts: Facts, runs_from: str, policy: Policy) -> None:
    assert {str(item.runs_from) for item in planned(facts, policy).entries} == {runs_from}


def test_inactivity_from_a_leap_day(policy: Policy) -> None:
    assert governing(customer("2024-02-29"), policy).delete_after == date(2026, 2, 28)


def test_a_change_by_staff_or_by_the_service_is_no_activity(policy: Policy) -> None:
    """Each of our writes changes `date_modified`, but not the account's day of activity."""
    early, late = (
        CustomerSchema(policy.meta).load(recordings.customer(date_modified_gmt=modified)).facts
        for modified in ("2026-11-23T00:00:00", "2029-11-23T00:00:00")
    )
    assert governing(early, policy).delete_after == governing(late, policy).delete_after


@pytest.mark.parametrize(
    "kinds", ["network", "network note attribution newsletter shipping identity contact"]
)
def test_technical_clock_runs_from_the_order(kinds: str, policy: Policy) -> None:
    found = entry(
        order("completed", "2026-11-22", paid_at="2027-05-01", kinds=kinds), policy, "technical"
    )
    assert (str(found.runs_from), str(found.delete_after)) == ("2026-11-22", "2027-11-22")


def test_consent_log_clock(policy: Policy) -> None:
    """The last choice counts, whatever it was: the shop must be able to prove it."""
    choices = (Choice(at("2025-05-01"), given=True), Choice(at("2026-05-01"), given=False))
    log_entry = governing(ConsentFacts("cookie-consent", choices), policy)
    assert (log_entry.retention_class, str(log_entry.runs_from), log_entry.until) == (
        "cookie-consent-logs",
        "2026-05-01",
        None,
    )
    # Kept as a proof: no law requires the log.
    assert log_entry.basis == "legitimate-interests"
    assert (str(log_entry.review_after), str(log_entry.delete_after)) == (
        "2027-05-01",
        "2028-05-01",
    )


@pytest.mark.parametrize(
    ("choices", "until", "delete_after"),
    [
        ([("2026-05-01", True)], "consent-withdrawn", None),
        ([("2026-05-01", True), ("2026-09-09", False)], None, "2026-09-09"),
        (
            [("2026-05-01", True), ("2026-09-09", False), ("2026-10-01", True)],
            "consent-withdrawn",
            None,
        ),
        # Only the withdrawal is known: the consent ends on its first day.
        ([("2026-09-09", False)], None, "2026-09-09"),
    ],
)
def test_newsletter_consent_reported_by_another_tool(
    choices: list[tuple[str, bool]], until: str | None, delete_after: str | None, policy: Policy
) -> None:
    facts = ConsentFacts(
        "marketing-consent", tuple(Choice(at(day), given=given) for day, given in choices)
    )
    found = governing(facts, policy)
    assert (_tag(found), found.until) == (("consent", "marketing"), until)
    assert found.delete_after == (date.fromisoformat(delete_after) if delete_after else None)


def test_creation_clock_of_an_account(policy: Policy) -> None:
    found = anchor("created", customer("2026-01-10", last_active_at="2026-11-22"), policy)
    assert (found.event, str(found.day), found.phrase) == (
        "created",
        "2026-01-10",
        "Account created on 2026-01-10",
    )


@pytest.mark.parametrize(
    ("clock", "facts"),
    [
        # Clocks that the policy check does not allow for these kinds of records.
        ("last-activity", order()),
        ("accounting-year-end", customer()),
        ("consent", SupportRequestFacts(closed_at=at("2026-11-22"))),
        # A consent in effect has no end.
        ("consent-ended", customer(kinds="newsletter", choices={"2026-05-01": True})),
        # An account that is known only from an order.
        ("created", customer(None)),
        ("consent", customer(None)),
    ],
)
def test_a_clock_that_cannot_run_is_refused(clock: Clock, facts: Facts, policy: Policy) -> None:
    with pytest.raises(ValueError, match=r"cannot run for|has no clock yet|has no end yet"):
        anchor(clock, facts, policy)


def test_broken_accounting_year(tmp_path: Path) -> None:
    """From 1 July: an order of November is in the year that ends next June."""
    path = tmp_path / "broken-year.toml"
    path.write_text(POLICY_FILE.read_text().replace('start = "01-01"', 'start = "07-01"'))
    found = governing(order(paid_at="2026-11-22"), load_policy(path))
    assert (str(found.runs_from), str(found.delete_after)) == ("2027-06-30", "2032-06-30")


# --- data of an order -----------------------------------------------------------------------------------

SUPPORT = ("legitimate-interests", "support-requests")
TECHNICAL = ("legitimate-interests", "technical")
MARKETING = ("consent", "marketing")

# data category, required kind of data, and the tags of a paid and of an unpaid order
ORDER_HOLDS = [
    ("order-payment", "", ACCOUNTING, UNPAID),
    ("identity-contact (identity)", "identity", ACCOUNTING, UNPAID),
    ("identity-contact (contact)", "contact", ("contract", "orders-accounting"), UNPAID),
    ("shipping", "shipping", ACCOUNTING, UNPAID),
    ("support", "note", SUPPORT, SUPPORT),
    ("technical", "network", TECHNICAL, TECHNICAL),
    ("marketing", "attribution", MARKETING, MARKETING),
    ("marketing", "newsletter", MARKETING, MARKETING),
    ("marketing", "attribution newsletter", MARKETING, MARKETING),
]


@pytest.mark.parametrize(("data", "kinds", "when_paid", "when_unpaid"), ORDER_HOLDS)
def test_data_categories_of_an_order(
    data: str, kinds: str, when_paid: tuple[str, str], when_unpaid: tuple[str, str], policy: Policy
) -> None:
    for facts, tag in (
        (order("completed", paid_at="2026-11-22", kinds=kinds), when_paid),
        (order("pending", kinds=kinds), when_unpaid),
    ):
        found = entry(facts, policy, data)
        assert (_tag(found), found.governs) == (tag, data == "order-payment")
        assert {item.name for item in planned(facts, policy).entries} == {"order-payment", data}


@pytest.mark.parametrize("status", sorted(PAID_STATUSES))
def test_status_of_an_order_that_was_paid(status: str, policy: Policy) -> None:
    assert _tag(governing(order(status), policy)) == ACCOUNTING


@pytest.mark.parametrize("status", sorted(UNPAID_STATUSES))
def test_status_of_an_unpaid_order_unless_it_has_a_payment_day(status: str, policy: Policy) -> None:
    assert _tag(governing(order(status), policy)) == UNPAID
    assert _tag(governing(order(status, paid_at="2026-11-22"), policy)) == ACCOUNTING


@pytest.mark.parametrize(
    ("paid", "tag"),
    [
        ("2026-11-22T10:00:00", ACCOUNTING),
        (None, UNPAID),
    ],
)
@pytest.mark.parametrize("status", ["awaiting-shipment", "wc-backorder", "", "TRASHED"])
def test_an_unknown_status_follows_the_payment(
    status: str, paid: str | None, tag: tuple[str, str], policy: Policy
) -> None:
    facts = OrderSchema(policy.meta).load(recordings.order(status=status, date_paid_gmt=paid)).facts
    assert (facts.status, _tag(governing(facts, policy))) == ("unknown", tag)


@pytest.mark.parametrize(
    "facts",
    [
        order("pending", kinds="note attribution newsletter network", choices={"2026-11-22": True}),
        customer(kinds="newsletter", choices={"2026-11-22": True}, last_active_at="2020-01-01"),
    ],
)
def test_secondary_data_never_lengthen_a_record(facts: Facts, policy: Policy) -> None:
    """The note (36 months) and the consent in effect (no end) both outlast the governing entry."""
    plan = planned(facts, policy)
    ends = [item.delete_after or date.max for item in plan.entries]
    assert plan.governing is not None
    assert plan.governing.data in ("order-payment", "account")
    assert plan.governing.delete_after is not None
    assert plan.governing.delete_after < max(ends)


def test_the_longest_of_several_governing_entries_wins(tmp_path: Path) -> None:
    path = tmp_path / "two-govern.toml"
    note = 'class = "support-requests"\nsurvives_erasure = true'
    path.write_text(POLICY_FILE.read_text().replace(note, f"{note}\ngoverns = true", 1))
    changed = load_policy(path)
    # Unpaid: 12 months, its note: 36. Paid: five years and more.
    assert governing(order("pending", kinds="note"), changed).data == "support"
    assert governing(order("completed", kinds="note"), changed).data == "order-payment"


# --- data of a customer ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        # Always.
        (customer(), {("account", *ACCOUNT, True), ("identity-contact", *ACCOUNT, False)}),
        # `wc_last_active` is there.
        (
            customer(last_active_at="2026-11-22"),
            {
                ("account", *ACCOUNT, True),
                ("identity-contact", *ACCOUNT, False),
                ("technical", "legitimate-interests", "customer-accounts", False),
            },
        ),
        # A newsletter choice in the named meta keys.
        (
            customer(kinds="newsletter", choices={"2026-11-22": True}),
            {
                ("account", *ACCOUNT, True),
                ("identity-contact", *ACCOUNT, False),
                ("marketing", *MARKETING, False),
            },
        ),
        # A placed order is activity, and no data of the account.
        (
            customer(last_order_at="2026-11-22"),
            {("account", *ACCOUNT, True), ("identity-contact", *ACCOUNT, False)},
        ),
    ],
)
def test_data_categories_of_a_customer(
    facts: Facts, holds: set[tuple[str, str, str, bool]], policy: Policy
) -> None:
    found = {
        (item.data, item.basis, item.retention_class, item.governs)
        for item in planned(facts, policy).entries
    }
    assert found == holds


@pytest.mark.parametrize(
    ("role", "phase"),
    [
        ("customer", "active"),
        ("subscriber", "active"),
        ("administrator", "ignored"),
        ("shop_manager", "ignored"),
        ("editor", "ignored"),
        ("Customer", "ignored"),
    ],
)
def test_staff_are_ignored(role: str, phase: str, policy: Policy) -> None:
    facts = CustomerSchema(policy.meta).load(recordings.customer(role=role)).facts
    plan = planned(facts, policy)
    assert plan.phase == phase
    assert bool(plan.entries) is bool(plan.governing) is (role in CUSTOMER_ROLES)


def test_an_account_known_only_from_an_order_has_no_schedule_yet(policy: Policy) -> None:
    plan = planned(customer(None, last_order_at="2026-11-22"), policy)
    assert (plan.phase, plan.entries, plan.governing) == ("unknown", (), None)


# --- when the store acts first -----------------------------------------------------------------------------

EVERYTHING: dict[str, Any] = {
    "paid_at": "2026-11-22",
    "kinds": "identity contact shipping note network attribution newsletter item-meta refund-reason",
    "choices": {"2026-11-22": True},
}
LEFT = ["support", "technical", "marketing", "order-payment (item-meta)", "support (refund-reason)"]


def test_a_trashed_record_keeps_its_schedule(policy: Policy) -> None:
    kept = planned(order(**EVERYTHING), policy)
    trashed = planned(order(**EVERYTHING, trashed=True), policy)
    assert (trashed.phase, kept.phase) == ("trashed", "active")
    assert (trashed.entries, trashed.governing) == (kept.entries, kept.governing)


def test_an_erased_order_keeps_what_the_eraser_left(policy: Policy) -> None:
    """A note, a shortened address, order attribution, consent meta and texts on items and refunds stay, with
    their own dates. The tag keeps the schedule from before."""
    kept = planned(order(**EVERYTHING), policy)
    erased = planned(order(**EVERYTHING, erased_at="2026-12-24"), policy)
    assert (erased.phase, erased.governing) == ("erased", kept.governing)
    assert [item.name for item in erased.entries] == LEFT
    assert {item.name for item in kept.entries} & {
        "order-payment (item-meta)",
        "support (refund-reason)",
    } == set()
    before = {item.name: str(item.delete_after or item.until) for item in kept.entries}
    assert {item.name: str(item.delete_after or item.until) for item in erased.entries} == {
        **{name: before[name] for name in ("support", "technical", "marketing")},
        "order-payment (item-meta)": "2031-12-31",
        "support (refund-reason)": "2029-11-22",
    }


@pytest.mark.parametrize(
    ("kinds", "left"),
    [
        ("identity contact shipping", []),
        ("network", ["technical"]),
        ("item-meta", ["order-payment (item-meta)"]),
        ("refund-reason", ["support (refund-reason)"]),
        ("note refund-reason", ["support", "support (refund-reason)"]),
        ("note", ["support"]),
        ("attribution", ["marketing"]),
        ("newsletter", ["marketing"]),
    ],
)
def test_each_kind_of_data_that_the_eraser_leaves(
    kinds: str, left: list[str], policy: Policy
) -> None:
    erased = planned(order(kinds=kinds, erased_at="2026-12-24", trashed=True), policy)
    assert (erased.phase, [item.name for item in erased.entries]) == ("erased", left)


def test_proof_of_consent_survives_the_eraser_with_its_data(policy: Policy) -> None:
    facts = order(
        kinds="newsletter",
        choices={"2026-11-22": True, "2026-11-30": False},
        erased_at="2026-12-24",
    )
    assert str(proof(facts, policy).delete_after) == "2029-11-30"
    gone = order(choices={"2026-11-22": True, "2026-11-30": False}, erased_at="2026-12-24")
    assert planned(gone, policy).entries == ()


def test_item_texts_of_an_unpaid_order_go_with_the_order(policy: Policy) -> None:
    facts = order("cancelled", "2026-11-22", kinds="item-meta", erased_at="2026-12-24")
    (found,) = planned(facts, policy).entries
    assert (_tag(found), str(found.delete_after)) == (UNPAID, "2027-11-22")


def test_the_recorded_erasure(policy: Policy) -> None:
    """Placeholders such as `[deleted]` and `deleted@site.invalid` do not count as remaining data."""
    facts = OrderSchema(policy.meta).load(recordings.delivery(33).payload).facts
    plan = planned(facts, policy)
    assert (plan.phase, [item.name for item in plan.entries]) == (
        "erased",
        ["support", "marketing", "support (refund-reason)"],
    )


def test_only_the_named_meta_keys_hold_a_choice(policy: Policy) -> None:
    meta = [{"key": "newsletter", "value": "yes"}, {"key": "ws_opt_in_2", "value": "yes"}]
    facts = OrderSchema(policy.meta).load(recordings.order(meta_data=meta)).facts
    assert "newsletter" not in facts.kinds
    named = MetaVocabulary(frozenset({"newsletter"}), frozenset({"yes"}), frozenset({"no"}))
    assert "newsletter" in OrderSchema(named).load(recordings.order(meta_data=meta)).facts.kinds
