"""The register of processing activities under the shipped policy and under variants of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import get_args

import pytest

from hooks.register.activities import register
from hooks.register.labels import AT_END, RUNS_FROM, SUBJECTS, UNTIL
from hooks.register.values import Citation, Holding, ProcessingActivity, Register
from hooks.retention.clock import Period
from hooks.retention.facts import KINDS, RecordKind
from hooks.retention.policy import CLOCKS, Controller, Policy, Published, Recipient, Rule
from hooks.retention.policy_check import faults

ON = date(2026, 11, 23)


@pytest.fixture(scope="module")
def shipped(policy: Policy) -> Register:
    """The register under the shipped policy."""
    return register(
        policy, on=ON, stores={"shop": "https://shop.example", "outlet": "https://outlet.example"}
    )


def _activity(made: Register, purpose: str) -> ProcessingActivity:
    (found,) = (activity for activity in made.activities if activity.purpose.id == purpose)
    return found


def _told(holding: Holding) -> tuple[str, ...]:
    """The rows of an activity: data, kinds of records, legal bases, class, period, source."""
    return (
        holding.category.id,
        " ".join(item.kind for item in holding.subjects),
        " ".join(item.id for item in holding.bases),
        holding.time_limit.id,
        holding.time_limit.period,
        "; ".join(map(str, holding.sources)),
    )


UNPAID = "not published (gap unpaid-orders)"
SECTION = "policy section 11 (Retention)"
LEFTOVERS = "not published (gap erasure-leftovers)"

SHIPPED: list[tuple[str, list[tuple[str, ...]]]] = [
    (
        "run-and-secure",
        [
            (
                "technical",
                "order",
                "legitimate-interests",
                "technical",
                "twelve months",
                "not published (gap technical-data)",
            ),
            (
                "technical",
                "customer",
                "legitimate-interests",
                "customer-accounts",
                "24 months",
                SECTION,
            ),
        ],
    ),
    (
        "orders",
        [
            (
                "order-payment",
                "order",
                "contract",
                "unpaid-orders",
                "twelve months",
                f"{UNPAID}; {LEFTOVERS}",
            ),
            ("identity-contact", "order", "contract", "orders-accounting", "five years", SECTION),
            ("identity-contact", "order", "contract", "unpaid-orders", "twelve months", UNPAID),
            ("shipping", "order", "contract", "unpaid-orders", "twelve months", UNPAID),
            ("account", "customer", "contract", "customer-accounts", "24 months", SECTION),
            ("identity-contact", "customer", "contract", "customer-accounts", "24 months", SECTION),
        ],
    ),
    (
        "customer-support",
        [
            (
                "support",
                "order support-request",
                "legitimate-interests",
                "support-requests",
                "from twelve months to 36 months",
                f"{SECTION}; {LEFTOVERS}",
            )
        ],
    ),
    (
        "accounting",
        [
            (
                "order-payment",
                "order",
                "legal-obligation",
                "orders-accounting",
                "five years",
                f"{SECTION}; {LEFTOVERS}",
            ),
            (
                "identity-contact",
                "order",
                "legal-obligation",
                "orders-accounting",
                "five years",
                SECTION,
            ),
            ("shipping", "order", "legal-obligation", "orders-accounting", "five years", SECTION),
            (
                "marketing",
                "order customer marketing-consent",
                "legitimate-interests",
                "consent-evidence",
                "three years",
                "not published (gap consent-evidence)",
            ),
            (
                "technical",
                "cookie-consent",
                "legitimate-interests",
                "cookie-consent-logs",
                "from twelve months to 24 months",
                "not published (gap cookie-consent-basis)",
            ),
        ],
    ),
    ("improve", []),  # a purpose of the page for which no rule keeps anything
    (
        "marketing",
        [
            (
                "marketing",
                "order customer marketing-consent",
                "consent",
                "marketing",
                "until consent is withdrawn",
                SECTION,
            )
        ],
    ),
]


def test_the_activities_are_the_purposes_of_the_page(shipped: Register) -> None:
    assert [activity.purpose.id for activity in shipped.activities] == [
        purpose for purpose, _ in SHIPPED
    ]


@pytest.mark.parametrize(("purpose", "holdings"), SHIPPED)
def test_data_categories_of_an_activity(
    purpose: str, holdings: list[tuple[str, ...]], shipped: Register
) -> None:
    assert [_told(holding) for holding in _activity(shipped, purpose).holdings] == holdings


def test_every_rule_is_in_the_register_once(policy: Policy, shipped: Register) -> None:
    holdings = [
        (activity, holding) for activity in shipped.activities for holding in activity.holdings
    ]
    listed = [name for _, holding in holdings for name in holding.rules]
    assert sorted(listed) == sorted(rule.id for rule in policy.rules)
    for rule in policy.rules:
        ((activity, holding),) = [pair for pair in holdings if rule.id in pair[1].rules]
        assert (activity.purpose.id, holding.category.id) == (rule.purpose, rule.data)
        assert holding.time_limit.id == rule.retention_class
        assert rule.basis in [basis.id for basis in holding.bases]
        assert rule.kind in [subjects.kind for subjects in holding.subjects]


def test_a_purpose_without_a_rule_is_reported(shipped: Register) -> None:
    improve = _activity(shipped, "improve")
    assert improve.purpose.label == "Improve our website and services"
    assert improve.note == "No rule keeps a record of the shop for this purpose."
    assert improve.recipients == ()
    assert any("Improve our website and services" in sentence for sentence in shipped.unanswered)
    assert [activity.note for activity in shipped.activities if activity.holdings] == [""] * 5


def test_time_limits_name_their_start_and_their_law(shipped: Register) -> None:
    paid = _activity(shipped, "accounting").holdings[0].time_limit
    assert (paid.law, paid.at_end, str(paid.source)) == ("bokføringsloven § 13", "erased", SECTION)
    assert "end of the accounting year" in paid.runs_from[0]
    asked = _activity(shipped, "customer-support").holdings[0].time_limit
    assert asked.runs_from == (
        "the day of the order with which the note was left",
        "the day on which the request was closed (or made, where only that is known)",
    )
    unpaid = _activity(shipped, "orders").holdings[0].time_limit.source
    assert (unpaid.is_published, unpaid.gap) == (False, "unpaid-orders")
    assert unpaid.choice.startswith("Orders that were never paid are steps before a contract")


def test_legal_bases_have_their_articles(shipped: Register) -> None:
    found = {basis.id: basis.article for activity in shipped.activities for basis in activity.bases}
    assert found == {
        "contract": "GDPR Art. 6(1)(b)",
        "legal-obligation": "GDPR Art. 6(1)(c)",
        "legitimate-interests": "GDPR Art. 6(1)(f)",
        "consent": "GDPR Art. 6(1)(a)",
    }


PROVIDERS = "klarna paypal stripe nets vipps quickpay bambora"
WAYS = f"visa mastercard american-express {PROVIDERS} ups dhl posten bring"

RECIPIENTS = [
    ("run-and-secure", "hosting"),
    ("orders", f"hosting {WAYS} advisers-and-authorities"),
    ("customer-support", "hosting"),  # a note or a support request has no recipient
    # The newsletter tool gets no cookie choice, but it gets who has unsubscribed.
    ("accounting", f"hosting {WAYS} brevo advisers-and-authorities"),
    ("marketing", "hosting brevo"),
]


@pytest.mark.parametrize(("purpose", "expected"), RECIPIENTS)
def test_recipients_of_an_activity(purpose: str, expected: str, shipped: Register) -> None:
    assert [item.id for item in _activity(shipped, purpose).recipients] == expected.split()


HOLDING_RECIPIENTS = [
    (
        "order-payment unpaid-orders",
        f"hosting visa mastercard american-express {PROVIDERS} advisers-and-authorities",
    ),
    ("shipping unpaid-orders", f"hosting {PROVIDERS} ups dhl posten bring"),
    ("account customer-accounts", "hosting"),
    (
        "identity-contact customer-accounts",
        "hosting advisers-and-authorities",
    ),  # nobody ships or pays an account
]


@pytest.mark.parametrize(("held", "expected"), HOLDING_RECIPIENTS)
def test_recipients_by_the_data_that_is_held(held: str, expected: str, shipped: Register) -> None:
    found = {
        f"{one.category.id} {one.time_limit.id}": one
        for one in _activity(shipped, "orders").holdings
    }
    assert [item.id for item in found[held].recipients] == expected.split()


SOME = Recipient(
    "some", "Some", "tools", "processor", Published(8), frozenset({"account", "order-payment"})
)

GETS = [
    (replace(SOME, always=True), {"orders", "accounting"}),
    (SOME, {"orders", "accounting"}),  # only where the law requires it
    (replace(SOME, payment=("card",)), {"orders", "accounting"}),
    (
        replace(SOME, payment=("card",), data=frozenset({"account"})),
        set(),
    ),  # nobody pays an account
    (replace(SOME, holding=frozenset({"customer"})), {"orders"}),  # a kind of record
    (replace(SOME, holding=frozenset({"unpaid"})), {"orders"}),  # a condition
    (
        replace(SOME, holding=frozenset({"note"})),
        {"orders", "accounting"},
    ),  # no rule for this data mentions it
    (
        replace(SOME, holding=frozenset({"customer"}), payment=("card",)),
        {"orders", "accounting"},
    ),  # not this one either
    (replace(SOME, data=frozenset({"support"})), {"customer-support"}),
]


@pytest.mark.parametrize(("recipient", "expected"), GETS)
def test_recipients_of_each_activity(
    recipient: Recipient, expected: set[str], policy: Policy
) -> None:
    made = register(replace(policy, recipients={"some": recipient}), on=ON)
    assert {activity.purpose.id for activity in made.activities if activity.recipients} == expected


WHEN = [
    ("hosting", "always"),
    ("visa", "when an order is paid that way"),
    ("dhl", "when an order is shipped that way"),
    ("brevo", "with marketing consent or newsletter"),
    ("advisers-and-authorities", "where law requires it"),
]


@pytest.mark.parametrize(("name", "expected"), WHEN)
def test_conditions_under_which_a_recipient_gets_data(
    name: str, expected: str, shipped: Register
) -> None:
    assert {item.id: item.when for item in shipped.recipients}[name] == expected


def test_processing_outside_the_eea_is_a_transfer_with_safeguards(
    policy: Policy, shipped: Register
) -> None:
    outside = {item.id for item in policy.recipients.values() if item.outside}
    assert outside == {"visa", "mastercard", "american-express", "paypal", "stripe", "ups"}
    assert {item.id for activity in shipped.activities for item in activity.transfers} == outside
    for activity in shipped.activities:
        for item in activity.transfers:
            assert [safeguard.label for safeguard in item.safeguards] == [
                "EU Standard Contractual Clauses (SCCs)",
                "UK transfer addendum / IDTA (where applicable)",
            ]
            assert {str(safeguard.source) for safeguard in item.safeguards} == {
                "policy section 9 (International transfers)"
            }
    assert any(
        "American Express, PayPal, Stripe Payments Europe Ltd, UPS" in sentence
        for sentence in shipped.unanswered
    )


def test_head_of_the_register(shipped: Register) -> None:
    controller = shipped.controller
    assert (controller.name, controller.organisation_number) == ("SmartGroup AS", "999 615 147")
    assert controller.address == "Fornebuveien 46, 1366 Lysaker, Norway"
    assert (controller.privacy_contact, controller.phone) == (
        "post@smartgroup.no",
        "+47 649 59 444",
    )
    assert controller.dpo == "We have not appointed a DPO."
    assert "UK GDPR" in controller.uk
    assert str(controller.source) == "policy section 1 (Who we are)"
    assert (shipped.policy_id, shipped.policy_version, shipped.effective_from) == (
        "smartgroup-2026-11-22",
        "2",
        date(2026, 11, 22),
    )
    assert [name for name, _ in shipped.stores] == ["outlet", "shop"]
    assert str(shipped.security.source) == "policy section 10 (Security)"
    assert shipped.security.measures == (
        "Encrypted connections (HTTPS)",
        "Access controls and limited access",
        "Secure hosting and backups",
    )


def test_a_recipient_missing_on_the_page_names_its_gap(shipped: Register) -> None:
    sources = {item.id: str(item.source) for item in shipped.recipients}
    assert sources["stripe"] == "not published (gap payment-providers)"
    assert sources["klarna"] == "policy section 8 (Sharing of data)"


def test_sources_of_data(shipped: Register) -> None:
    sources = {
        item.term.id: ([one.id for one in item.categories], str(item.term.source))
        for item in shipped.collected
    }
    section = "policy section 3 (How we collect data)"
    assert sources == {
        "person": (
            ["identity-contact", "account", "order-payment", "shipping", "support", "marketing"],
            section,
        ),
        "automatic": (["marketing", "technical"], section),
        "providers": (["order-payment", "shipping"], section),
    }


def test_statement_on_children(policy: Policy, shipped: Register) -> None:
    assert shipped.children
    assert (shipped.children.age, str(shipped.children.source)) == (
        13,
        "policy section 14 (Children)",
    )
    assert shipped.children.label.startswith("Our services are not intended for children under 13")
    assert register(replace(policy, children=None), on=ON).children is None


@pytest.mark.parametrize(
    ("has_hashes", "words"), [(True, "GDPR Art. 4(5)"), (False, "no hashes of e-mail addresses")]
)
def test_personal_data_in_the_ledger(has_hashes: bool, words: str, policy: Policy) -> None:
    ledger = register(policy, on=ON, has_hashes=has_hashes).ledger
    assert ledger.has_hashes == has_hashes
    assert words in ledger.description


def test_all_gaps_are_listed(policy: Policy, shipped: Register) -> None:
    assert [gap.id for gap in shipped.gaps] == list(policy.gaps)


def _silent(policy: Policy) -> Policy:
    """A policy with only the required content."""
    told = policy.controller
    bare = Controller(told.name, told.address, told.organisation_number, told.privacy_contact)
    return replace(policy, controller=bare, security=(), recipients={}, sections={4: "Why"})


def test_the_register_says_what_the_policy_leaves_open(policy: Policy) -> None:
    silent_register = register(_silent(policy), on=date(2026, 1, 14))
    assert (
        silent_register.controller.dpo
        == "The policy does not say whether a data protection officer is appointed."
    )
    assert (
        silent_register.controller.uk,
        silent_register.controller.phone,
        silent_register.stores,
    ) == ("", "", ())
    assert str(silent_register.controller.source) == "the policy does not say where it comes from"
    assert silent_register.unanswered[1:] == (
        "The policy names no measures of security (GDPR Art. 30(1)(g)).",
        "For the purpose “Improve our website and services” no rule says which data is used, on which basis and for "
        "how long.",
        "The policy takes effect on 2026-11-22 only, after this register was drawn up.",
    )


def test_two_legal_bases_of_one_class_are_both_listed(policy: Policy) -> None:
    second = replace(
        policy.rules[0], id="second", basis="contract", published=Published(None, "unpaid-orders")
    )
    made = register(replace(policy, rules=(policy.rules[0], second)), on=ON)
    (holding,) = _activity(made, "accounting").holdings
    assert [basis.id for basis in holding.bases] == ["legal-obligation", "contract"]
    assert [str(source) for source in holding.sources] == [SECTION, UNPAID]
    assert holding.rules == ("order-paid", "second")


def test_another_period_gives_another_time_limit(policy: Policy) -> None:
    longer = replace(policy.classes["unpaid-orders"], keep=Period(years=1, months=6))
    made = register(replace(policy, classes={**policy.classes, "unpaid-orders": longer}), on=ON)
    assert _activity(made, "orders").holdings[0].time_limit.period == "one year and six months"


def test_every_id_of_a_policy_has_a_text(policy: Policy) -> None:
    assert set(SUBJECTS) == set(get_args(RecordKind)) == set(KINDS)
    assert set(RUNS_FROM) == {(clock, kind) for kind, clocks in CLOCKS.items() for clock in clocks}
    assert set(AT_END) == {"erase"}
    other = replace(policy.classes["marketing"], until="the-end")
    assert "consent-withdrawn" in UNTIL
    assert faults(replace(policy, classes={**policy.classes, "marketing": other})), (
        "no other event can be named"
    )


SOURCES = [
    (Citation(11, "Retention"), SECTION),
    (Citation(None, gap="backups"), "not published (gap backups)"),
    (Citation(None), "the policy does not say where it comes from"),
]


@pytest.mark.parametrize(("source", "words"), SOURCES)
def test_a_source_in_words(source: Citation, words: str) -> None:
    assert str(source) == words


def test_a_rule_for_another_kind_has_its_own_data_subjects(policy: Policy) -> None:
    rule = Rule(
        "r",
        "cookie-consent",
        "technical",
        "improve",
        "consent",
        "cookie-consent-logs",
        Published(11),
    )
    improve = _activity(register(replace(policy, rules=(*policy.rules, rule)), on=ON), "improve")
    assert [item.label for item in improve.subjects] == ["Visitors of the website"]
    assert improve.note == ""
