"""Persons and their addresses: finding a person by an address, dropping the hash of an address, and changing the
key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hooks.intake.email_hash import email_subject
from hooks.intake.rehash import rehash
from hooks.intake.webhook import OccurrenceReport
from hooks.ledger.database import Database
from hooks.ledger.tables import metadata
from hooks.policies.retag import Retagger
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import Subject
from hooks.retention.policy import Policy
from hooks.retention.tool_reports import number_of
from hooks.rights.lookup import answer_to
from hooks.rights.values import Inquiry
from hooks.worker.forget_addresses import forget
from tests.integration.harness import ON_SQLITE, Harness, open_harness

KEY = "a key of at least thirty-two characters"
OTHER_KEY = "another key of thirty-two characters or more"
KARI = "kari@example.test"
JUMPER: dict[str, Any] = {"line_items": [{"product_id": 10}]}


@pytest.fixture
def shop(database: Database, policy: Policy) -> Iterator[Harness]:
    """A shop that is served with a key for addresses."""
    with open_harness(database, policy, subject_key=KEY) as made:
        yield made


def guest_order(shop: Harness, email: str = KARI) -> int:
    """Place a guest's paid order with order attribution, and deliver it."""
    meta = [{"key": "_wc_order_attribution_source_type", "value": "organic"}]
    number = shop.paid_order(
        billing={"first_name": "Kari", "email": email}, meta_data=meta, **JUMPER
    )
    shop.come_to_rest()
    return number


def account(shop: Harness, email: str = KARI) -> int:
    """Create an account, and deliver it."""
    number = int(shop.store.sign_up(email=email)["id"])
    shop.come_to_rest()
    return number


def note(shop: Harness, number: int, type_: EventType, name: str = "", **more: Any) -> None:
    """Record an event about an account."""
    if type_ == "hold":
        more |= {"reason": "litigation", "owner": "legal", "review_on": date(2027, 5, 1)}
    shop.note("customer", number, RecordEvent(name or type_, type_, shop.clock(), **more))
    shop.come_to_rest()


def unsubscribe(shop: Harness, email: str = KARI) -> None:
    """Report an unsubscription, as the newsletter tool does."""
    subject = email_subject(email, shop.runtime.subject_key or "")
    shop.report(
        OccurrenceReport(
            "marketing-consent",
            number_of(str(subject)),
            "consent-withdrawn",
            shop.clock(),
            "",
            subject,
        )
    )
    shop.come_to_rest()


def marketing_end(shop: Harness, number: int) -> str | None:
    """Return the last day on which an order's marketing data are kept."""
    entries = json.loads(shop.held("order", number)["retention_schedule"])
    ends = [one["delete_after"] for one in entries if one["class"] == "marketing"]
    assert len(ends) == 1
    return str(ends[0]) if ends[0] else None


def listed(shop: Harness, subject: Subject) -> set[tuple[str, int]]:
    """Return the records that the answer to a person lists."""
    with shop.runtime.database.read() as connection:
        answer = answer_to(
            connection, shop.runtime.policy, Inquiry("shop", subject), now=shop.clock()
        )
    assert answer is not None
    return {(one.kind, one.id) for one in answer.records} | {
        (one.kind, one.id) for one in answer.closed
    }


def everything(database: Database) -> str:
    """Return all that the ledger holds, as text."""
    with database.read() as connection:
        return "\n".join(
            str(connection.execute(select(table)).all()) for table in metadata.sorted_tables
        )


def test_guest_account_and_contact_of_one_address_are_one_person(shop: Harness) -> None:
    guest, number = guest_order(shop, " Kari@EXAMPLE.test "), account(shop)
    other = guest_order(shop, "ola@example.test")
    owned = shop.paid_order(customer_id=number, **JUMPER)
    shop.come_to_rest()
    unsubscribe(shop)
    contact = ("marketing-consent", number_of(str(email_subject(KARI, KEY))))
    hers = {("order", guest), ("order", owned), ("customer", number), contact}
    assert listed(shop, email_subject(KARI, KEY)) == hers
    assert listed(shop, Subject("customer", str(number))) == hers
    assert listed(shop, email_subject("ola@example.test", KEY)) == {("order", other)}


# --- the hash goes -------------------------------------------------------------------------------------------


def test_an_accounts_hashes_are_dropped_when_nothing_needs_them(shop: Harness) -> None:
    number, guest = account(shop), guest_order(shop)
    unsubscribe(shop)
    shop.report(_deleted_contact(shop))
    shop.store.delete_customer(number)
    shop.come_to_rest()
    shop.reconcile()
    shop.advance(timedelta(days=9))
    assert forget(shop.runtime) == 0  # the order is there
    shop.store.delete_order(guest)
    shop.reconcile()
    assert forget(shop.runtime) == 2
    assert email_subject(KARI, KEY).value not in everything(shop.runtime.database)
    assert forget(shop.runtime) == 0
    # What is decided under the address afterwards bears on an order that comes then.
    late = guest_order(shop)
    subject = email_subject(KARI, KEY)
    event = RecordEvent("late", "objection", shop.clock())
    shop.note("marketing-consent", number_of(str(subject)), event, subject=subject)
    shop.come_to_rest()
    assert marketing_end(shop, late) == str(shop.clock().date())


@ON_SQLITE
def test_the_hashes_stay_until_the_lists_had_time_to_show_more(shop: Harness) -> None:
    unsubscribe(shop)
    unheard = shop.paid_order(
        billing={"email": KARI},
        meta_data=[{"key": "_wc_order_attribution_source_type", "value": "organic"}],
        **JUMPER,
    )
    shop.lose()
    shop.advance(timedelta(hours=1))
    unsubscribe(shop)
    shop.report(_deleted_contact(shop))
    assert forget(shop.runtime) == 0
    shop.reconcile()
    assert marketing_end(shop, unheard) == "2026-11-22"


@ON_SQLITE
def test_a_deleted_request_keeps_no_hash_of_its_address(shop: Harness) -> None:
    subject = email_subject(KARI, KEY)
    for occurrence in ("made", "deleted"):
        shop.report(OccurrenceReport("support-request", 7, occurrence, shop.clock(), "", subject))
    shop.advance(timedelta(days=9))
    assert forget(shop.runtime) == 1
    assert subject.value not in everything(shop.runtime.database)


@ON_SQLITE
def test_the_address_of_a_gone_order_still_leads_to_the_person(shop: Harness) -> None:
    guest = guest_order(shop)
    shop.report(
        OccurrenceReport(
            "support-request", 7, "made", shop.clock(), "", Subject("order", str(guest))
        )
    )
    shop.store.delete_order(guest)
    shop.reconcile()
    assert ("support-request", 7) in listed(shop, email_subject(KARI, KEY))


def _deleted_contact(shop: Harness) -> OccurrenceReport:
    subject = email_subject(KARI, KEY)
    return OccurrenceReport(
        "marketing-consent", number_of(str(subject)), "deleted", shop.clock(), "", subject
    )


# --- another key ---------------------------------------------------------------------------------------------


def test_a_new_key_keeps_the_decisions_on_each_record(shop: Harness) -> None:
    guest, number = guest_order(shop), account(shop)
    note(shop, number, "hold")
    unsubscribe(shop)
    before = marketing_end(shop, guest)
    shop.store.delete_customer(number)
    shop.come_to_rest()
    _use(shop, OTHER_KEY)
    assert rehash(shop.runtime, "shop") == 1
    shop.come_to_rest()
    assert shop.row("order", guest)["email_hash"] == email_subject(KARI, OTHER_KEY).value
    assert shop.row("order", guest)["held"]
    assert marketing_end(shop, guest) == before
    assert listed(shop, email_subject(KARI, OTHER_KEY)) == {("order", guest)}


@ON_SQLITE
def test_a_first_key_is_set_for_a_ledger_in_use(database: Database, policy: Policy) -> None:
    with open_harness(database, policy) as shop:
        guest, number = guest_order(shop), account(shop)
        _use(shop, KEY)
        assert rehash(shop.runtime, "shop") == 2
        shop.come_to_rest()
        assert listed(shop, email_subject(KARI, KEY)) == {("order", guest), ("customer", number)}


@ON_SQLITE
def test_a_new_key_makes_nothing_due_and_holds_can_be_lifted(
    shop: Harness,
) -> None:
    number = account(shop)
    note(shop, number, "erasure-requested")
    note(shop, number, "hold")
    shop.advance(timedelta(days=40))
    later = guest_order(shop)
    _use(shop, OTHER_KEY)
    rehash(shop.runtime, "shop")
    shop.come_to_rest()
    assert shop.row("order", later)["held"]
    note(shop, number, "hold-lifted")
    assert (shop.row("order", later)["held"], shop.row("order", later)["request_due"]) == (
        False,
        None,
    )


def _use(shop: Harness, key: str) -> None:
    shop.runtime = runtime = replace(shop.runtime, subject_key=key)
    refetcher, pusher = (
        replace(shop.worker.refetcher, runtime=runtime),
        replace(shop.worker.pusher, runtime=runtime),
    )
    shop.worker = replace(shop.worker, runtime=runtime, refetcher=refetcher, pusher=pusher)
    shop.reconciler = replace(shop.reconciler, runtime=runtime)


# --- many orders ---------------------------------------------------------------------------------------------


@ON_SQLITE
def test_a_decision_on_a_thousand_orders_is_applied_in_one_turn(
    database: Database, policy: Policy
) -> None:
    with open_harness(database, policy, subject_key=KEY) as shop:
        number = account(shop)
        shop.store.place_orders(
            1000, customer_id=number, set_paid=True, billing={"email": KARI}, **JUMPER
        )
        shop.deliver()
        while Retagger(shop.runtime).step():
            pass
        shop.note("customer", number, RecordEvent("e", "erasure-requested", shop.clock()))
        assert Retagger(shop.runtime).turn() >= 1000
        assert Retagger(shop.runtime).step() == 0
