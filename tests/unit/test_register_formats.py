"""The register as JSON, CSV and a page to print."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from hooks.register.activities import register
from hooks.register.csv_format import COLUMNS, as_csv
from hooks.register.html_format import as_html
from hooks.register.json_format import as_json
from hooks.register.values import Register
from hooks.retention.policy import Children, Policy

ON = date(2026, 11, 23)
STRIPE = "Stripe Payments Europe Ltd"


@pytest.fixture(scope="module")
def shipped(policy: Policy) -> Register:
    """The register under the shipped policy."""
    return register(policy, on=ON, stores={"shop": "https://shop.example"})


# --- JSON ---


def test_json_is_the_same_each_time(policy: Policy, shipped: Register) -> None:
    again = register(policy, on=ON, stores={"shop": "https://shop.example"})
    assert json.dumps(as_json(again)) == json.dumps(as_json(shipped))


PAYMENT_HOLDING = {
    "category": "order-payment",
    "subjects": ["order"],
    "bases": ["legal-obligation"],
    "time_limit": {
        "class": "orders-accounting",
        "label": "Orders and accounting: typically 5 years as required by law",
        "period": "five years",
        "clock": "accounting-year-end",
        "runs_from": [
            "the end of the accounting year in which the order was paid, completed or refunded, whichever was last "
            "(if none of these is known: was placed)"
        ],
        "at_end": "erased",
        "law": "bokføringsloven § 13",
        "published": True,
        "source": {"section": 11, "title": "Retention"},
    },
    "recipients": [
        "hosting",
        "visa",
        "mastercard",
        "american-express",
        "klarna",
        "paypal",
        "stripe",
        "nets",
        "vipps",
        "quickpay",
        "bambora",
        "advisers-and-authorities",
    ],
    "rules": ["order-paid", "order-paid-item-meta"],
}
"""The payment data that are kept for accounting, but for their sources."""

REGISTER_KEYS = [
    "made_on",
    "article",
    "policy",
    "controller",
    "stores",
    "activities",
    "collected",
    "children",
    "recipients",
    "security",
    "ledger",
    "gaps",
    "unanswered",
]

SUBJECTS = [
    {"record": "order", "label": "Customers, and buyers without an account"},
    {"record": "customer", "label": "Account holders"},
    {"record": "marketing-consent", "label": "Subscribers to marketing"},
    {"record": "cookie-consent", "label": "Visitors of the website"},
]

TRANSFERS = [
    "visa",
    "mastercard",
    "american-express",
    "paypal",
    "stripe",
    "ups",
]


def test_exact_json_of_an_activity(shipped: Register, policy: Policy) -> None:
    shown = json.loads(json.dumps(as_json(shipped)))
    assert list(shown) == REGISTER_KEYS
    assert shown["policy"] == {
        "id": "smartgroup-2026-11-22",
        "version": "2",
        "effective_from": "2026-11-22",
        "page": "https://smartgroup.no/en/privacy-policy-smartgroup-as/",
    }
    accounting = shown["activities"][3]
    assert accounting["purpose"] == {
        "id": "accounting",
        "label": "Comply with legal and accounting obligations",
        "source": {"section": 4, "title": "Why we use personal data"},
    }
    holding = accounting["holdings"][0]
    leftovers = policy.gaps["erasure-leftovers"].choice
    assert holding.pop("sources") == [
        {"section": 11, "title": "Retention"},
        {"section": None, "gap": "erasure-leftovers", "choice": leftovers},
    ]
    assert holding == PAYMENT_HOLDING
    assert accounting["subjects"] == SUBJECTS
    assert [transfer["recipient"] for transfer in accounting["transfers"]] == TRANSFERS
    assert [one["id"] for one in accounting["transfers"][0]["safeguards"]] == ["eu-scc", "uk-idta"]


def test_json_of_a_purpose_without_a_rule(shipped: Register) -> None:
    improve = json.loads(json.dumps(as_json(shipped)))["activities"][4]
    assert improve.pop("purpose")["id"] == "improve"
    assert improve.pop("note") == "No rule keeps a record of the shop for this purpose."
    assert set(map(str, improve.values())) == {"[]"}


# --- CSV ---


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_reads_back(shipped: Register) -> None:
    text = as_csv(shipped)
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert text.count("\r\n") == text.count("\n"), "RFC 4180 ends lines with CRLF"
    rows = _rows(text)
    told = [
        (activity.purpose.label, holding.category.label, holding.time_limit.label)
        for activity in shipped.activities
        for holding in activity.holdings
    ]
    assert sorted(
        (row["purpose"], row["data"], row["class"]) for row in rows if row["data"]
    ) == sorted(told)
    assert len(rows) == len(told) + 1


def test_exact_csv_of_a_row(shipped: Register) -> None:
    row = next(row for row in _rows(as_csv(shipped)) if row["law"] and row["data"] == "Shipping")
    assert row["purpose"] == "Comply with legal and accounting obligations"
    assert (row["legal_basis"], row["article"]) == ("Legal obligation", "GDPR Art. 6(1)(c)")
    assert (row["period"], row["law"]) == ("five years", "bokføringsloven § 13")
    assert row["recipients"] == (
        "Website hosting and e-commerce providers (processor); Klarna (controller, SE); PayPal (controller, LU); "
        "Stripe Payments Europe Ltd (controller, IE); Nets, Nexi Group (controller, DK); "
        "Vipps MobilePay AS (controller, NO); QuickPay ApS (processor, DK); Bambora, Worldline (controller, SE); "
        "UPS (controller); DHL (controller, DE); Posten (controller, NO); Bring (controller, NO)"
    )
    safeguards = (
        "EU Standard Contractual Clauses (SCCs), UK transfer addendum / IDTA (where applicable)"
    )
    assert row["transfers"] == "; ".join(
        f"{name}: {safeguards}" for name in ("PayPal", STRIPE, "UPS")
    )
    assert row["collected"] == (
        "Directly from you (checkout, forms, email, phone); "
        "From service providers (payment confirmation, delivery updates)"
    )
    assert "SUBJECT_KEY is not set" in row["ledger"]
    assert (row["organisation_number"], row["made_on"]) == ("999 615 147", "2026-11-23")
    assert [name for name, value in row.items() if not value] == ["note"], (
        "it is of an activity with records"
    )


def test_csv_says_what_the_page_leaves_out(shipped: Register) -> None:
    row = _rows(as_csv(shipped))[0]
    assert row["class_source"].startswith(
        "not published (gap technical-data): IP address and browser of an order"
    )


def test_csv_has_a_row_for_a_purpose_without_a_rule(shipped: Register) -> None:
    (row,) = (row for row in _rows(as_csv(shipped)) if row["note"])
    assert (row["purpose"], row["data"]) == ("Improve our website and services", "")
    assert row["note"] == "No rule keeps a record of the shop for this purpose."


FORMULAS = [
    ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
    ("+47 649", "'+47 649"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", "'\t=1"),
    ("Shop = +1", "Shop = +1"),  # not at the beginning
    ('A "quoted", name\nof two lines', 'A "quoted", name\nof two lines'),
]


@pytest.mark.parametrize(("name", "shown"), FORMULAS)
def test_csv_holds_no_formula(name: str, shown: str, policy: Policy) -> None:
    hostile = replace(policy, controller=replace(policy.controller, name=name))
    assert {row["controller"] for row in _rows(as_csv(register(hostile, on=ON)))} == {shown}


# --- HTML ---


class _Page(HTMLParser):
    """The tags of a page in order, the tags left open, and the addresses in it."""

    VOID = frozenset({"meta", "col", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.loads: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            name for name, _ in attrs if name in ("src", "href", "srcset", "data", "action")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.said).split())


def test_html_is_complete_and_loads_nothing(shipped: Register) -> None:
    text = as_html(shipped)
    page = _Page(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert page.open == []
    assert page.loads == []
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert "@media print" in text
    assert "size: A4 landscape" in text
    assert page.tags.count("table") == page.tags.count("caption") == page.tags.count("thead") == 8
    assert "system-ui" in text


SAID = [
    "1. Run and secure our website and online store",
    "5. Improve our website and services policy section 4 (Why we use personal data) No rule keeps a record",
    "until consent is withdrawn",
    "bokføringsloven § 13",
    f"Payment providers: Visa, Mastercard, American Express, Klarna (SE), PayPal (LU), {STRIPE} (IE), Nets",
    "not published (gap payment-providers)",
    "From service providers (payment confirmation, delivery updates) Order & payment, Shipping policy section 3",
    "Children: Our services are not intended for children under 13 without parental involvement.",
    "The ledger of the retention service holds no hashes of e-mail addresses",
    f"American Express, PayPal, {STRIPE}, UPS, under EU Standard Contractual Clauses (SCCs) and UK transfer",
    "Encrypted connections (HTTPS)",
    "not published (gap cookie-consent-basis)",
    "We have not appointed a DPO.",
    "shop (https://shop.example)",
    "Legitimate interests – to be able to show which consent was given (cookie consent logs).",
    "The policy does not say whether there are joint controllers",
]


@pytest.mark.parametrize("words", SAID)
def test_html_shows_the_register(words: str, shipped: Register) -> None:
    assert words in _Page(as_html(shipped)).words


HOSTILE = "<script>alert(1)</script>\"'&"


def test_html_escapes_every_value(policy: Policy) -> None:
    told = policy.controller
    hostile = replace(
        policy,
        controller=replace(told, name=HOSTILE, address=HOSTILE, dpo=HOSTILE, phone=HOSTILE),
        security=(HOSTILE,) * len(policy.security),
        page=HOSTILE,
        sections=dict.fromkeys(policy.sections, HOSTILE),
        categories={name: replace(term, label=HOSTILE) for name, term in policy.categories.items()},
        purposes={name: replace(term, label=HOSTILE) for name, term in policy.purposes.items()},
        safeguards={name: replace(term, label=HOSTILE) for name, term in policy.safeguards.items()},
        recipients={name: replace(item, name=HOSTILE) for name, item in policy.recipients.items()},
        classes={
            name: replace(item, label=HOSTILE, source=HOSTILE)
            for name, item in policy.classes.items()
        },
        sources={name: replace(item, label=HOSTILE) for name, item in policy.sources.items()},
        children=Children(HOSTILE, 13, 14),
        gaps={
            name: replace(gap, choice=HOSTILE, publish=HOSTILE) for name, gap in policy.gaps.items()
        },
    )
    page = _Page(as_html(register(hostile, on=ON, stores={HOSTILE: HOSTILE})))
    assert "script" not in page.tags
    assert page.tags == _Page(as_html(register(policy, on=ON, stores={"shop": "x"}))).tags
    assert HOSTILE in page.words


def test_html_of_a_policy_that_says_little(policy: Policy) -> None:
    bare = replace(
        policy,
        recipients={},
        security=(),
        gaps={},
        sections={},
        controller=replace(policy.controller, uk=False),
    )
    bare = replace(bare, sources={}, children=None)
    words = _Page(as_html(register(bare, on=ON))).words
    assert words.count("The policy names none.") == 2
    assert words.count("None that the policy names.") == 10
    assert "United Kingdom" not in words
    assert "Where the data come from" not in words


def test_transfers_are_shown_with_their_safeguards(policy: Policy) -> None:
    other = replace(policy.recipients["ups"], safeguards=("eu-scc",))
    words = _Page(
        as_html(register(replace(policy, recipients={**policy.recipients, "ups": other}), on=ON))
    ).words
    assert (
        f"American Express, PayPal, {STRIPE}, under EU Standard Contractual Clauses (SCCs) and UK"
        in words
    )
    assert "UPS, under EU Standard Contractual Clauses (SCCs) " in words
