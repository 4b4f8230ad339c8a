"""No decision about a person is ever lost, whatever becomes of the account and of the orders.

Random histories of accounts, addresses and orders are played, with holds, requests and choices among them; deliveries
come late, in another order, or never. In the end the ledger is held against a model of whose a record is, which is
worked out from all that the service was ever shown, in any order.
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
from hooks.intake.webhook import Delivery, Happened, Noted
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


class Owned(NamedTuple):
    """What a state of an order says of whose it is."""

    version: Any
    sequence: int
    customer_id: int
    email_hash: str


@dataclass
class People:
    """Whose records are whose: an order is that of its newest account or, without one, of its newest address; a person
    goes by the account, and by all addresses that it ever had."""

    orders: dict[int, list[Owned]] = field(default_factory=lambda: defaultdict(list))
    addresses: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    told: list[Noted | Happened] = field(default_factory=list)

    def see(self, snapshot: Snapshot) -> None:
        """Take in what the service was shown."""
        facts = snapshot.facts
        if isinstance(facts, OrderFacts):
            seen = self.orders[snapshot.external_id]
            seen.append(Owned(snapshot.version, len(seen), facts.customer_id, facts.email_hash))
        else:
            self.addresses[snapshot.external_id].update(facts.email_hashes)

    def owner(self, order: int) -> Subject | None:
        """Whose an order is."""
        newest_first = sorted(self.orders[order], reverse=True)
        accounts = [one.customer_id for one in newest_first if one.customer_id]
        hashes = [one.email_hash for one in newest_first if one.email_hash]
        if accounts:
            return Subject("customer", str(accounts[0]))
        return Subject("email", hashes[0]) if hashes else None

    def accounts_of(self, subject: Subject) -> set[int]:
        """The accounts of a person."""
        if subject.kind == "customer":
            return {int(subject.value)}
        return {number for number, had in self.addresses.items() if subject.value in had}

    def hashes_of(self, subject: Subject) -> set[str]:
        """The addresses of a person."""
        own = {subject.value} if subject.kind == "email" else set()
        return own.union(*(self.addresses[number] for number in self.accounts_of(subject)))

    def names_of(self, subject: Subject) -> set[Named]:
        """The records under which something may be noted about a person."""
        accounts: set[Named] = {("customer", number) for number in self.accounts_of(subject)}
        return accounts | {contact_of(email_hash) for email_hash in self.hashes_of(subject)}

    def noted_under(self, name: Named) -> tuple[RecordEvent, ...]:
        """All that is noted about, or reported of, one account or contact."""
        facts = reports_of(self.told).get(name)
        choices = choices_as_events(facts) if isinstance(facts, ConsentFacts) else ()
        return *events_of(self.told).get(name, ()), *choices

    def decided(self, subject: Subject, *, but: Named | None = None) -> tuple[RecordEvent, ...]:
        """What stands of it all."""
        names = sorted(self.names_of(subject) - {but})
        return tuple(event for name in names for event in events_in_force(self.noted_under(name)))

    def records_of(self, subject: Subject) -> set[Named]:
        """The accounts and orders of a person."""
        accounts, hashes = self.accounts_of(subject), self.hashes_of(subject)
        owners = {Subject("customer", str(number)) for number in accounts}
        owners |= {Subject("email", email_hash) for email_hash in hashes}
        orders: set[Named] = {
            ("order", number) for number in self.orders if self.owner(number) in owners
        }
        return orders | {("customer", number) for number in accounts}


def contact_of(email_hash: str) -> Named:
    """The newsletter contact that goes by the hash of an address."""
    return CONTACT, number_of(str(Subject("email", email_hash)))


class AnyPerson(ShopMachine):
    """Accounts that come and go, orders that change hands, and decisions about whoever is behind them."""

    policy: Policy
    make_ledger: MakeLedger

    def __init__(self) -> None:
        super().__init__()
        self.people = People()
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(Answers, "snapshot_of", self._watched(Answers.snapshot_of))
        database = self.make_ledger()
        self.stack.callback(database.close)
        self.harness = self.stack.enter_context(
            open_harness(database, self.policy, subject_key=KEY)
        )

    def _watched(self, read: Any) -> Any:
        """Reads a record that the store shows when it is asked, and writes down what it shows."""

        def reads(answers: Answers, kind: RecordKind, raw: dict[str, Any]) -> Snapshot:
            snapshot: Snapshot = read(answers, kind, raw)
            self.people.see(snapshot)
            return snapshot

        return reads

    def receive(self, sent: Recorded) -> None:
        """Take in one delivery, and write down what it shows, unless it is of an order that is no more."""
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
        """A shop with some orders of guests and of an account, of all of which was heard."""
        self.sign_up(account)
        self.place(PLACED[1], account, owner=0)
        for email in guests:
            self.place(PLACED[0], email, owner=None)
        self.harness.come_to_rest()

    @rule(email=emails)
    def sign_up(self, email: str) -> None:
        """An account is made, or made again."""
        self.harness.advance(SECOND)
        if len(self.harness.store.shop.customers) <= MOST:
            with suppress(RestError):  # there is one with this address
                self.harness.store.sign_up(email=email)

    @rule(given=st.sampled_from(PLACED), email=emails, owner=st.none() | places)
    def place(self, given: dict[str, Any], email: str, owner: int | None) -> None:
        """Somebody orders, as a guest or with an account."""
        self.harness.advance(SECOND)
        if len(self.harness.store.shop.orders) < MOST:
            customer = self._customer(owner) if owner is not None else None
            self.harness.store.place_order(
                customer_id=customer or 0, billing={"email": email}, **given
            )

    @rule(place=places, deed=st.sampled_from(["anonymise", "make a guest's", "delete"]), lost=lost)
    def lose_owner(self, place: int, deed: str, *, lost: bool) -> None:
        """An order loses whom it is of, or is gone."""
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
        """Staff give an order to another account, or to another address."""
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
        """An account gets another address, of its own or for bills."""
        self.harness.advance(SECOND)
        number = self._customer(place)
        if number is not None:
            self.harness.store.edit_customer(
                number, **({"billing": {"email": email}} if billed else {"email": email})
            )
            self._lose_if(lost)

    @rule(place=places, lost=lost)
    def delete_account(self, place: int, *, lost: bool) -> None:
        """An account is deleted."""
        self.harness.advance(SECOND)
        number = self._customer(place)
        if number is not None:
            self.harness.store.delete_customer(number)
            self._lose_if(lost)

    # People

    @rule(place=places, type_=st.sampled_from(DECIDED))
    def decide_about_account(self, place: int, type_: EventType) -> None:
        """Something is decided about an account that was ever heard of."""
        known = sorted(self.people.addresses)
        if known:
            self._note(Noted("customer", known[place % len(known)], self._event(type_)))

    @rule(email=emails, type_=st.sampled_from(DECIDED))
    def decide_about_contact(self, email: str, type_: EventType) -> None:
        """Something is decided about a newsletter contact."""
        subject = email_subject(email, KEY)
        self._note(Noted(*contact_of(subject.value), self._event(type_), subject))

    def _event(self, type_: EventType) -> RecordEvent:
        self.harness.advance(SECOND)
        return RecordEvent(
            f"event-{len(self.people.told)}", type_, self.harness.clock(), "litigation", "legal"
        )

    def _note(self, noted: Noted) -> None:
        self.people.told.append(noted)
        self.harness.note(noted.kind, noted.external_id, noted.event, noted.subject)

    @rule(email=emails, wanted=st.booleans())
    def choose(self, email: str, *, wanted: bool) -> None:
        """A newsletter tool tells of a contact."""
        self.harness.advance(SECOND)
        subject = email_subject(email, KEY)
        kind, number = contact_of(subject.value)
        occurrence: Occurrence = "consent-given" if wanted else "consent-withdrawn"
        happened = Happened(kind, number, occurrence, self.harness.clock(), "contact", subject)
        self.people.told.append(happened)
        self.harness.report(happened)

    # The end of it

    @rule()
    def reconcile(self) -> None:
        """One reconciliation in the middle of it all."""
        self.end()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.end()
        finally:
            self.stack.close()

    def end(self) -> None:
        """The lists are gone through once, and nothing that was decided is lost."""
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
        """The records that are not gone, and whose they are."""
        for (kind, number), row in rows.items():
            if row["state"] in ("gone", "unknown"):
                continue
            if kind == CONTACT:
                yield (kind, number), Subject("email", row["email_hash"])
            else:
                account = Subject("customer", str(number))
                yield (kind, number), account if kind == "customer" else self.people.owner(number)

    def _check(self, held: Named, row: dict[str, Any], subject: Subject | None) -> None:
        """A record is tagged by what is decided about its person under any name, and held exactly if a hold is."""
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
        """The answer to a person lists what is the person's by the model, but for orders that nothing is left of."""
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
    """Tell whether an order is nobody's any more since nothing is left of it."""
    is_over = row["state"] == "gone" or (row["state"] == "erased" and row["entries"] == "[]")
    return is_over and not row["email_hash"] and not row["customer_id"]


def _play(policy: Policy, ledgers: MakeLedger, examples: int) -> None:
    class Played(AnyPerson):
        pass

    Played.policy, Played.make_ledger = policy, staticmethod(ledgers)
    play(Played, examples=examples, steps=STEPS)


def test_no_decision_about_a_person_is_ever_lost(policy: Policy, copies: MakeLedger) -> None:
    _play(policy, copies, 20)


def test_none_is_on_postgresql(policy: Policy, servers: MakeLedger) -> None:
    _play(policy, servers, 2)
