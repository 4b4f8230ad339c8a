"""Random histories of persons: no decision about a person is lost when the account or the orders change.

The histories mix accounts, addresses, orders, holds, requests and choices. Deliveries arrive late, in another order, or
never. At the end the ledger is compared with a model that knows which record belongs to whom. The model is computed
from all that the service was ever shown, in any order.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from deploy.sandbox.errors import RestError
from hooks.intake.answers import Answers
from hooks.intake.email_hash import email_subject
from hooks.intake.webhook import Delivery, EventNote, OccurrenceReport
from hooks.ledger.codec import read_facts
from hooks.ledger.persons import CONTACT
from hooks.retention.events import EventType, RecordEvent, events_in_force
from hooks.retention.facts import (
    ConsentFacts,
    CustomerFacts,
    Occurrence,
    OrderFacts,
    RecordKind,
    Snapshot,
    Subject,
)
from hooks.retention.policy import Policy
from hooks.retention.tags import Context
from hooks.retention.tool_reports import choices_as_events, number_of
from hooks.rights.lookup import answer_to
from hooks.rights.values import Inquiry
from hooks.settings.webhook_secrets import signing_keys
from hooks.tagging.tagger import tag
from tests.integration.conftest import MakeLedger
from tests.integration.expected_rows import events_of, reports_of
from tests.integration.harness import SECOND, open_harness
from tests.integration.random_histories import ShopMachine, go_through, play
from tests.integration.shop_log import Rows, rows_of
from tests.support.recordings import SECRET, Recorded

KEY = "a key of at least thirty-two characters"
EMAILS = ("kari@example.test", "kari@work.example.test", "ola@example.test")
MOST = 5
STEPS = 20

PLACED: tuple[dict[str, Any], ...] = (
    {"set_paid": True},
    {
        "set_paid": True,
        "meta_data": [{"key": "ws_opt_in", "value": "yes"}],
        "customer_note": "Ring twice",
    },
    {"meta_data": [{"key": "_wc_order_attribution_source_type", "value": "organic"}]},
)
DECIDED: tuple[EventType, ...] = (
    "hold",
    "hold",
    "hold-lifted",
    "erasure-requested",
    "objection",
    "consent-withdrawn",
    "restriction",
)

places = st.integers(0, MOST - 1)
emails = st.sampled_from(EMAILS)
lost = st.booleans()

Named = tuple[RecordKind, int]
"""The record under which something is noted about a person."""


class OrderOwner(NamedTuple):
    """The owner of an order, as one state of the order shows it."""

    version: Any
    sequence: int
    customer_id: int
    email_hash: str


@dataclass
class PersonModel:
    """The model of ownership: an order belongs to its newest account or, without one, to its newest address. A person
    is known by the account, and by every address that the account ever had."""

    orders: dict[int, list[OrderOwner]] = field(default_factory=lambda: defaultdict(list))
    addresses: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    told: list[EventNote | OccurrenceReport] = field(default_factory=list)

    def see(self, snapshot: Snapshot) -> None:
        """Add what the service was shown."""
        facts = snapshot.facts
        if isinstance(facts, OrderFacts):
            seen = self.orders[snapshot.external_id]
            seen.append(
                OrderOwner(snapshot.version, len(seen), facts.customer_id, facts.email_hash)
            )
        else:
            self.addresses[snapshot.external_id].update(facts.email_hashes)

    def owner(self, order: int) -> Subject | None:
        """Return the owner of an order."""
        newest_first = sorted(self.orders[order], reverse=True)
        accounts = [one.customer_id for one in newest_first if one.customer_id]
        hashes = [one.email_hash for one in newest_first if one.email_hash]
        if accounts:
            return Subject("customer", str(accounts[0]))
        return Subject("email", hashes[0]) if hashes else None

    def accounts_of(self, subject: Subject) -> set[int]:
        """Return the accounts of a person."""
        if subject.kind == "customer":
            return {int(subject.value)}
        return {number for number, had in self.addresses.items() if subject.value in had}

    def hashes_of(self, subject: Subject) -> set[str]:
        """Return the address hashes of a person."""
        own = {subject.value} if subject.kind == "email" else set()
        return own.union(*(self.addresses[number] for number in self.accounts_of(subject)))

    def names_of(self, subject: Subject) -> set[Named]:
        """Return the records on which an event about a person may be recorded."""
        accounts: set[Named] = {("customer", number) for number in self.accounts_of(subject)}
        return accounts | {contact_of(email_hash) for email_hash in self.hashes_of(subject)}

    def noted_under(self, name: Named) -> tuple[RecordEvent, ...]:
        """Return all events and reports about one account or contact."""
        facts = reports_of(self.told).get(name)
        choices = choices_as_events(facts) if isinstance(facts, ConsentFacts) else ()
        return *events_of(self.told).get(name, ()), *choices

    def decided(self, subject: Subject, *, but: Named | None = None) -> tuple[RecordEvent, ...]:
        """Return the decisions that are in effect."""
        names = sorted(self.names_of(subject) - {but})
        return tuple(event for name in names for event in events_in_force(self.noted_under(name)))

    def records_of(self, subject: Subject) -> set[Named]:
        """Return the accounts and orders of a person."""
        accounts, hashes = self.accounts_of(subject), self.hashes_of(subject)
        owners = {Subject("customer", str(number)) for number in accounts}
        owners |= {Subject("email", email_hash) for email_hash in hashes}
        orders: set[Named] = {
            ("order", number) for number in self.orders if self.owner(number) in owners
        }
        return orders | {("customer", number) for number in accounts}


def contact_of(email_hash: str) -> Named:
    """Return the newsletter contact of an address hash."""
    return CONTACT, number_of(str(Subject("email", email_hash)))


class RandomPersons(ShopMachine):
    """Accounts that come and go, orders that change owners, and decisions about the persons behind them."""

    policy: Policy
    make_ledger: MakeLedger

    def __init__(self) -> None:
        super().__init__()
        self.people = PersonModel()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(Answers, "snapshot_of", self._watched(Answers.snapshot_of))
        database = self.make_ledger()
        self.stack.callback(database.close)
        self.harness = self.stack.enter_context(
            open_harness(database, self.policy, subject_key=KEY)
        )

    def _watched(self, read: Any) -> Any:
        """Read a record from the store's answer, and add it to the model."""

        def reads(answers: Answers, kind: RecordKind, raw: dict[str, Any]) -> Snapshot:
            snapshot: Snapshot = read(answers, kind, raw)
            self.people.see(snapshot)
            return snapshot

        return reads

    def receive(self, sent: Recorded) -> None:
        """Receive one delivery, and add it to the model unless its order is gone."""
        keys = signing_keys(SECRET)
        delivery = Delivery.from_http(
            sent.headers, sent.body, keys=keys, policy=self.policy, subject_key=KEY
        )
        if isinstance(delivery.content, Snapshot) and not self._is_gone(delivery.content):
            self.people.see(delivery.content)
        super().receive(sent)

    def _is_gone(self, snapshot: Snapshot) -> bool:
        row = rows_of(self.harness.runtime.database).get(
            (snapshot.facts.kind, snapshot.external_id)
        )
        return snapshot.facts.kind == "order" and row is not None and row["state"] == "gone"

    # The shop: each change has a second of its own

    @initialize(account=emails, guests=st.lists(emails, min_size=1, max_size=3))
    def open(self, account: str, guests: list[str]) -> None:
        """Open a shop with orders of guests and of an account; all deliveries were received."""
        self.sign_up(account)
        self.place(PLACED[1], account, owner=0)
        for email in guests:
            self.place(PLACED[0], email, owner=None)
        self.harness.come_to_rest()

    @rule(email=emails)
    def sign_up(self, email: str) -> None:
        """Create an account, perhaps once more."""
        self.harness.advance(SECOND)
        if len(self.harness.store.shop.customers) <= MOST:
            with suppress(RestError):  # there is one with this address
                self.harness.store.sign_up(email=email)

    @rule(given=st.sampled_from(PLACED), email=emails, owner=st.none() | places)
    def place(self, given: dict[str, Any], email: str, owner: int | None) -> None:
        """Place an order, as a guest or with an account."""
        self.harness.advance(SECOND)
        if len(self.harness.store.shop.orders) < MOST:
            customer = self._customer(owner) if owner is not None else None
            self.harness.store.place_order(
                customer_id=customer or 0, billing={"email": email}, **given
            )

    @rule(place=places, deed=st.sampled_from(["anonymise", "make a guest's", "delete"]), lost=lost)
    def lose_owner(self, place: int, deed: str, *, lost: bool) -> None:
        """Take the owner from an order, or delete the order."""
        self.harness.advance(SECOND)
        number = self._order(place)
        if number is None:
            return
        if deed == "anonymise":
            self.harness.store.anonymise_order(number)
        elif deed == "delete":
            self.harness.store.delete_order(number)
        else:
            self.harness.store.edit_order(number, customer_id=0)
        self._lose_if(lost)

    @rule(place=places, owner=st.none() | places, email=emails, lost=lost)
    def give(self, place: int, owner: int | None, email: str, *, lost: bool) -> None:
        """Let staff give an order to another account or another address."""
        self.harness.advance(SECOND)
        number, customer = self._order(place), self._customer(owner or 0)
        if number is None:
            return
        if owner is not None and customer:
            self.harness.store.edit_order(number, customer_id=customer)
        else:
            self.harness.store.edit_order(number, billing={"email": email})
        self._lose_if(lost)

    @rule(place=places, email=emails, billed=st.booleans(), lost=lost)
    def change_address(self, place: int, email: str, *, billed: bool, lost: bool) -> None:
        """Change the address of an account, its own or the one for bills."""
        self.harness.advance(SECOND)
        number = self._customer(place)
        if number is not None:
            self.harness.store.edit_customer(
                number, **({"billing": {"email": email}} if billed else {"email": email})
            )
            self._lose_if(lost)

    @rule(place=places, lost=lost)
    def delete_account(self, place: int, *, lost: bool) -> None:
        """Delete an account."""
        self.harness.advance(SECOND)
        number = self._customer(place)
        if number is not None:
            self.harness.store.delete_customer(number)
            self._lose_if(lost)

    # People

    @rule(place=places, type_=st.sampled_from(DECIDED))
    def decide_about_account(self, place: int, type_: EventType) -> None:
        """Record a decision about an account that was seen at some time."""
        known = sorted(self.people.addresses)
        if known:
            self._note(EventNote("customer", known[place % len(known)], self._event(type_)))

    @rule(email=emails, type_=st.sampled_from(DECIDED))
    def decide_about_contact(self, email: str, type_: EventType) -> None:
        """Record a decision about a newsletter contact."""
        subject = email_subject(email, KEY)
        self._note(EventNote(*contact_of(subject.value), self._event(type_), subject))

    def _event(self, type_: EventType) -> RecordEvent:
        self.harness.advance(SECOND)
        return RecordEvent(
            f"event-{len(self.people.told)}", type_, self.harness.clock(), "litigation", "legal"
        )

    def _note(self, noted: EventNote) -> None:
        self.people.told.append(noted)
        self.harness.note(noted.kind, noted.external_id, noted.event, noted.subject)

    @rule(email=emails, wanted=st.booleans())
    def choose(self, email: str, *, wanted: bool) -> None:
        """Report a choice of a contact from a newsletter tool."""
        self.harness.advance(SECOND)
        subject = email_subject(email, KEY)
        kind, number = contact_of(subject.value)
        occurrence: Occurrence = "consent-given" if wanted else "consent-withdrawn"
        happened = OccurrenceReport(
            kind, number, occurrence, self.harness.clock(), "contact", subject
        )
        self.people.told.append(happened)
        self.harness.report(happened)

    # The end of it

    @rule()
    def reconcile(self) -> None:
        """Reconcile in the middle of the history."""
        self.end()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.end()
        finally:
            self.stack.close()

    def end(self) -> None:
        """Reconcile once, and check that no decision is lost."""
        self.harness.advance()
        go_through(self.harness.reconciler, "shop")
        self.harness.work()
        self.harness.come_to_rest()
        rows = rows_of(self.harness.runtime.database)
        for held, subject in self._owned(rows):
            self._check(held, rows[held], subject)
        accounts = [Subject("customer", str(number)) for number in self.people.addresses]
        for subject in (*accounts, *(email_subject(email, KEY) for email in EMAILS)):
            self._check_answer(subject, rows)

    def _owned(self, rows: Rows) -> Iterator[tuple[Named, Subject | None]]:
        """Return the records that are not gone, with their owners."""
        for (kind, number), row in rows.items():
            if row["state"] in ("gone", "unknown"):
                continue
            if kind == CONTACT:
                yield (kind, number), Subject("email", row["email_hash"])
            else:
                account = Subject("customer", str(number))
                yield (kind, number), account if kind == "customer" else self.people.owner(number)

    def _check(self, held: Named, row: dict[str, Any], subject: Subject | None) -> None:
        """Check that a record is tagged by the decisions about its person under any name, and is held only if a hold is
        in effect."""
        facts = read_facts(held[0], row["facts"], row["email_hash"])
        person = self.people.decided(subject, but=held) if subject else ()
        own = events_of(self.people.told).get(held, ())
        erased_at = None if isinstance(facts, CustomerFacts) else facts.erased_at
        standing = (*events_in_force(own), *person)
        holds = [
            event
            for event in standing
            if event.type == "hold" and (not erased_at or event.at <= erased_at)
        ]
        assert row["held"] == bool(holds), held
        account = (
            int(subject.value)
            if subject and subject.kind == "customer" and held[0] == "order"
            else None
        )
        assert row["customer_id"] == account, held
        _, columns = tag(facts, self.policy, Context(own, person, account))
        assert row["entries"] == columns["entries"], held
        if (
            isinstance(facts, OrderFacts)
            and subject
            and subject.kind == "email"
            and not is_dropped(row)
        ):
            assert row["email_hash"] == subject.value, held

    def _check_answer(self, subject: Subject, rows: Rows) -> None:
        """Check that the answer to a person lists the person's records by the model, except orders of which nothing is
        left."""
        with self.harness.runtime.database.read() as connection:
            answer = answer_to(
                connection, self.policy, Inquiry("shop", subject), now=self.harness.clock()
            )
        listed: set[Named] = set()
        if answer:
            listed = {(one.kind, one.id) for one in answer.records} | {
                (one.kind, one.id) for one in answer.closed
            }
            listed = {name for name in listed if name[0] != CONTACT}
        mine = {
            name
            for name in self.people.records_of(subject)
            if name in rows and rows[name]["state"] != "unknown"
        }
        dropped = {name for name in mine if name[0] == "order" and is_dropped(rows[name])}
        assert mine - dropped <= listed <= mine, subject.kind


def is_dropped(row: dict[str, Any]) -> bool:
    """Tell whether an order has lost its owner because nothing is left of it."""
    is_over = row["state"] == "gone" or (row["state"] == "erased" and row["entries"] == "[]")
    return is_over and not row["email_hash"] and not row["customer_id"]


def _play(policy: Policy, ledgers: MakeLedger, examples: int) -> None:
    class Played(RandomPersons):
        pass

    Played.policy, Played.make_ledger = policy, staticmethod(ledgers)
    play(Played, examples=examples, steps=STEPS)


def test_no_decision_about_a_person_is_ever_lost(policy: Policy, copies: MakeLedger) -> None:
    _play(policy, copies, 20)


def test_no_decision_about_a_person_is_ever_lost_on_postgresql(
    policy: Policy, servers: MakeLedger
) -> None:
    _play(policy, servers, 2)
