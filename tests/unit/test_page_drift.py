"""Dates, notices and drafts for a page that differs from the policy."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from hooks.errors import PolicyError
from hooks.page import toml_writer
from hooks.page.draft import draft
from hooks.page.drift import drift
from hooks.page.reader import read_page
from hooks.retention.policy import Policy
from schemas.policy import read_policy
from tests.unit.recorded_page import HTML, LINK, MODIFIED, page, put, section

NOT_UPDATED = (
    "The page was modified on 2026-04-27, but prints that it was last updated on 2026-01-15."
)


def found(html: str, policy: Policy, modified: datetime | None = MODIFIED) -> list[tuple[str, str]]:
    return [
        (one.code, one.severity) for one in drift(replace(page(html), modified=modified), policy)
    ]


def test_the_recorded_page_has_no_drift_but_a_stale_date(policy: Policy) -> None:
    (only,) = drift(page(), policy)
    assert (only.code, only.severity, only.section, only.message) == (
        "date-not-updated",
        "notice",
        None,
        NOT_UPDATED,
    )


@pytest.mark.parametrize(
    ("modified", "read", "expected"),
    [
        (MODIFIED, MODIFIED, [("date-not-updated", "notice")]),
        (
            MODIFIED + timedelta(seconds=1),
            MODIFIED,
            [("page-newer", "drift"), ("date-not-updated", "notice")],
        ),
        (
            MODIFIED,
            None,
            [("page-newer", "notice"), ("date-not-updated", "notice")],
        ),  # the policy does not name the page that it was read from
        (datetime(2026, 1, 15, 22, 59, tzinfo=UTC), None, []),  # still the 15th in Oslo
        (
            datetime(2026, 1, 15, 23, 1, tzinfo=UTC),
            None,
            [("page-newer", "notice"), ("date-not-updated", "notice")],
        ),
        (MODIFIED - timedelta(days=1), MODIFIED, [("date-not-updated", "notice")]),
        (None, MODIFIED, []),  # plain HTML may not say when it was modified
    ],
)
def test_notices_on_the_dates_of_a_page(
    modified: datetime | None,
    read: datetime | None,
    expected: list[tuple[str, str]],
    policy: Policy,
) -> None:
    of_the_page = replace(policy, page_modified=read, effective_from=date(2026, 1, 15))
    assert found(HTML, of_the_page, modified) == expected


def test_a_policy_without_a_printed_date_is_not_compared_by_it(policy: Policy) -> None:
    assert (
        found(put(HTML, "15.01.2026", "01.05.2026"), replace(policy, last_updated=None), None) == []
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "accounting, tax, consumer law",
            "accounting, tax, money laundering",
            "Section 5: the page's words for the legal basis legal-obligation differ from the policy's.",
        ),
        (
            "24 months of inactivity",
            "two years after sign-up",  # the same period, from another event
            "Section 11: the page's words for the retention class customer-accounts differ from the policy's.",
        ),
        ("10. Security", "16. Security", "Section 16, “Security”, is section 10 in the policy."),
        (
            "Klarna",
            "Vipps",  # a recipient that the policy lists as unpublished
            "Section 8: the page names “Vipps”, and the policy says that it does not (vipps).",
        ),
        (
            "to fulfil an order.",
            "to fulfil an order, or a reservation.",
            "Section 14: the page's words on children differ from the policy's.",
        ),
        (
            "<li><strong>Support requests",
            "<li>Unpaid orders: 1 year</li><li><strong>Support requests",
            "Section 11: the page names “Unpaid orders”, "
            "which is the operator's own choice in the policy (unpaid-orders).",
        ),
    ],
)
def test_notices_of_drift(before: str, after: str, message: str, policy: Policy) -> None:
    notices = [
        one.message
        for one in drift(page(put(HTML, before, after)), policy)
        if one.severity == "notice"
    ]
    assert message in notices


def test_a_purpose_with_a_similar_name_is_noticed(policy: Policy) -> None:
    html = put(HTML, "<li>Improve", "<li>Sell what orders tell of you</li><li>Improve")
    (only,) = [one for one in drift(page(html), policy) if one.severity == "drift"]
    assert only.code == "purpose-added"


# --- drafts ---


def test_the_draft_of_the_recorded_page_is_the_shipped_policy(policy: Policy) -> None:
    """The draft equals the shipped policy, except for comments and the version."""
    text = draft(page())
    assert toml_writer.questions(text) == ()
    drafted = read_policy(text, "the draft")
    named = replace(
        policy, id="smartgroup-2026-01-15", version="1", effective_from=date(2026, 1, 15)
    )
    assert _parts(drafted) == _parts(named)
    assert list(drafted.classes.values()) == list(policy.classes.values())


def _parts(policy: Policy) -> dict[str, object]:
    return {
        "head": (
            policy.id,
            policy.version,
            policy.effective_from,
            policy.last_updated,
            policy.page_modified,
            policy.page,
        ),
        "controller": policy.controller,
        "sections": policy.sections,
        "terms": (
            policy.categories,
            policy.purposes,
            policy.bases,
            policy.safeguards,
            policy.recipient_groups,
        ),
        "recipients": policy.recipients,
        "none": policy.no_recipient,
        "security": policy.security,
        "sources": policy.sources,
        "children": policy.children,
        "authorities": policy.authorities,
        "gaps": policy.gaps,
        "classes": policy.classes,
        "rules": policy.rules,
        "meta": policy.meta,
        "deletion": policy.deletion,
        "actions": policy.actions,
        "clock": (policy.time_zone, policy.accounting_year),
    }


def test_a_payment_provider_named_on_the_page_fills_no_gap() -> None:
    """When the last provider is named, the gap itself is gone."""
    some_providers = read_policy(
        draft(page(put(HTML, "Klarna", "Klarna / Stripe / Vipps"))), "the draft"
    )
    published = {
        name: one.published.section
        for name, one in some_providers.recipients.items()
        if one.group == "payment"
    }
    assert (published["stripe"], published["vipps"], published["nets"]) == (8, 8, None)
    assert "payment-providers" in some_providers.gaps
    named = "Klarna / Stripe / Vipps / Nets / QuickPay / Bambora"
    assert (
        "payment-providers"
        not in read_policy(draft(page(put(HTML, "Klarna", named))), "the draft").gaps
    )


def test_a_draft_of_a_page_without_sources_children_authorities(
    policy: Policy,
) -> None:
    bare = HTML
    for title in ("3. How we collect data", "13. Complaints", "14. Children"):
        bare = put(bare, section(title), "")
    drafted = read_policy(draft(page(bare)), "the draft")
    assert (drafted.sources, drafted.children, drafted.authorities) == ({}, None, ())
    # An older policy file does not mention them either: this is no drift.
    silent = replace(policy, sources={}, children=None, authorities=())
    assert [one.code for one in drift(page(), silent)] == ["date-not-updated"]


def asks(html: str, link: str | None = LINK, today: date | None = None) -> tuple[str, ...]:
    return toml_writer.questions(draft(replace(page(html), link=link), today=today))


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        (
            "12–36 months",
            "for a while",
            "Section 11, “Support requests: for a while”: no period could be read. For how long is it kept?",
        ),
        (
            "<li><strong>Support requests",
            "<li>Loyalty programme: 24 months</li><li><strong>Support requests",
            "From when does the period of “Loyalty programme” run (`clock`)? No rule refers to this class, so the "
            "clock given here has no effect.",
        ),
        (
            "<li><strong>Cookie consent logs:</strong> 12–24 months<br></li>",
            "",
            "The page names no retention class cookie-consent-logs; for how long is that kept?",
        ),
        (
            "typically 5 years as required by law",
            "3 years",
            "bokføringsloven § 13 asks for five years, the page says three years; is that intended?",
        ),
        (
            "Klarna",
            "Adyen",
            "Which data does Adyen get (`data`)? On which payment methods, shipping methods or "
            "contents of a record does that depend (`payment`, `shipping`, `holding`)? Is it a processor or a "
            "controller (`role`), and in which country?",
        ),
        (
            "Automatically (cookies",
            "By magic (cookies",
            "Which data comes to the shop this way (`[sources]`): “By magic (cookies and similar technologies)”?",
        ),
        (
            "<strong>Consent</strong>",
            "<strong>Good will</strong>",
            "The rule order-marketing needs the legal basis consent, which the page does not have; what applies?",
        ),
        (
            "<strong>Consent</strong>",
            "<strong>Good will</strong>",
            "Which article of the GDPR is the legal basis “Good will”?",
        ),
        (
            "<p><strong>Last updated:</strong> 15.01.2026</p>",
            "",
            "From which day does this version apply? Its id and this day must be those of the page.",
        ),
        (
            section("9. International transfers"),
            "",
            "Visa may process outside the EEA and the UK (`outside`); which of the safeguards apply?",
        ),
    ],
)
def test_questions_of_a_draft(before: str, after: str, asked: str) -> None:
    assert asked in asks(put(HTML, before, after))


def test_a_draft_asks_for_a_missing_address() -> None:
    assert asks(HTML, link=None) == ("What is the address of the page?",)


def test_a_draft_with_an_unread_period_cannot_be_activated() -> None:
    text = draft(page(put(HTML, "12–36 months", "for a while")))
    with pytest.raises(PolicyError, match="'support-requests' needs a period"):
        read_policy(text, "the draft")
    filled = put(text, '# keep = "P…"', 'keep = "P36M"')
    assert read_policy(filled, "filled in").classes["support-requests"].keep is not None


def test_a_draft_with_an_added_class_can_be_activated(policy: Policy) -> None:
    html = put(
        HTML,
        "<li><strong>Support requests",
        "<li>Loyalty programme: 24 months</li><li><strong>Support requests",
    )
    drafted = read_policy(draft(page(html)), "the draft")
    assert str(drafted.classes["loyalty-programme"].keep) == "24 months"
    assert [one.code for one in drift(page(html), drafted)] == ["date-not-updated"]
    assert drafted.rules == policy.rules


def test_a_gap_that_the_page_fills_is_removed() -> None:
    html = put(
        HTML,
        "<li><strong>Support requests",
        "<li>Unpaid orders: 6 months</li><li><strong>Support requests",
    )
    drafted = read_policy(draft(page(html)), "the draft")
    assert "unpaid-orders" not in drafted.gaps
    assert drafted.classes["unpaid-orders"].published.section == 11


@pytest.mark.parametrize(
    "html", ["<p>Nothing</p>", "", "<h2>11. Retention</h2><li>Orders: 5 years"]
)
def test_a_draft_of_a_nearly_empty_page_is_valid_toml(html: str) -> None:
    text = draft(read_page(html), today=date(2026, 11, 23))
    assert tomllib.loads(text)["id"] == "policy-2026-11-23"
    assert "The page does not print when it was last updated." in toml_writer.questions(text)
    with pytest.raises(PolicyError):
        read_policy(text, "the draft")


@pytest.mark.parametrize(
    "evil", ['"; x = 1 #', "\\", "''' \"\"\"", "a\u2028b", "tab\tx", "\x07bell"]
)
def test_text_of_a_page_cannot_leave_its_toml_string(evil: str) -> None:
    html = put(HTML, "Fornebuveien 46", evil)
    assert (
        read_policy(draft(page(html)), "the draft").controller.address
        == page(html).controller.address
    )


def test_an_incomplete_rule_is_drafted_to_be_completed() -> None:
    text = draft(page(put(HTML, "<strong>Consent</strong>", "<strong>Good will</strong>")))
    assert '# id = "order-marketing"' in text
    with pytest.raises(PolicyError, match="no rule governs a record of kind 'marketing-consent'"):
        read_policy(text, "the draft")


@pytest.mark.parametrize(
    ("before", "after", "numbers"),
    [
        (">11. Retention", ">Retention", range(1, 16)),  # its number is still free
        (
            ">11. Retention",
            ">10. Retention",
            [*range(1, 11), *range(11, 16)],
        ),  # two sections have the same number: the second gets the next one
    ],
)
def test_sections_without_a_number(before: str, after: str, numbers: range | list[int]) -> None:
    drafted = read_policy(draft(page(put(HTML, before, after))), "the draft")
    assert sorted(drafted.sections) == list(numbers)
    assert drafted.sections[11] == "Retention"
    assert drafted.classes["marketing"].published.section == 11


def test_the_template_fits_the_code() -> None:
    assert Path(toml_writer.__file__).with_name("template.toml").is_file()


def test_the_toml_writer_refuses_unknown_values() -> None:
    with pytest.raises(TypeError, match="float"):
        toml_writer.value(1.5)
