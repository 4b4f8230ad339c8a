"""A decision about a person stays with the person when the store changes or deletes the account and the orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

import pytest
from sqlalchemy import select

from hooks.intake.email_hash import email_subject
from hooks.intake.webhook import OccurrenceReport
from hooks.ledger.codec import read_entries
from hooks.ledger.database import Database
from hooks.ledger.persons import CONTACT
from hooks.ledger.tables import metadata
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import RecordKind, Subject
from hooks.retention.policy import Policy
from hooks.retention.tool_reports import number_of
from hooks.rights.lookup import answer_to
from hooks.rights.values import Inquiry, PersonAnswer
from tests.integration.harness import NOON, ON_SQLITE, Harness, open_harness
from tests.support.recordings import Recorded

KEY = "a key of at least thirty-two characters"
KARI, WORK, OLA = "kari@example.test", "kari@work.example.test", "ola@example.test"
RICH: dict[str, Any] = {
    "customer_note": "Ring twice",
    "meta_data": [{"key": "_wc_order_attribution_source_type", "value": "organic"}],
}
"""Data on every basis, of which the store's eraser leaves some."""

Ends = dict[str, tuple[str | None, str | None]]
"""By rule, the day after which an entry is to be deleted, and the event until which it is kept."""


@pytest.fixture
def harness(
    request: pytest.FixtureRequest, database: Database, policy: Policy
) -> Iterator[Harness]:
    """A harness that knows persons by their addresses; its parameter is another key, or None for none."""
    with open_harness(database, policy, subject_key=getattr(request, "param", KEY)) as opened:
        yield opened


KEYED = pytest.mark.parametrize(
    ("database_url", "harness"),
    [("sqlite", KEY), ("postgresql", KEY), ("sqlite", None)],
    indirect=True,
)
WITHOUT_KEY = pytest.mark.parametrize("harness", [None], indirect=True, ids=["without a key"])


def _account(harness: Harness, email: str = KARI) -> int:
    return int(harness.store.sign_up(email=email)["id"])


def _order(harness: Harness, email: str = KARI, **given: Any) -> int:
    return harness.paid_order(**RICH | given, billing={"first_name": "Kari", "email": email})


def _plain_order(harness: Harness, email: str = KARI) -> int:
    """Place a guest's order of which the store's eraser leaves nothing."""
    return harness.paid_order(billing={"first_name": "Kari", "email": email})


def _event(harness: Harness, type_: EventType) -> RecordEvent:
    event = RecordEvent(type_, type_, harness.clock())
    if type_ == "hold":
        return replace(event, reason="chargeback", owner="finance", review_on=date(2027, 5, 1))
    return event


def _note(harness: Harness, kind: RecordKind, number: int, type_: EventType) -> None:
    harness.note(kind, number, _event(harness, type_))


def _contact(email: str) -> Subject:
    return email_subject(email, KEY)


def _note_of_contact(harness: Harness, email: str, type_: EventType) -> None:
    """Record an event about a newsletter contact, as an operator does."""
    subject = _contact(email)
    harness.note(CONTACT, number_of(str(subject)), _event(harness, type_), subject)


def _unsubscribe(harness: Harness, email: str) -> None:
    """Report that a contact unsubscribed, as a newsletter tool does."""
    subject = _contact(email)
    number = number_of(str(subject))
    harness.report(
        OccurrenceReport(CONTACT, number, "consent-withdrawn", harness.clock(), "contact", subject)
    )


def _ends(harness: Harness, number: int) -> Ends:
    """Return the ends of all entries of an order."""
    entries = read_entries(harness.row("order", number)["entries"])
    return {entry["rule"]: (entry["delete_after"], entry["until"]) for entry in entries}


def _marketing(harness: Harness, number: int) -> str | None:
    """Return the day on which the consent to marketing on an order ended."""
    entries = read_entries(harness.row("order", number)["entries"])
    (entry,) = (entry for entry in entries if entry["class"] == "marketing")
    return cast("str | None", entry["delete_after"])


def _answer(harness: Harness, subject: Subject) -> PersonAnswer | None:
    with harness.runtime.database.read() as connection:
        return answer_to(
            connection, harness.runtime.policy, Inquiry(harness.slug, subject), now=harness.clock()
        )


def _listed(harness: Harness, subject: Subject) -> set[tuple[str, int]]:
    """Return the records that the answer to a person lists."""
    answer = _answer(harness, subject)
    if answer is None:
        return set()
    return {(one.kind, one.id) for one in answer.records} | {
        (one.kind, one.id) for one in answer.closed
    }


def _held(harness: Harness, *numbers: int) -> list[bool]:
    return [harness.row("order", number)["held"] for number in numbers]


# --- the store takes the number away ---

Loss = Callable[[Harness, int, int], object]
"""Something that the store does to an account and an order of it."""

LOSSES: dict[str, Loss] = {
    "the account is deleted": lambda harness, account, _: harness.store.delete_customer(account),
    "the order is anonymised": lambda harness, _, order: harness.store.anonymise_order(order),
    "the order is made a guest's": lambda harness, _, order: harness.store.edit_order(
        order, customer_id=0
    ),
}


def _all_lost(harness: Harness, account: int, order: int) -> None:
    harness.store.anonymise_order(order)
    harness.advance()
    harness.store.delete_customer(account)


EVERY_LOSS = pytest.mark.parametrize(
    "lose", [*LOSSES.values(), _all_lost], ids=[*LOSSES, "all at once"]
)

DECIDED: tuple[EventType, ...] = ("hold", "restriction", "erasure-requested", "consent-withdrawn")


@KEYED
@EVERY_LOSS
def test_a_decision_about_an_account_stays_on_its_orders(harness: Harness, lose: Loss) -> None:
    """Each decision is about an account of its own, which has one lost order and one that only follows."""
    accounts = {type_: _account(harness, f"{type_}@example.test") for type_ in DECIDED}
    orders = {
        (type_, place): _order(harness, f"{type_}@example.test", customer_id=account)
        for type_, account in accounts.items()
        for place in ("lost", "other")
    }
    harness.come_to_rest()
    plain = {name: _ends(harness, number) for name, number in orders.items()}
    for type_, account in accounts.items():
        _note(harness, "customer", account, type_)
    harness.come_to_rest()
    decided = {name: _ends(harness, number) for name, number in orders.items()}
    assert not [name for name in orders if decided[name] == plain[name]]
    for type_, account in accounts.items():
        harness.advance()
        lose(harness, account, orders[type_, "lost"])
    harness.reconcile()
    for name, number in orders.items():
        after = _ends(harness, number)
        assert after, name
        assert after == {rule: decided[name][rule] for rule in after}, name
    assert _held(harness, orders["hold", "lost"], orders["hold", "other"]) == [True, True]


@KEYED
def test_a_hold_is_lifted_from_the_orders_of_a_gone_account(harness: Harness) -> None:
    account = _account(harness)
    order = _order(harness, customer_id=account)
    harness.come_to_rest()
    plain = _ends(harness, order)
    _note(harness, "customer", account, "hold")
    harness.store.delete_customer(account)
    harness.reconcile()
    assert _held(harness, order) == [True]
    harness.advance()
    _note(harness, "customer", account, "hold-lifted")
    harness.come_to_rest()
    assert _held(harness, order) == [False]
    assert _ends(harness, order) == plain


@EVERY_LOSS
def test_the_answer_lists_the_same_records_after_the_loss(harness: Harness, lose: Loss) -> None:
    account = _account(harness)
    orders = [_order(harness, customer_id=account) for _ in range(2)]
    harness.come_to_rest()
    listed = {("customer", account), *(("order", number) for number in orders)}
    subjects = Subject("customer", str(account)), _contact(KARI)
    assert [_listed(harness, subject) for subject in subjects] == [listed, listed]
    lose(harness, account, orders[0])
    harness.reconcile()
    assert [_listed(harness, subject) for subject in subjects] == [listed, listed]


@ON_SQLITE
@WITHOUT_KEY
def test_without_a_key_the_answer_lists_a_gone_accounts_orders(
    harness: Harness,
) -> None:
    account = _account(harness)
    order = _order(harness, customer_id=account)
    harness.come_to_rest()
    _all_lost(harness, account, order)
    harness.reconcile()
    assert _listed(harness, Subject("customer", str(account))) == {
        ("customer", account),
        ("order", order),
    }
    assert _listed(harness, _contact(KARI)) == set()


# --- a person's names ---


@dataclass(frozen=True)
class OrdersOfPerson:
    """Orders that are Kari's by account or by address, and one order of somebody else."""

    account: int
    of_account: int
    guests: int
    guests_at_work: int
    others: int

    @property
    def hers(self) -> tuple[int, ...]:
        """Return her orders."""
        return self.of_account, self.guests, self.guests_at_work


def _orders_of_person(harness: Harness) -> OrdersOfPerson:
    """Place the orders, with an account of two addresses. No delivery is received yet."""
    account = int(harness.store.sign_up(email=KARI, billing={"email": WORK})["id"])
    of_account = _order(harness, "elsewhere@example.test", customer_id=account)
    guests = [_order(harness, email) for email in (KARI, WORK.upper(), OLA)]
    return OrdersOfPerson(account, of_account, *guests)


HEARD: dict[str, Callable[[Harness], None]] = {
    "all was heard": lambda harness: harness.come_to_rest(),
    "all is on its way": lambda _: None,
    "all was lost": lambda harness: harness.lose(),
}


@pytest.mark.parametrize("hear", HEARD.values(), ids=HEARD)
def test_an_unsubscribe_ends_marketing_on_all_orders_of_the_person(
    harness: Harness, hear: Callable[[Harness], None]
) -> None:
    family = _orders_of_person(harness)
    hear(harness)
    harness.advance()
    _unsubscribe(harness, WORK)
    harness.reconcile()
    today = NOON.date().isoformat()
    assert [_marketing(harness, number) for number in family.hers] == [today, today, today]
    assert _marketing(harness, family.others) is None


# About what a hold is placed, and what was heard of her records before.
HOLDS: list[Any] = [
    pytest.param(
        lambda harness, family: _note(harness, "customer", family.account, "hold"),
        "all was lost",
        id="account",
    ),
    pytest.param(
        lambda harness, _: _note_of_contact(harness, KARI, "hold"), "all was heard", id="contact"
    ),
    pytest.param(
        lambda harness, _: _note_of_contact(harness, WORK, "hold"),
        "all is on its way",
        id="contact at work",
    ),
]


@pytest.mark.parametrize(("hold", "heard"), HOLDS)
def test_a_hold_under_any_name_holds_all_records_of_the_person(
    harness: Harness, hold: Callable[[Harness, OrdersOfPerson], None], heard: str
) -> None:
    family = _orders_of_person(harness)
    HEARD[heard](harness)
    hold(harness, family)
    harness.reconcile()
    assert _held(harness, *family.hers, family.others) == [True, True, True, False]
    assert harness.row("customer", family.account)["held"]


@ON_SQLITE
def test_a_held_account_with_a_guests_address_holds_the_order(harness: Harness) -> None:
    account, order = _account(harness), _order(harness, WORK)
    harness.come_to_rest()
    _note(harness, "customer", account, "hold")
    harness.come_to_rest()
    assert _held(harness, order) == [False]
    harness.advance()
    harness.store.edit_customer(account, email=WORK)
    harness.come_to_rest()
    assert _held(harness, order) == [True]
    harness.advance()
    harness.store.edit_customer(account, email=OLA)
    harness.come_to_rest()
    assert _held(harness, order) == [True], "an address that the account had stays a name"


@ON_SQLITE
def test_a_late_delivery_names_an_account_that_is_gone(harness: Harness) -> None:
    """Its address is a name of the person, so the guest's order is held."""
    order = _order(harness)
    harness.come_to_rest()
    account = _account(harness)
    harness.store.send_deliveries()
    late = harness.receiver.deliveries[harness.taken :]
    harness.taken += len(late)
    _note(harness, "customer", account, "hold")
    harness.store.delete_customer(account)
    harness.reconcile()
    assert harness.row("customer", account)["state"] == "gone"
    assert _held(harness, order) == [False]
    for one in late:
        harness.receive(Recorded(one.topic, one.headers, one.body))
    harness.come_to_rest()
    assert harness.row("customer", account)["state"] == "gone"
    assert _held(harness, order) == [True]


@ON_SQLITE
def test_the_answer_leaves_out_another_account_of_the_address(harness: Harness) -> None:
    first = int(harness.store.sign_up(email=KARI, billing={"email": WORK})["id"])
    second, order = _account(harness, WORK), _order(harness, WORK)
    harness.come_to_rest()
    assert _listed(harness, Subject("customer", str(first))) == {
        ("customer", first),
        ("order", order),
    }
    assert _listed(harness, Subject("customer", str(second))) == {
        ("customer", second),
        ("order", order),
    }
    both = {("customer", first), ("customer", second), ("order", order)}
    assert _listed(harness, _contact(WORK)) == both


@pytest.mark.parametrize("harness", [KEY, None], indirect=True, ids=["with a key", "without a key"])
@ON_SQLITE
def test_the_answer_says_if_guests_are_told_apart(harness: Harness) -> None:
    account = _account(harness)
    harness.come_to_rest()
    answer = _answer(harness, Subject("customer", str(account)))
    assert answer is not None
    assert answer.covers_addresses == (harness.runtime.subject_key is not None)


@pytest.mark.parametrize("by_order", [True, False])
@ON_SQLITE
def test_the_answer_lists_a_contacts_request_once(harness: Harness, by_order: bool) -> None:
    order = _order(harness)
    harness.come_to_rest()
    _note_of_contact(harness, KARI, "erasure-requested")
    harness.come_to_rest()
    answer = _answer(harness, Subject("order", str(order)) if by_order else _contact(KARI))
    assert answer is not None
    assert [(one.type, one.kind, one.id) for one in answer.requests] == [
        ("erasure-requested", "person", None)
    ]
    assert answer.deadline.source == "on-record"


@ON_SQLITE
def test_the_answer_by_address_lists_records_under_other_names(
    harness: Harness,
) -> None:
    family = _orders_of_person(harness)
    harness.come_to_rest()
    listed = {("customer", family.account), *(("order", number) for number in family.hers)}
    assert _listed(harness, _contact(KARI)) == _listed(harness, _contact(WORK)) == listed
    assert _listed(harness, Subject("customer", str(family.account))) == listed
    assert _listed(harness, _contact(OLA)) == {("order", family.others)}


# --- another owner ---

MOVES: dict[str, Callable[[Harness, int], object]] = {
    "another account": lambda harness, order: harness.store.edit_order(
        order, customer_id=_account(harness, OLA)
    ),
    "another address": lambda harness, order: harness.store.edit_order(
        order, billing={"email": OLA}
    ),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_guests_order_given_away_is_no_longer_held(
    harness: Harness, move: Callable[[Harness, int], object]
) -> None:
    order, other = _order(harness), _order(harness)
    harness.come_to_rest()
    _note_of_contact(harness, KARI, "hold")
    harness.come_to_rest()
    assert _held(harness, order, other) == [True, True]
    harness.advance()
    move(harness, order)
    harness.come_to_rest()
    assert _held(harness, order, other) == [False, True]
    assert ("order", order) not in _listed(harness, _contact(KARI))
    assert ("order", order) in _listed(harness, _contact(OLA))


@KEYED
def test_an_order_given_to_another_account_is_no_longer_held(harness: Harness) -> None:
    account, other = _account(harness), _account(harness, OLA)
    order = _order(harness, customer_id=account)
    harness.come_to_rest()
    _note(harness, "customer", account, "hold")
    harness.come_to_rest()
    assert _held(harness, order) == [True]
    harness.advance()
    harness.store.edit_order(order, customer_id=other)
    harness.come_to_rest()
    assert _held(harness, order) == [False]
    assert ("order", order) not in _listed(harness, Subject("customer", str(account)))


@ON_SQLITE
def test_a_request_about_an_order_moves_to_its_new_address(harness: Harness) -> None:
    order = _order(harness)
    harness.come_to_rest()
    harness.report(
        OccurrenceReport("support-request", 1, "closed", NOON, subject=Subject("order", str(order)))
    )
    harness.come_to_rest()
    assert ("support-request", 1) in _listed(harness, _contact(KARI))
    harness.advance()
    harness.store.edit_order(order, billing={"email": OLA})
    harness.come_to_rest()
    assert ("support-request", 1) not in _listed(harness, _contact(KARI))
    assert ("support-request", 1) in _listed(harness, _contact(OLA))
    _note_of_contact(harness, OLA, "hold")
    harness.come_to_rest()
    assert harness.row("support-request", 1)["held"]


# --- no key, and hashes that are dropped ---


def _hashes(harness: Harness) -> set[str]:
    """Return all that looks like an address hash in the ledger, except in the seals of the audit."""
    found: set[str] = set()
    with harness.runtime.database.read() as connection:
        for table in metadata.sorted_tables:
            columns = [
                column
                for column in table.c
                if column.name not in ("wanted_digest", "known_digest", "digest")
            ]
            if "seal" not in table.name:
                found.update(
                    re.findall(r"\b[0-9a-f]{64}\b", str(connection.execute(select(*columns)).all()))
                )
    return found


@KEYED
def test_addresses_are_hashed_only_with_a_key(harness: Harness) -> None:
    _orders_of_person(harness)
    harness.come_to_rest()
    known = {_contact(email).value for email in (KARI, WORK, OLA, "elsewhere@example.test")}
    assert _hashes(harness) == (known if harness.runtime.subject_key else set())


@WITHOUT_KEY
def test_without_a_key_only_its_number_identifies_an_account(harness: Harness) -> None:
    family = _orders_of_person(harness)
    harness.come_to_rest()
    _note(harness, "customer", family.account, "hold")
    _note_of_contact(harness, OLA, "hold")
    harness.come_to_rest()
    assert _held(harness, *family.hers, family.others) == [True, False, False, False]


def _anonymised(harness: Harness, order: int) -> None:
    harness.store.anonymise_order(order)
    harness.come_to_rest()


def _gone(harness: Harness, order: int) -> None:
    harness.store.delete_order(order)
    harness.reconcile()


ENDS = pytest.mark.parametrize(
    "end", [pytest.param(_anonymised, id="wholly erased"), pytest.param(_gone, id="gone")]
)


@ENDS
def test_an_orders_hash_is_dropped_when_nothing_is_left_of_it(
    harness: Harness, end: Callable[[Harness, int], None]
) -> None:
    order = _plain_order(harness)
    harness.come_to_rest()
    assert harness.row("order", order)["email_hash"] == _contact(KARI).value
    harness.advance()
    end(harness, order)
    assert harness.row("order", order)["email_hash"] is None
    assert _hashes(harness) == set()


@ENDS
def test_an_orders_hash_is_kept_while_a_hold_is_in_effect(
    harness: Harness, end: Callable[[Harness, int], None]
) -> None:
    order = _plain_order(harness)
    harness.come_to_rest()
    _note_of_contact(harness, KARI, "hold")
    harness.advance()
    end(harness, order)
    assert harness.row("order", order)["email_hash"] == _contact(KARI).value
    assert ("order", order) in _listed(harness, _contact(KARI))


@ENDS
def test_an_orders_hash_is_dropped_when_the_hold_is_lifted(
    harness: Harness, end: Callable[[Harness, int], None]
) -> None:
    order = _plain_order(harness)
    harness.come_to_rest()
    _note_of_contact(harness, KARI, "hold")
    harness.advance()
    end(harness, order)
    harness.advance()
    _note_of_contact(harness, KARI, "hold-lifted")
    harness.come_to_rest()
    assert harness.row("order", order)["email_hash"] is None


@ON_SQLITE
def test_an_erased_order_with_a_note_left_keeps_its_hash(harness: Harness) -> None:
    order = _order(harness)
    harness.come_to_rest()
    harness.advance()
    _anonymised(harness, order)
    assert harness.row("order", order)["email_hash"] == _contact(KARI).value
