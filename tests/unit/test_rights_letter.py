"""The whole letter to a person, and its layout."""

from __future__ import annotations

import re
from dataclasses import replace
from string import Formatter

import pytest

from hooks.retention.events import RecordEvent
from hooks.retention.facts import Facts, OrderFacts, Subject
from hooks.retention.policy import Policy
from hooks.rights.labels import Language
from hooks.rights.letter import WIDTH, letter
from hooks.rights.translation import RIGHT_MEANINGS, RIGHT_NAMES, STRINGS
from hooks.rights.values import CurrentRecord
from tests.unit.builders import at, customer, order
from tests.unit.letters import ENGLISH, NORWEGIAN
from tests.unit.persons import CUSTOMER, answer_for, event, person_record, records_in_all_states

LANGUAGES: tuple[Language, ...] = ("en", "no")


@pytest.mark.parametrize(("language", "expected"), [("en", ENGLISH), ("no", NORWEGIAN)])
def test_the_letter_word_for_word(language: Language, expected: str, policy: Policy) -> None:
    answer = answer_for(CUSTOMER, records_in_all_states(policy), policy, uk=True)
    assert letter(answer, language) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_is_too_long_or_splits_an_article(language: Language, policy: Policy) -> None:
    lines = letter(
        answer_for(CUSTOMER, records_in_all_states(policy), policy), language
    ).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if re.search(r"(\s|GDPR|[Aa]rt\.|nr\.|bokstav|§)$", line)] == []


def test_both_languages_fill_in_the_same_parts() -> None:
    """A test can check only that each sentence fills in the same parts."""
    for key, texts in STRINGS.items():
        first, second = (
            {name for _, name, *_ in Formatter().parse(text) if name} for text in texts
        )
        assert first == second, key
    for table in (RIGHT_NAMES, RIGHT_MEANINGS):
        assert table["en"].keys() == table["no"].keys()


def _only(row: CurrentRecord, policy: Policy, subject: Subject = CUSTOMER) -> str:
    return " ".join(letter(answer_for(subject, [row], policy), "en").split())


DATE_SENTENCES: list[tuple[Facts, int, list[RecordEvent], str]] = [
    (customer(), 7, [], "We have no request from you on record"),
    # A deadline that has passed, and a date that has passed.
    (customer(), 7, [event("objection", "2026-09-01")], "That day has passed."),
    (
        order("pending", "2025-01-01"),
        119,
        [],
        "it was to be kept until 1 January 2026 at the latest, and we must now erase it",
    ),
    (
        order(kinds="newsletter", choices={"2026-01-01": True, "2026-12-09": False}),
        119,
        [],
        "until 9 December 2026 at the latest",  # consent withdrawn, with its day in the future
    ),
    (
        order(kinds="note"),
        9,
        [event("objection", "2026-11-23")],
        "objection of 23 November 2026",
    ),
    (
        order("processing", kinds="contact"),
        9,
        [event("erasure-requested", "2026-11-23")],
        "until your order is closed and the 14 days in which you may withdraw from it are over, because you asked",
    ),
    (
        customer(kinds="newsletter", choices={"2026-01-10": True, "2026-11-01": False}),
        7,
        [],
        "kept as proof, until 1 November 2029 at the longest, to establish, exercise or defend legal claims",
    ),
    (customer(None), 7, [], "it has not been read from our shop yet"),
    (
        order(),
        9,
        [event("hold", "2026-11-01", reason="audit", owner="finance")],
        "on hold since 1 November 2026, because a legal obligation requires it",
    ),
]


@pytest.mark.parametrize(("facts", "number", "events", "words"), DATE_SENTENCES)
def test_sentences_about_dates(
    facts: Facts, number: int, events: list[RecordEvent], words: str, policy: Policy
) -> None:
    assert words in _only(person_record(facts, policy, number, *events), policy)


# An entry says `because of` a request only if the request set its day.
CAUSES = [
    # The technical data's own period ends before the month of the request does.
    (
        order("completed", "2025-12-10", kinds="network"),
        event("erasure-requested", "2026-11-23"),
        False,
    ),
    (
        order("completed", "2025-12-23", kinds="network"),
        event("erasure-requested", "2026-11-23"),
        True,
    ),
    (order("completed", "2026-11-22", kinds="network"), event("objection", "2026-11-23"), True),
]


@pytest.mark.parametrize(("facts", "asked", "is_the_cause"), CAUSES)
def test_a_request_explains_only_the_days_it_set(
    facts: OrderFacts, asked: RecordEvent, is_the_cause: bool, policy: Policy
) -> None:
    told = _only(person_record(facts, policy, 9, asked), policy)
    assert ("because of your request or objection" in told) == is_the_cause


def test_an_objection_explains_the_end_of_marketing(policy: Policy) -> None:
    """Marketing ends at once, long before the month is over: here on the day of the letter."""
    rules = tuple(
        replace(rule, retention_class="technical")
        for rule in policy.rules
        if rule.data == "marketing"
    )
    others = tuple(rule for rule in policy.rules if rule.data != "marketing")
    facts = order("completed", "2026-11-22", kinds="newsletter", choices={"2026-11-22": True})
    row = person_record(
        facts,
        replace(policy, rules=others + rules),
        9,
        event("objection", "2026-11-24", scope="marketing"),
    )
    assert "until 24 November 2026 at the latest, because of your request or objection" in _only(
        row, policy
    )


def test_sentences_about_unknown_data(policy: Policy) -> None:
    undated = person_record(order(), policy, state="gone", closed_on=None)
    assert "Order 119: no longer in our shop" in _only(undated, policy)
    rows = [
        person_record(customer(staff=True), policy, 7),
        person_record(order(payment="other_pay"), policy),
    ]
    told = " ".join(letter(answer_for(CUSTOMER, rows, policy, is_complete=False), "no").split())
    assert "Den tilhører en ansatt hos oss" in told
    assert "Det kan finnes flere ordrer fra deg" in told
    assert "betalingsmåten «other_pay» (Ordre 119); spør oss" in told


def test_a_legal_obligation_without_a_day(policy: Policy) -> None:
    """A policy may keep data under a legal obligation until an event."""
    rules = tuple(replace(rule, basis="legal-obligation") for rule in policy.rules)
    row = person_record(
        order(kinds="newsletter", choices={"2026-01-01": True}), replace(policy, rules=rules)
    )
    told = " ".join(letter(answer_for(CUSTOMER, [row], policy), "en").split())
    assert "a legal obligation requires us to keep it (GDPR Art. 6(1)(c))" in told


def test_the_letter_about_one_order(policy: Policy) -> None:
    told = _only(person_record(order(), policy, 9), policy, Subject("order", "9"))
    assert "What we hold with your order 9, and your rights" in told
    assert "Everything but this one order" in told
    assert "Orders placed without an account" not in told


def test_a_right_that_applies_to_nothing_is_named_as_such(policy: Policy) -> None:
    told = _only(person_record(order(paid_at="2026-06-01"), policy), policy)
    assert "what was done before remains lawful. It applies to nothing listed above." in told
    assert (
        told.count("It applies to nothing listed above.") == 4
    )  # erasure, portability, objection, withdrawal


def test_sentences_about_sources(policy: Policy) -> None:
    told = _only(person_record(customer(), policy, 7), policy)
    assert "Account data: Directly from you (checkout, forms, email, phone)" in told
    assert "children under 13" in told
    assert "(GDPR Art. 15(1)(h)): ask us." in told
    # A policy that names sources, but none of these data.
    sources = {"automatic": policy.sources["automatic"]}
    told = _only(
        person_record(customer(), policy, 7), replace(policy, sources=sources, children=None)
    )
    assert "Account data: our privacy policy does not say where they come from; ask us." in told
    assert "children" not in told
    # A policy without any sources.
    told = _only(person_record(customer(), policy, 7), replace(policy, sources={}))
    assert "Where your data come from" not in told
    assert "Where the data come from, and whether" in told


def test_a_letter_without_recipients(policy: Policy) -> None:
    gone = person_record(order(), policy, state="gone", closed_on=at("2026-10-03").date())
    told = _only(gone, policy)
    assert "Nothing that can be listed here." in told
    assert "Nobody else, as far as our records show." in told
    assert "Order 119: no longer in our shop, as we learnt on 3 October 2026" in told
