"""Requests of persons and reports of other tools, as the store shows them afterwards: one write each, and none for the
echo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from hooks.intake.webhook import OccurrenceReport
from hooks.retention.effects import ERASABLE
from hooks.retention.events import EventType, RecordEvent
from hooks.retention.facts import RecordKind, Subject
from tests.integration.harness import NOON, ON_SQLITE, ROLES, Harness
from tests.integration.policy_variants import policies

Held = tuple[RecordKind, int]

MONTH_OVER = "2026-12-22"
"""ReceivedRequest for on 22 November: the last day on which it is kept."""

RICH: dict[str, Any] = {
    "billing": {"first_name": "Kari", "email": "kari@example.test"},
    "shipping": {"first_name": "Kari", "city": "Lysaker"},
    "customer_note": "Ring twice",
    "meta_data": [{"key": "_wc_order_attribution_source_type", "value": "organic"}],
}


def _account(harness: Harness, name: str = "kari") -> int:
    return int(harness.store.sign_up(email=f"{name}@example.test")["id"])


def _event(harness: Harness, type_: EventType, name: str = "", **more: Any) -> RecordEvent:
    if type_ == "hold":
        more |= {"reason": "chargeback", "owner": "finance", "review_on": date(2027, 5, 1)}
    return RecordEvent(name or type_, type_, harness.clock(), **more)


def _schedule(harness: Harness, held: Held) -> list[dict[str, Any]]:
    """Return the entries that the store holds."""
    entries: list[dict[str, Any]] = json.loads(harness.held(*held)["retention_schedule"])
    return entries


def _showing(harness: Harness, *customers: int) -> list[int]:
    """Return the customers on whom the store shows a support request."""
    shown = {
        number: [one["class"] for one in _schedule(harness, ("customer", number))]
        for number in customers
    }
    return [number for number, classes in shown.items() if "support-requests" in classes]


@contextmanager
def _written(harness: Harness, *once: Held, never: tuple[Held, ...] = ()) -> Iterator[None]:
    """Check that the block leads to one write of each of these records and to no other write; the echoes lead to
    none."""
    before = {held: harness.writes(*held) for held in (*once, *never)}
    yield
    for _ in range(3):
        harness.come_to_rest()
        harness.advance(timedelta(minutes=10))
    written = {held: harness.writes(*held) - count for held, count in before.items()}
    assert written == dict.fromkeys(once, 1) | dict.fromkeys(never, 0)
    for held in (*once, *never):
        assert harness.held(*held) == harness.wanted(*held)


@pytest.fixture
def customer(harness: Harness) -> int:
    """An account."""
    return _account(harness)


@pytest.fixture
def paid(harness: Harness, customer: int) -> int:
    """A paid order of the customer, with data on every legal basis."""
    return harness.paid_order(customer_id=customer, **RICH)


@pytest.fixture
def hers(harness: Harness, customer: int, paid: int) -> tuple[Held, ...]:
    """The account, the paid order and an unpaid order, all written back."""
    unpaid = int(harness.store.place_order(customer_id=customer, **RICH)["id"])
    harness.come_to_rest()
    return ("customer", customer), ("order", paid), ("order", unpaid)


# Requests and holds


@ROLES
def test_an_erasure_request_is_due_in_a_month_on_all_records(
    harness: Harness, hers: tuple[Held, ...]
) -> None:
    account, paid, unpaid = hers
    other: Held = ("order", harness.written_order(**RICH))
    with _written(harness, *hers, never=(other,)):
        harness.note(*account, _event(harness, "erasure-requested"))
    for held in hers:
        for entry in _schedule(harness, held):
            waits = held == unpaid and entry["basis"] == "contract"  # it is open
            last = MONTH_OVER if entry["basis"] in ERASABLE else "2031-12-31"
            expected = (None, "order-closed") if waits else (last, None)
            assert (entry["delete_after"], entry["until"]) == expected, (held, entry)
    assert {entry["basis"] for entry in _schedule(harness, paid)} == {*ERASABLE, "legal-obligation"}
    due = {held: harness.held(*held)["retention_delete_after"] for held in hers}
    assert due == {account: MONTH_OVER, paid: "2031-12-31", unpaid: ""}
    harness.store.cancel_order(unpaid[1])
    harness.come_to_rest()
    assert harness.held(*unpaid)["retention_delete_after"] == MONTH_OVER


@ON_SQLITE
def test_an_order_placed_after_the_request_is_not_part_of_it(
    harness: Harness, customer: int, hers: tuple[Held, ...]
) -> None:
    harness.note(*hers[0], _event(harness, "erasure-requested"))
    harness.advance(timedelta(minutes=1))
    later = harness.paid_order(customer_id=customer, **RICH)
    harness.come_to_rest()
    assert MONTH_OVER not in {
        entry["delete_after"] for entry in _schedule(harness, ("order", later))
    }


# Which of her records a hold is placed on; those of them that it holds.
HOLDS = [
    pytest.param(0, (0, 1, 2), id="on the customer, so on all"),
    pytest.param(1, (1,), id="on one order"),
]


@pytest.mark.parametrize(("on", "held_ones"), HOLDS)
def test_a_hold_suspends_every_date_until_it_is_lifted(
    on: int, held_ones: tuple[int, ...], harness: Harness, hers: tuple[Held, ...]
) -> None:
    chosen = tuple(hers[place] for place in held_ones)
    others = tuple(held for held in hers if held not in chosen)
    before = {held: harness.held(*held) for held in hers}
    with _written(harness, *chosen, never=others):
        harness.note(*hers[on], _event(harness, "hold"))
    for held in chosen:
        assert harness.held(*held)["retention_delete_after"] == ""
        ends = {(entry["delete_after"], entry["until"]) for entry in _schedule(harness, held)}
        assert ends == {(None, "hold-lifted")}
    with _written(harness, *chosen, never=others):
        harness.note(*hers[on], _event(harness, "hold-lifted", about="hold"))
    assert {held: harness.held(*held) for held in hers} == before


@ON_SQLITE
def test_a_hold_suspends_a_request_until_it_is_lifted(
    harness: Harness, hers: tuple[Held, ...]
) -> None:
    account = hers[0]
    with _written(harness, *hers):
        harness.note(*account, _event(harness, "hold"))
        harness.note(*account, _event(harness, "erasure-requested"))
    assert harness.held(*account)["retention_delete_after"] == ""
    with _written(harness, *hers):
        harness.note(*account, _event(harness, "hold-lifted"))
    assert harness.held(*account)["retention_delete_after"] == MONTH_OVER


# Reports

Known = Callable[[Harness], None]
KNOWN = {
    "all is known": lambda harness: harness.come_to_rest(),
    "all is on its way": lambda _: None,
    "all was lost on the way": lambda harness: harness.lose(),
}


@ON_SQLITE
@ROLES
@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("about", ["customer", "order"])
def test_a_support_request_shows_on_its_customer(
    about: str, known: Known, harness: Harness, customer: int, paid: int
) -> None:
    known(harness)
    subject = (
        Subject("customer", str(customer)) if about == "customer" else Subject("order", str(paid))
    )
    with _written(harness, ("customer", customer)):
        harness.report(OccurrenceReport("support-request", 1, "closed", NOON, subject=subject))
    (shown,) = (
        one
        for one in _schedule(harness, ("customer", customer))
        if one["class"] == "support-requests"
    )
    assert (shown["from"], shown["review_after"], shown["delete_after"]) == (
        "2026-11-22",
        "2027-11-22",
        "2029-11-22",
    )


@ROLES
def test_a_request_about_an_order_moves_to_its_new_customer(
    harness: Harness, customer: int, paid: int
) -> None:
    other = _account(harness, "ola")
    harness.come_to_rest()
    harness.report(
        OccurrenceReport("support-request", 1, "closed", NOON, subject=Subject("order", str(paid)))
    )
    harness.come_to_rest()
    assert _showing(harness, customer, other) == [customer]
    with _written(harness, ("customer", customer), ("customer", other), never=(("order", paid),)):
        harness.store.edit_order(paid, customer_id=other)
    assert _showing(harness, customer, other) == [other]


@ON_SQLITE
def test_a_hold_on_a_request_shows_on_its_customer(harness: Harness, customer: int) -> None:
    harness.report(
        OccurrenceReport(
            "support-request", 1, "closed", NOON, subject=Subject("customer", str(customer))
        )
    )
    harness.come_to_rest()
    before = harness.held("customer", customer)
    with _written(harness, ("customer", customer)):
        harness.note("support-request", 1, _event(harness, "hold"))
    (shown,) = (
        one
        for one in _schedule(harness, ("customer", customer))
        if one["class"] == "support-requests"
    )
    assert (shown["delete_after"], shown["until"]) == (None, "hold-lifted")
    with _written(harness, ("customer", customer)):
        harness.note("support-request", 1, _event(harness, "hold-lifted"))
    assert harness.held("customer", customer) == before


@ON_SQLITE
def test_a_request_known_by_a_hold_alone_is_not_refetched(
    harness: Harness,
) -> None:
    harness.note("support-request", 1, _event(harness, "hold"))
    harness.come_to_rest()
    assert harness.row("support-request", 1)["reread_at"] is None
    harness.report(OccurrenceReport("support-request", 1, "closed", NOON))
    assert harness.row("support-request", 1)["held"]


@ON_SQLITE
def test_a_customer_re_tagged_with_a_moved_record_shows_it(
    harness: Harness, customer: int, paid: int
) -> None:
    """Each database sorts the marks of due records in its own way. Here the moved record comes before its customer."""
    other = _account(harness, "ola")
    harness.come_to_rest()
    harness.report(
        OccurrenceReport("support-request", 1, "closed", NOON, subject=Subject("order", str(paid)))
    )
    harness.come_to_rest()
    harness.store.edit_order(paid, customer_id=other)
    harness.deliver()
    _, _, read_by = harness.row("customer", other)["tagged_by"].partition(".")
    harness.edit_row("support-request", 1, tagged_by=f"~0.{read_by}")
    harness.edit_row("customer", other, tagged_by=f"~1.{read_by}")
    harness.activate(policies()[1])
    harness.tag()
    assert "support-requests" in harness.wanted("customer", other)["retention_schedule"]
