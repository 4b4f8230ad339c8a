"""The rights over an entry, the deadline of an answer, and what the answer says that it does not cover."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, cast

import pytest

from hooks.retention.events import RecordEvent
from hooks.retention.facts import Choice, ConsentFacts, Subject
from hooks.retention.policy import Policy, SupervisoryAuthority
from hooks.retention.schedule import Entry
from hooks.rights.complaints import authorities
from hooks.rights.data_sources import category_sources
from hooks.rights.entitlements import RIGHTS, Right, entitlements, retention_grounds
from hooks.rights.json_format import as_json
from hooks.rights.labels import NORWEGIAN, PARTS, article, country, day, entry_label, label
from hooks.rights.letter import letter
from hooks.rights.request_texts import consequence_text
from hooks.rights.values import PersonAnswer
from tests.unit.builders import at, customer, order
from tests.unit.persons import CUSTOMER, answer_for, event, person_record, records_in_all_states

TODAY = date(2026, 11, 24)


def _entry(
    basis: str, delete_after: date | None = date(2031, 12, 31), happened: str = "created"
) -> Entry:
    return Entry(
        rule="rule",
        data="order-payment",
        purpose="orders",
        basis=basis,
        retention_class="orders-accounting",
        event=happened,
        runs_from=date(2026, 11, 22),
        review_after=None,
        delete_after=delete_after,
        until=None,
        action="erase",
        governs=True,
        reason="",
    )


def _applying(entry: Entry, policy: Policy, *holds: RecordEvent) -> dict[Right, bool | None]:
    staying = retention_grounds(entry, holds, policy, TODAY)
    return {
        found.right: found.applies
        for found in entitlements(entry, staying, TODAY, is_restricted=False)
    }


# Access, rectification and restriction apply on every basis.
BY_BASIS = [
    ("contract", {"erasure", "portability"}),
    ("consent", {"erasure", "portability", "withdrawal"}),
    ("legitimate-interests", {"erasure", "objection"}),
    ("legal-obligation", set()),
]


@pytest.mark.parametrize(("basis", "some"), BY_BASIS)
def test_rights_by_legal_basis(basis: str, some: set[str], policy: Policy) -> None:
    applying = _applying(_entry(basis), policy)
    assert list(applying) == list(RIGHTS)
    assert {right for right, applies in applying.items() if applies} == some | {
        "access",
        "rectification",
        "restriction",
    }
    assert {right for right, applies in applying.items() if applies is None} == set()


HOLD = event("hold", "2026-09-01", reason="litigation", owner="legal", review_on=date(2027, 1, 1))

ERASURE = [
    (
        _entry("legal-obligation", date(2026, 11, 24)),
        (),
        False,
        "must-stay",
    ),  # today is its last day
    (_entry("legal-obligation", date(2026, 11, 23)), (), True, "law-ended"),  # it has passed
    (_entry("legal-obligation", None), (), False, "must-stay"),  # no day is known
    (
        _entry("legal-obligation", date(2026, 11, 23)),
        (HOLD,),
        False,
        "must-stay",
    ),  # the day has passed, but the entry is held
    # A range: the entry must stay until it may go, and then a person decides.
    (replace(_entry("legal-obligation"), review_after=date(2026, 11, 25)), (), False, "must-stay"),
    (replace(_entry("legal-obligation"), review_after=date(2026, 11, 24)), (), None, "review"),
    (_entry("consent"), (HOLD,), False, "must-stay"),
    (replace(_entry("contract"), requested_on=date(2026, 11, 22)), (), True, "requested"),
    (
        replace(_entry("legitimate-interests"), requested_on=date(2026, 11, 22)),
        (),
        True,
        "requested",
    ),
    (replace(_entry("contract"), requested_on=date(2026, 11, 22)), (HOLD,), False, "must-stay"),
    (_entry("public-task"), (), None, "unknown-basis"),  # a basis that this service does not know
]


@pytest.mark.parametrize(("entry", "holds", "applies", "because"), ERASURE)
def test_right_to_erasure(
    entry: Entry, holds: tuple[RecordEvent, ...], applies: bool | None, because: str, policy: Policy
) -> None:
    staying = retention_grounds(entry, holds, policy, TODAY)
    found = {one.right: one for one in entitlements(entry, staying, TODAY, is_restricted=False)}
    assert (found["erasure"].applies, found["erasure"].reason) == (applies, because)


def test_an_unknown_basis_gives_only_the_rights_of_every_basis(policy: Policy) -> None:
    applying = _applying(_entry("public-task"), policy)
    assert {right for right, applies in applying.items() if applies} == {
        "access",
        "rectification",
        "restriction",
    }
    assert all(
        applying[right] is None for right in ("erasure", "portability", "objection", "withdrawal")
    )


STAYS = [
    ("litigation", "GDPR Art. 17(3)(e)"),
    ("other", "GDPR Art. 17(3)(e)"),
    ("audit", "GDPR Art. 17(3)(b)"),  # not for legal claims, but for a legal obligation
    ("authority-request", "GDPR Art. 17(3)(b)"),
]


@pytest.mark.parametrize(("reason", "expected"), STAYS)
def test_a_held_entry_stays_under_its_article(reason: str, expected: str, policy: Policy) -> None:
    law, hold = retention_grounds(
        _entry("legal-obligation"), [replace(HOLD, reason=reason)], policy, TODAY
    )
    assert (law.article, law.law, law.until) == (
        "GDPR Art. 17(3)(b)",
        "bokføringsloven § 13",
        date(2031, 12, 31),
    )
    assert (hold.article, hold.since, hold.until) == (expected, date(2026, 9, 1), None)


def test_without_a_named_law_the_gdpr_article_is_shown(policy: Policy) -> None:
    logged = replace(_entry("legal-obligation"), retention_class="technical")
    (law,) = retention_grounds(logged, (), policy, TODAY)
    assert law.law == "GDPR Art. 6(1)(c)"


@pytest.mark.parametrize(
    ("review_after", "delete_after", "articles"),
    [
        (None, date(2026, 11, 24), ["GDPR Art. 17(3)(e)"]),  # today is its last day
        (None, date(2026, 11, 23), []),
        (
            date(2025, 11, 24),
            date(2026, 11, 24),
            ["GDPR Art. 17(3)(e)"],
        ),  # of a range, the longer period counts
    ],
)
def test_proof_stays_until_its_period_has_passed(
    review_after: date | None, delete_after: date, articles: list[str], policy: Policy
) -> None:
    entry = _entry("legitimate-interests", delete_after)
    proof = replace(entry, retention_class="consent-evidence", review_after=review_after)
    staying = retention_grounds(proof, (), policy, TODAY)
    assert [stay.article for stay in staying] == articles
    found = {one.right: one for one in entitlements(proof, staying, TODAY, is_restricted=False)}
    assert found["erasure"].applies is not bool(articles)


# --- the answer ---------------------------------------------------------------------------------------------

ASKED = event("erasure-requested", "2026-11-22", 1)
OBJECTED = event("objection", "2026-11-23T23:30:00", 2)  # in Oslo it is the 24th
MISTAKE = event("retracted", "2026-11-24", 3, about="event-2")
DECIDED = event("hold", "2026-11-24", 4, reason="other", owner="legal")

DEADLINES = [
    (None, (), date(2026, 11, 24), "none-on-record", date(2026, 12, 24)),
    (None, (ASKED,), date(2026, 11, 22), "on-record", date(2026, 12, 22)),
    (
        None,
        (ASKED, OBJECTED),
        date(2026, 11, 24),
        "on-record",
        date(2026, 12, 24),
    ),  # the last request counts
    (None, (ASKED, OBJECTED, MISTAKE), date(2026, 11, 22), "on-record", date(2026, 12, 22)),
    (
        None,
        (DECIDED,),
        date(2026, 11, 24),
        "none-on-record",
        date(2026, 12, 24),
    ),  # without a request
    (
        date(2026, 10, 31),
        (ASKED,),
        date(2026, 10, 31),
        "given",
        date(2026, 11, 30),
    ),  # November has no 31st
]


@pytest.mark.parametrize(("given", "events", "received", "source", "end"), DEADLINES)
def test_the_deadline_counts_from_the_request(
    given: date | None,
    events: tuple[RecordEvent, ...],
    received: date,
    source: str,
    end: date,
    policy: Policy,
) -> None:
    account = person_record(customer(), policy, 7, *events)
    deadline = answer_for(CUSTOMER, [account], policy, requested_on=given).deadline
    assert (deadline.received_on, deadline.source, deadline.answer_by) == (received, source, end)


def test_each_request_of_a_person_is_listed_once(policy: Policy) -> None:
    orders = [
        person_record(order(customer_id=7), policy, number, person=(ASKED,)) for number in (8, 9)
    ]
    rows = [
        person_record(customer(), policy, 7, ASKED),
        *orders,
        person_record(order(customer_id=7), policy, 10, OBJECTED),
    ]
    asked = answer_for(CUSTOMER, rows, policy).requests
    assert [(one.type, one.kind, one.id) for one in asked] == [
        ("erasure-requested", "customer", 7),
        ("objection", "order", 10),
    ]


GUEST = Subject("email", "0" * 64)
SUBSCRIBED = ConsentFacts("marketing-consent", (Choice(at("2026-02-03"), given=True),))

# (the inquiry, the account that has the address, the subject of the request).
ABOUT_PERSONS = [
    (Subject("order", "9"), None, ("person", None)),
    (GUEST, None, ("person", None)),
    (GUEST, 7, ("customer", 7)),
    (CUSTOMER, 7, ("customer", 7)),
]


@pytest.mark.parametrize(("subject", "owner", "about"), ABOUT_PERSONS)
def test_a_request_of_a_newsletter_contact_concerns_the_person(
    subject: Subject, owner: int | None, about: tuple[str, int | None], policy: Policy
) -> None:
    """The order shows the request as the person's, the contact as its own. It is listed once."""
    contact = replace(person_record(SUBSCRIBED, policy, 5685, ASKED), owner=owner)
    rows = [replace(person_record(order(), policy, 9, person=(ASKED,)), owner=owner)]
    rows += [contact] if subject.kind != "order" else []
    answer = answer_for(subject, rows, policy)
    assert [(one.type, one.kind, one.id) for one in answer.requests] == [
        ("erasure-requested", *about)
    ]
    assert answer.deadline.source == "on-record"
    assert "erasure of all your data" in " ".join(letter(answer, "en").split())
    told: Any = as_json(answer)["requests"]
    assert told[0]["about"] == {"kind": about[0], "id": about[1]}


# (the inquiry, does the ledger know the addresses, text on missing data, text that must not appear).
MISSING = [
    (
        CUSTOMER,
        False,
        ("Orders placed without an account: we", "under your e-mail address only"),
        ("another e-mail",),
    ),
    (
        CUSTOMER,
        True,
        ("with another e-mail address",),
        ("Orders placed without an account: we", "under your e-mail address only"),
    ),
    (GUEST, False, ("with another e-mail address",), ("under your e-mail address only",)),
    # The answer about one order lists nothing that is known only by the address.
    (
        Subject("order", "9"),
        False,
        ("but this one order", "under your e-mail address only"),
        ("another e-mail",),
    ),
]


@pytest.mark.parametrize(("subject", "told_apart", "missing", "held"), MISSING)
def test_data_that_is_held_is_not_listed_as_missing(
    subject: Subject,
    told_apart: bool,
    missing: tuple[str, ...],
    held: tuple[str, ...],
    policy: Policy,
) -> None:
    row = person_record(order(), policy, 9)
    answer = answer_for(subject, [row], policy, covers_addresses=told_apart)
    notes = cast("list[str]", as_json(answer)["notes"])
    for said in (" ".join(letter(answer, "en").split()), " ".join(notes)):
        assert [words for words in missing if words.lower() not in said.lower()] == []
        assert [words for words in held if words.lower() in said.lower()] == []


LIFTED = event("restriction-lifted", "2026-11-22", 3)
RESTRICTED = event("restriction", "2026-11-20", 4)

# The text of each request: (events, text, scope, the day on which it was lifted).
REQUESTED = [
    ((ASKED,), "until when we keep it after this request, or why it must stay", None, None),
    (
        (OBJECTED,),
        "We ended the marketing that we sent you at that time (GDPR Art. 21(3))",
        "all",
        None,
    ),
    (
        (OBJECTED,),
        "held then on the basis of our legitimate interests until 24 December 2026 at the latest",
        "all",
        None,
    ),
    (
        (replace(OBJECTED, scope="all"),),
        "legitimate interests until 24 December 2026",
        "all",
        None,
    ),
    (
        (replace(OBJECTED, scope="marketing"),),
        "We ended the marketing that we sent you at that time",
        "marketing",
        None,
    ),
    (
        (replace(OBJECTED, scope="marketing"),),
        "This objection changes nothing for other data",
        "marketing",
        None,
    ),
    ((RESTRICTED,), "We tell you before we lift it (GDPR Art. 18(3))", None, None),
    # A restriction that was placed again is in effect; a lifted one is shown as lifted.
    (
        (replace(RESTRICTED, at=at("2026-11-23")), LIFTED),
        "We tell you before we lift it",
        None,
        None,
    ),
    ((RESTRICTED, LIFTED), "The restriction was lifted on 22 November 2026.", None, "2026-11-22"),
    # The lifting was reported by mistake.
    (
        (RESTRICTED, LIFTED, event("retracted", "2026-11-23", 5, about="event-3")),
        "We tell you before",
        None,
        None,
    ),
]


@pytest.mark.parametrize(("events", "words", "scope", "lifted_on"), REQUESTED)
def test_a_request_is_explained(
    events: tuple[RecordEvent, ...],
    words: str,
    scope: str | None,
    lifted_on: str | None,
    policy: Policy,
) -> None:
    answer = answer_for(CUSTOMER, [person_record(customer(), policy, 7, *events)], policy)
    (told,) = cast("list[dict[str, Any]]", as_json(answer)["requests"])
    assert words in told["words"]
    assert (told["scope"], told["lifted_on"]) == (scope, lifted_on)
    assert words in " ".join(letter(answer, "en").split())


def test_an_objection_to_marketing_promises_nothing_more(policy: Policy) -> None:
    row = person_record(customer(), policy, 7, replace(OBJECTED, scope="marketing"))
    answer = answer_for(CUSTOMER, [row], policy)
    asked = consequence_text(answer.requests[0], "en")
    assert "legitimate interests" not in asked
    assert "objection to direct marketing, concerning all your data" in " ".join(
        letter(answer, "en").split()
    )
    assert "protest mot direkte markedsføring, som gjelder alle opplysningene dine" in " ".join(
        letter(answer, "no").split()
    )


# Data on legitimate interests can be kept for legal claims despite an objection: GDPR Art. 21(1).
OBJECTION = [
    ("legitimate-interests", "litigation", False, "for-claims"),
    ("legitimate-interests", "audit", True, "basis"),  # no legal claim
    ("consent", "litigation", False, "other-basis"),
]


@pytest.mark.parametrize(("basis", "reason", "applies", "because"), OBJECTION)
def test_an_objection_to_data_needed_for_legal_claims(
    basis: str, reason: str, applies: bool, because: str, policy: Policy
) -> None:
    entry = _entry(basis)
    staying = retention_grounds(entry, (replace(HOLD, reason=reason),), policy, TODAY)
    found = {one.right: one for one in entitlements(entry, staying, TODAY, is_restricted=False)}
    assert (found["objection"].applies, found["objection"].reason) == (applies, because)


def test_each_part_of_a_category_is_named(policy: Policy) -> None:
    whole = _entry("contract")
    names = [
        (whole, "Order & payment", "Ordre og betaling"),
        (replace(whole, data="identity-contact", part="contact"),
         "Identity & contact (e-mail and phone)", "Identitet og kontakt (e-post og telefon)"),
        (replace(whole, part="item-meta"),
         "Order & payment (details entered with the items ordered)",
         "Ordre og betaling (opplysninger oppgitt med varene i ordren)"),
        (replace(whole, data="support", part="refund-reason"),
         "Customer support (the reason given for a refund)", "Kundeservice (begrunnelsen for en refusjon)"),
        (replace(whole, part="items"), "Order & payment (items)", "Ordre og betaling (items)"),
    ]  # fmt: skip
    for entry, english, norwegian in names:
        assert (entry_label("en", entry, policy), entry_label("no", entry, policy)) == (
            english,
            norwegian,
        )


def test_the_owner_and_reason_of_a_hold_are_not_disclosed(policy: Policy) -> None:
    told = str(as_json(answer_for(CUSTOMER, records_in_all_states(policy), policy)))
    assert "Legal hold" not in told
    assert "chargeback" not in told
    assert "finance" not in told


def test_a_held_entry_shows_its_day_without_the_hold(policy: Policy) -> None:
    held = person_record(order(paid_at="2026-06-01"), policy, 9, HOLD)
    answer = answer_for(CUSTOMER, [held], policy)
    (entry,) = answer.records[0].categories
    assert (entry.entry.delete_after, entry.entry.until) == (None, "hold-lifted")
    assert entry.unsuspended.delete_after == date(2031, 12, 31)
    assert [ground.kind for ground in entry.grounds] == ["legal-obligation", "hold"]


def _answer(policy: Policy, uk: bool = False) -> PersonAnswer:
    return answer_for(CUSTOMER, records_in_all_states(policy), policy, uk=uk)


def test_notes_on_the_state_of_a_record(policy: Policy) -> None:
    answer = _answer(policy)
    assert {record.id: record.state for record in answer.records} == {
        5: "active",
        7: "active",
        117: "erased",
        119: "active",
        120: "active",
        121: "trashed",
        122: "active",
        4711: "active",
    }
    assert [(one.id, one.state, one.on) for one in answer.closed] == [
        (117, "erased", date(2026, 10, 2)),
        (118, "gone", date(2026, 10, 3)),
    ]
    assert [held.entry.data for held in answer.records[1].categories] == [
        "support"
    ]  # data that the eraser left


def test_recipients_of_a_record(policy: Policy) -> None:
    records = {record.id: record for record in _answer(policy).records}
    assert {got.recipient.id for got in records[119].received} == {"hosting", "klarna", "brevo"}
    assert records[119].unmatched_methods == (("shipping", "flat_rate"),)
    cards = [got for got in records[120].received if not got.recipient.certain]
    assert {(got.recipient.id, got.categories) for got in cards} == {
        (name, ("order-payment",)) for name in ("visa", "mastercard", "american-express")
    }
    assert [item.id for item in _answer(policy).legal_recipients] == ["advisers-and-authorities"]


WHERE = [
    (True, False, [("datatilsynet", "always"), ("ico", "if-in-uk")]),
    (True, True, [("datatilsynet", "always"), ("ico", "in-uk")]),
    (False, True, [("datatilsynet", "always")]),  # the policy does not mention UK GDPR
]


@pytest.mark.parametrize(("markets", "lives", "expected"), WHERE)
def test_authorities_to_complain_to(
    markets: bool, lives: bool, expected: list[tuple[str, str]], policy: Policy
) -> None:
    chosen = replace(policy, controller=replace(policy.controller, uk=markets))
    assert [(one.id, one.where, one.section) for one in authorities(chosen, uk=lives)] == [
        (*authority, 13) for authority in expected
    ]
    # A policy file without an authority: the same one, without a section of the page.
    unsaid = authorities(replace(chosen, authorities=()), uk=lives)
    assert [(one.id, one.where, one.section) for one in unsaid] == [
        (*authority, None) for authority in expected
    ]
    notes = str(
        as_json(answer_for(CUSTOMER, [person_record(customer(), chosen, 7)], chosen, uk=lives))[
            "notes"
        ]
    )
    assert ("the ICO is not named" in notes) == (lives and not markets)


def test_an_authority_from_the_policy_is_named(policy: Policy) -> None:
    own = SupervisoryAuthority(
        "datatilsynet-dk", "Datatilsynet (Denmark)", "https://www.datatilsynet.dk/", 13
    )
    answer = _answer(replace(policy, authorities=(own,)))
    assert [one.name for one in answer.authorities] == ["Datatilsynet (Denmark)"]
    assert "- Datatilsynet (Denmark), https://www.datatilsynet.dk/" in letter(answer, "no")
    assert "ICO" not in letter(answer, "en")


# Recipients of an order by its payment: (recipients, the certain ones, those that the page names).
PAID_BY = [
    (
        "stripe",
        "visa mastercard american-express stripe",
        "stripe",
        "visa mastercard american-express",
    ),
    (
        "dibs_easy",
        "visa mastercard american-express nets",
        "nets",
        "visa mastercard american-express",
    ),
    ("vippsmobilepay", "vipps", "vipps", ""),
    ("klarna_payments", "klarna", "klarna", "klarna"),
]


@pytest.mark.parametrize(("way", "named", "certain", "published"), PAID_BY)
def test_the_payment_provider_is_a_certain_recipient(
    way: str, named: str, certain: str, published: str, policy: Policy
) -> None:
    made = as_json(
        answer_for(CUSTOMER, [person_record(order("completed", payment=way), policy)], policy)
    )
    records: Any = made["records"]
    told = [one for one in records[0]["recipients"] if one["group"] == "Payment providers"]
    assert {one["id"] for one in told} == set(named.split())
    assert {one["id"] for one in told if one["certain"]} == set(certain.split())
    assert {one["id"] for one in told if one["published"]} == set(published.split())


def test_sources_of_the_data(policy: Policy) -> None:
    found = category_sources(["technical", "shipping", "account"], policy)
    assert [(one.category, [source.id for source in one.sources]) for one in found] == [
        ("account", ["person"]),
        ("shipping", ["person", "providers"]),
        ("technical", ["automatic"]),
    ]
    assert category_sources(["account"], replace(policy, sources={})) == ()


def test_the_answer_names_the_sources_of_held_data_only(
    policy: Policy,
) -> None:
    answer = answer_for(CUSTOMER, [person_record(order("completed", kinds="note"), policy)], policy)
    told: Any = as_json(answer)["sources"]
    assert [(one["data"], [source["id"] for source in one["from"]]) for one in told] == [
        ("order-payment", ["person", "providers"]),
        ("support", ["person"]),
    ]


# The notes name what the ledger does not know: (state of the row, text in the notes).
UNKNOWN = [("unknown", "was not read"), ("ignored", "member of staff")]


@pytest.mark.parametrize(("state", "words"), UNKNOWN)
def test_an_account_that_is_not_covered_is_reported(state: str, words: str, policy: Policy) -> None:
    account = person_record(
        customer(None if state == "unknown" else "2026-01-10", staff=state == "ignored"), policy, 7
    )
    answer = answer_for(
        CUSTOMER, [account, person_record(order(), policy)], policy, is_complete=False
    )
    notes = as_json(answer)["notes"]
    assert isinstance(notes, list)
    assert any(words in note for note in notes)
    assert any("ask again" in note for note in notes)


def test_every_part_in_the_shipped_policy_has_a_text(policy: Policy) -> None:
    assert {rule.part for rule in policy.rules if rule.part} <= PARTS.keys()


# --- words --------------------------------------------------------------------------------------------------


def test_every_id_in_the_shipped_policy_has_a_norwegian_name(policy: Policy) -> None:
    assert policy.categories.keys() == NORWEGIAN["category"].keys()
    assert policy.purposes.keys() == NORWEGIAN["purpose"].keys()
    assert policy.bases.keys() == NORWEGIAN["basis"].keys()
    assert policy.classes.keys() == NORWEGIAN["class"].keys()
    assert policy.safeguards.keys() == NORWEGIAN["safeguard"].keys()
    assert policy.sources.keys() == NORWEGIAN["source"].keys()
    assert {one.id for one in policy.authorities} == NORWEGIAN["authority"].keys()
    assert NORWEGIAN["recipient"].keys() <= policy.recipients.keys()
    codes = {item.country for item in policy.recipients.values() if item.country}
    assert [code for code in codes if country("no", code) == code] == []


def test_an_unknown_id_has_the_label_of_the_policy(policy: Policy) -> None:
    other = replace(policy.categories["account"], id="loyalty", label="Loyalty programme")
    chosen = replace(policy, categories={**policy.categories, "loyalty": other})
    assert label("no", "category", "loyalty", chosen) == "Loyalty programme"
    assert label("no", "category", "account", chosen) == "Kontoopplysninger"


ARTICLES = [
    ("GDPR Art. 15", "personvernforordningen art. 15"),
    ("GDPR Art. 12(3)", "personvernforordningen art. 12 nr. 3"),
    ("GDPR Art. 17(3)(b)", "personvernforordningen art. 17 nr. 3 bokstav b"),
    ("bokføringsloven § 13", "bokføringsloven § 13"),  # any other law, as written in the policy
]


@pytest.mark.parametrize(("english", "norwegian"), ARTICLES)
def test_names_of_articles(english: str, norwegian: str) -> None:
    assert article("no", english) == norwegian


def test_dates_in_words() -> None:
    assert day("en", date(2026, 11, 22)) == "22 November 2026"
    assert day("no", date(2026, 5, 1)) == "1. mai 2026"
    assert day("no", at("2026-12-03").date()) == "3. desember 2026"
