"""The exact sentence for each kind of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooks.retention.clock import Period
from hooks.retention.facts import Facts, SupportRequestFacts
from hooks.retention.policy import Policy
from schemas.policy import load_policy
from tests.conftest import POLICY_FILE
from tests.unit.builders import at, customer, entry, order, proof

FIVE_YEARS = "five years later is 2031-12-31; bokføringsloven § 13, policy section 11"
OWN = "the operator's own choice, the published policy being silent"


@pytest.mark.parametrize(
    ("facts", "data", "sentence"),
    [
        (
            order("processing", paid_at="2026-11-22"),
            "order-payment",
            f"Paid on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        # The last event is named; two events of one day are both named.
        (
            order(paid_at="2026-11-20", completed_at="2026-11-22"),
            "order-payment",
            f"Completed on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        (
            order(paid_at="2026-11-22", completed_at="2026-11-22"),
            "order-payment",
            f"Paid and completed on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        # Two refunds of one day are named once.
        (
            order(paid_at="2026-11-20", refunds={1: "2026-11-22", 2: "2026-11-22"}),
            "order-payment",
            f"Refunded on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        # No accounting event is known.
        (
            order("completed", "2026-11-22"),
            "order-payment",
            f"Created on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        # The day is Oslo's.
        (
            order("processing", paid_at="2025-12-31T23:30:00"),
            "order-payment",
            f"Paid on 2026-01-01; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        (
            order("processing", paid_at="2026-11-22", kinds="shipping"),
            "shipping",
            f"Paid on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        # Where the page is silent, the sentence says whose choice it is.
        (
            order("pending", "2026-11-22"),
            "order-payment",
            f"Order created on 2026-11-22; twelve months later is 2027-11-22; {OWN}",
        ),
        (
            order("completed", "2026-11-22", kinds="network"),
            "technical",
            f"Order created on 2026-11-22; twelve months later is 2027-11-22; {OWN}",
        ),
        # A legal obligation without a named law.
        (
            order("processing", paid_at="2026-11-22", kinds="contact"),
            "identity-contact",
            f"Paid on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}",
        ),
        # What the store's eraser left.
        (
            order("completed", paid_at="2026-11-22", kinds="item-meta", erased_at="2026-12-24"),
            "order-payment",
            f"Paid on 2026-11-22; the accounting year ended 2026-12-31; {FIVE_YEARS}; that it applies here is {OWN}",
        ),
        (
            order("completed", "2026-11-22", kinds="refund-reason", erased_at="2026-12-24"),
            "support",
            "Note or reason of a refund counted from the day of the order, 2026-11-22; may go from 2027-11-22, twelve "
            f"months later; 36 months later is 2029-11-22; policy section 11; that it applies here is {OWN}",
        ),
        # A range.
        (
            order("completed", "2026-11-22", kinds="note"),
            "support",
            "Note left with the order on 2026-11-22; may go from 2027-11-22, twelve months later; "
            "36 months later is 2029-11-22; policy section 11",
        ),
        (
            SupportRequestFacts(closed_at=at("2026-11-22")),
            "support",
            "Request closed on 2026-11-22; may go from 2027-11-22, twelve months later; "
            "36 months later is 2029-11-22; policy section 11",
        ),
        # An account: the last activity, and what it was.
        (
            customer("2026-01-10"),
            "account",
            "Last activity (sign-up) on 2026-01-10; 24 months later is 2028-01-10; policy section 11",
        ),
        (
            customer("2026-01-10", last_active_at="2026-11-22"),
            "account",
            "Last activity (log-in or visit) on 2026-11-22; 24 months later is 2028-11-22; policy section 11",
        ),
        (
            customer("2026-01-10", last_active_at="2026-11-22", last_order_at="2026-11-22"),
            "technical",
            "Last activity (log-in or visit and order placed) on 2026-11-22; 24 months later is 2028-11-22; "
            "policy section 11",
        ),
        # An end in the future, one in the past, and one at once.
        (
            customer("2026-01-10", kinds="newsletter", choices={"2026-05-01": True}),
            "marketing",
            "Consent given on 2026-05-01; kept until consent withdrawn; policy section 11",
        ),
        (
            customer(
                "2026-01-10", kinds="newsletter", choices={"2026-05-01": True, "2026-09-09": False}
            ),
            "marketing",
            "Consent given on 2026-05-01; withdrawn on 2026-09-09, which ends it; policy section 11",
        ),
        (
            order("pending", "2026-05-01", kinds="newsletter", choices={"2026-05-01": False}),
            "marketing",
            "Newsletter declined on 2026-05-01; no consent to keep it under, which ends it; policy section 11",
        ),
    ],
)
def test_sentence_of_an_entry(facts: Facts, data: str, sentence: str, policy: Policy) -> None:
    assert entry(facts, policy, data).reason == sentence


def test_a_proof_says_which_consent_ended_and_when(policy: Policy) -> None:
    facts = customer(
        "2026-01-10", kinds="newsletter", choices={"2026-05-01": True, "2026-09-09": False}
    )
    assert proof(facts, policy).reason == (
        "Consent to marketing ended on 2026-09-09; three years later is 2029-09-09; "
        f"foreldelsesloven § 2; GDPR Art. 7(1), {OWN}"
    )


def test_an_operators_rule_for_a_published_class_names_both(tmp_path: Path) -> None:
    path = tmp_path / "own-rule.toml"
    rule = 'basis = "legitimate-interests"\nclass = "technical"'
    text = POLICY_FILE.read_text()
    assert rule in text
    path.write_text(text.replace(rule, rule.replace('"technical"', '"support-requests"'), 1))
    assert entry(
        order("completed", "2026-11-22", kinds="network"), load_policy(path), "technical"
    ).reason == (
        "Note left with the order on 2026-11-22; may go from 2027-11-22, twelve months later; "
        f"36 months later is 2029-11-22; policy section 11; that it applies here is {OWN}"
    )


@pytest.mark.parametrize(
    ("iso", "words"),
    [
        ("P1Y", "one year"),
        ("P5Y", "five years"),
        ("P12M", "twelve months"),
        ("P13M", "13 months"),
        ("P1M", "one month"),
        ("P1D", "one day"),
        ("P30D", "30 days"),
        ("P1Y6M", "one year and six months"),
        ("P2Y1M10D", "two years and one month and ten days"),
    ],
)
def test_period_in_words(iso: str, words: str) -> None:
    assert str(Period.from_iso(iso)) == words
