"""Late and premature deletions: counted, the oldest named, and gone from `/status` once they are corrected."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import RecordKind
from tests.integration.harness import ON_SQLITE, Harness

MONTH_OVER = timedelta(days=31)
"""ReceivedRequest for on 22 November: the month is over at the end of 22 December."""


def _account(harness: Harness, name: str = "kari") -> int:
    return int(harness.store.sign_up(email=f"{name}@example.test")["id"])


def _note(harness: Harness, number: int, type_: EventType, name: str = "", **more: Any) -> None:
    if type_ == "hold":
        more = {"reason": "chargeback", "owner": "finance", "review_on": date(2026, 12, 1)} | more
    harness.note("customer", number, RecordEvent(name or type_, type_, harness.clock(), **more))


def _problem(harness: Harness, code: str) -> tuple[str, str | None] | None:
    """Return the message and the start of a problem; None where there is no such problem."""
    found = [problem for problem in harness.status()["problems"] if problem["code"] == code]
    assert len(found) <= 1
    return (found[0]["message"], found[0]["since"]) if found else None


@ON_SQLITE
@pytest.mark.parametrize(("key", "told_apart"), [(None, False), ("k" * 32, True)])
def test_guests_that_cannot_be_told_apart_are_no_problem(
    harness: Harness, key: str | None, told_apart: bool
) -> None:
    harness.settings = replace(harness.settings, subject_key=key)
    found = harness.status()
    assert (found["status"], found["people"]["guests_told_apart"]) == ("ok", told_apart)
    assert ("cannot be told apart" in found["people"]["message"]) is not told_apart


# --- deletions -----------------------------------------------------------------------------------------------


@ON_SQLITE
def test_a_deletion_is_overdue_once_the_time_to_act_is_over(harness: Harness) -> None:
    """The order was never paid: it is kept until 2027-11-22, and is to be deleted by 2027-12-22."""
    number = int(harness.store.place_order(line_items=[{"product_id": 10}])["id"])
    harness.come_to_rest()
    harness.advance(date(2027, 12, 22) - date(2026, 11, 22))
    assert harness.status()["schedule"]["overdue"] == 1, "it is due, and there is a month to act"
    assert _problem(harness, "overdue") is None
    harness.advance(timedelta(days=1))
    said = _problem(harness, "overdue")
    assert said is not None
    assert said[0].startswith(
        "Overdue: 1 record(s) had to be deleted within one month after the last day"
    )
    assert f"order {number} of shop, kept until 2027-11-22" in said[0]
    assert said[1] == "2027-12-22T23:00:00+00:00", "the day begins in Oslo"
    assert harness.status()["schedule"]["overdue"] == 1


@ON_SQLITE
def test_parts_become_overdue_alone_and_the_oldest_is_named(harness: Harness) -> None:
    """A note on a paid order is due after three years, the order later."""
    numbers = []
    for _ in range(2):
        numbers.append(harness.paid_order(customer_note="Ring twice"))
        harness.advance(timedelta(days=1))
    harness.come_to_rest()
    harness.advance(date(2029, 12, 25) - date(2026, 11, 24))
    said = _problem(harness, "overdue")
    assert said is not None
    assert said[0].startswith("Overdue: a part of 2 record(s) had to be deleted")
    assert f"order {numbers[0]} of shop, kept until 2029-11-22" in said[0]


# --- requests and holds --------------------------------------------------------------------------------------


@ON_SQLITE
def test_a_request_is_late_after_a_month_while_data_are_left(
    harness: Harness,
) -> None:
    customer = _account(harness)
    harness.come_to_rest()
    _note(harness, customer, "erasure-requested")
    harness.advance(MONTH_OVER - timedelta(days=1))
    assert _problem(harness, "request-late") is None, "its last day"
    harness.advance(timedelta(days=1))
    said = _problem(harness, "request-late")
    assert said is not None
    assert said[0].startswith("1 record(s) of shop hold data that a person asked to have erased")
    assert f"customer {customer}, which had to be erased by 2026-12-22" in said[0]
    assert said[1] == "2026-12-22T23:00:00+00:00"
    harness.store.delete_customer(customer)
    harness.come_to_rest()
    assert _problem(harness, "request-late") is None


@ON_SQLITE
def test_no_request_is_late_while_a_hold_is_in_effect(harness: Harness) -> None:
    customer = _account(harness)
    harness.come_to_rest()
    _note(harness, customer, "erasure-requested")
    _note(harness, customer, "hold", review_on=date(2027, 5, 1))
    harness.advance(MONTH_OVER)
    assert _problem(harness, "request-late") is None
    _note(harness, customer, "hold-lifted")
    assert _problem(harness, "request-late") is not None


@ON_SQLITE
def test_a_hold_is_reviewed_on_its_day_unless_a_new_one_replaces_it(
    harness: Harness,
) -> None:
    customer = _account(harness)
    number = harness.paid_order(customer_id=customer)
    harness.come_to_rest()
    _note(harness, customer, "hold", "first")
    harness.tag()
    harness.advance(timedelta(days=8))
    assert _problem(harness, "hold-review") is None, "the day before"
    harness.advance(timedelta(days=1))
    said = _problem(harness, "hold-review")
    assert said is not None
    assert said[0].startswith("2 record(s) of shop are under a hold")
    assert f"customer {customer}, to be reviewed on 2026-12-01" in said[0]
    assert said[1] == "2026-11-30T23:00:00+00:00"
    _note(harness, customer, "hold", "second", review_on=date(2027, 5, 1))
    assert _problem(harness, "hold-review") is not None, "the first one stands"
    _note(harness, customer, "hold-lifted", about="first")
    harness.tag()
    assert _problem(harness, "hold-review") is None
    assert all(
        harness.row(*record)["held"] for record in (("customer", customer), ("order", number))
    )


# --- what went too early -------------------------------------------------------------------------------------


def _deleted(harness: Harness, customer: int) -> None:
    harness.store.delete_customer(customer)
    harness.come_to_rest()


def test_an_account_deleted_under_a_hold_is_erased_too_early(
    harness: Harness,
) -> None:
    customer, other = _account(harness), _account(harness, "ola")
    harness.come_to_rest()
    _note(harness, customer, "hold", review_on=date(2027, 5, 1))
    harness.advance()
    _deleted(harness, other)
    assert _problem(harness, "erased-too-early") is None, "nothing holds it"
    _deleted(harness, customer)
    said = _problem(harness, "erased-too-early")
    assert said is not None
    assert said[0].startswith(
        "1 record(s) that must be kept by law or under a hold were trashed or erased:"
    )
    assert f": customer {customer} of shop (gone; under a hold)." in said[0]
    assert said[1] is not None
    assert _problem(harness, "hold-review") is None
    _note(harness, customer, "hold-lifted")
    harness.tag()
    assert _problem(harness, "erased-too-early") is not None, (
        "what stood when it was deleted counts"
    )


@ON_SQLITE
def test_an_order_deleted_under_its_accounts_hold_is_too_early(
    harness: Harness,
) -> None:
    customer = _account(harness)
    number = int(
        harness.store.place_order(line_items=[{"product_id": 10}], customer_id=customer)["id"]
    )
    harness.come_to_rest()
    _note(harness, customer, "hold", review_on=date(2027, 5, 1))
    harness.come_to_rest()
    harness.store.delete_order(number)
    harness.come_to_rest()
    said = _problem(harness, "erased-too-early")
    assert said is not None
    assert f": order {number} of shop (gone; under a hold)." in said[0]


@pytest.mark.parametrize("lifted", [True, False])
@ON_SQLITE
def test_only_a_hold_on_the_day_of_deletion_counts(harness: Harness, lifted: bool) -> None:
    """A hold that was lifted before that day, or placed after it, is no reason for a report."""
    customer = _account(harness)
    harness.come_to_rest()
    if lifted:
        _note(harness, customer, "hold")
        harness.advance()
        _note(harness, customer, "hold-lifted")
    harness.advance()
    _deleted(harness, customer)
    if not lifted:
        _note(harness, customer, "hold")
        harness.tag()
    assert _problem(harness, "erased-too-early") is None


def _paid_order(harness: Harness) -> int:
    customer = _account(harness)
    items = [{"product_id": 10}]
    number = int(
        harness.store.place_order(line_items=items, customer_id=customer, set_paid=True)["id"]
    )
    harness.come_to_rest()
    return number


CLOSINGS = [
    ("trash", "trashed; restricted, and to be kept by law"),
    ("anonymise", "erased; to be kept until 2031-12-31"),
    ("delete", "gone; to be kept until 2031-12-31"),
]


@pytest.mark.parametrize(("how", "words"), CLOSINGS, ids=[how for how, _ in CLOSINGS])
@ON_SQLITE
def test_a_restriction_hides_no_early_erasure(harness: Harness, how: str, words: str) -> None:
    number = _paid_order(harness)
    harness.note("order", number, RecordEvent("restricted", "restriction", harness.clock()))
    harness.come_to_rest()
    assert harness.status()["records"]["held"] == 0, (
        "an open order that is restricted is under no hold"
    )
    harness.advance()
    getattr(harness.store, f"{how}_order")(number)
    harness.come_to_rest()
    said = _problem(harness, "erased-too-early")
    assert said is not None
    assert f": order {number} of shop ({words})." in said[0]


@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("about", ["customer", "order"])
@ON_SQLITE
def test_a_retracted_hold_makes_no_deletion_too_early(
    harness: Harness, kind: RecordKind, about: RecordKind
) -> None:
    """The hold was on the deleted record, or on the account of its customer."""
    customer = _account(harness)
    number = int(
        harness.store.place_order(line_items=[{"product_id": 10}], customer_id=customer)["id"]
    )
    numbers = {"customer": customer, "order": number}
    harness.come_to_rest()
    hold = RecordEvent("hold", "hold", harness.clock(), "chargeback", "finance", date(2027, 5, 1))
    harness.note(about, numbers[about], hold)
    harness.come_to_rest()
    harness.advance()
    if kind == "customer":
        harness.store.delete_customer(customer)
    else:
        harness.store.delete_order(number)
    harness.come_to_rest()
    is_held = about in (kind, "customer")
    assert (_problem(harness, "erased-too-early") is not None) == is_held
    harness.note(
        about, numbers[about], RecordEvent("mistake", "retracted", harness.clock(), about="hold")
    )
    harness.come_to_rest()
    assert _problem(harness, "erased-too-early") is None
