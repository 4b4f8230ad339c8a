"""Refetches: after a hint, a tie, a quarantined delivery, or a refund without a date."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from deploy.sandbox.wire import Json
from hooks.intake.ingest import Result
from hooks.ledger import records
from hooks.ledger.tables import history, quarantine
from hooks.ledger.tables import records as rows
from hooks.store.retry import FIRST
from hooks.sync.refetch import LEASE, SINGLES
from hooks.tagging.changes import HINTS
from tests.integration.harness import NOON, ON_SQLITE, ROLES, SECOND, SETTLE, Harness
from tests.support.recordings import customer as customer_payload
from tests.support.recordings import made
from tests.support.recordings import order as order_payload


def _order(harness: Harness, **given: Any) -> int:
    """Place a paid order, and work until nothing is due."""
    number = harness.paid_order(**given)
    harness.come_to_rest()
    harness.advance()
    return number


def _customer(harness: Harness) -> int:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.come_to_rest()
    harness.advance()
    return number


def _reasons(harness: Harness, number: int, kind: str = "order") -> list[str]:
    """The record's history."""
    chosen = select(history.c.reason).where(history.c.record_id == harness.row(kind, number)["id"])
    with harness.runtime.database.read() as connection:
        return list(connection.execute(chosen.order_by(history.c.id)).scalars())


def _open_quarantine(harness: Harness) -> int:
    chosen = select(quarantine.c.id).where(quarantine.c.resolved_at.is_(None))
    with harness.runtime.database.read() as connection:
        return len(connection.execute(chosen).all())


def _states(harness: Harness) -> dict[int, str]:
    """Return the state of each order in the ledger."""
    chosen = select(rows.c.external_id, rows.c.state).where(rows.c.kind == "order")
    with harness.runtime.database.read() as connection:
        return {row.external_id: row.state for row in connection.execute(chosen)}


# Hints


def test_a_trashed_order_keeps_its_schedule_and_is_reported(harness: Harness) -> None:
    number = _order(harness)
    harness.store.trash_order(number)
    assert harness.deliver() == [Result.RECORDED]
    row = harness.row("order", number)
    assert (row["state"], row["reread_reason"]) == ("active", "deleted")
    harness.settle()
    row = harness.row("order", number)
    assert (row["state"], row["delete_after"], row["reread_at"]) == (
        "trashed",
        date(2031, 12, 31),
        None,
    )
    assert harness.problems() == {"erased-too-early"}
    assert (
        f"order {number} of shop (trashed; to be kept until 2031-12-31)"
        in harness.status()["problems"][0]["message"]
    )


def test_a_restored_order_is_active_again(harness: Harness) -> None:
    number = _order(harness)
    harness.store.trash_order(number)
    harness.settle()
    harness.advance()
    harness.store.restore_order(number)
    assert harness.deliver() == [Result.RECORDED]
    assert harness.row("order", number)["state"] == "active"
    harness.come_to_rest()
    assert harness.problems() == set()
    assert _reasons(harness, number)[-1] == "In use again in the store"


def test_a_hint_overtaken_by_the_restore_closes_nothing(harness: Harness) -> None:
    """`order.deleted` arrives last, and has no time."""
    number = _order(harness)
    harness.store.trash_order(number)
    harness.lose()
    harness.advance()
    harness.store.restore_order(number)
    harness.deliver()
    assert harness.receive(made("order.deleted", {"id": number})) == Result.RECORDED
    harness.settle()
    row = harness.row("order", number)
    assert (row["state"], row["reread_at"]) == ("active", None)


def test_a_newer_state_does_not_answer_a_hint(harness: Harness) -> None:
    """Only the store knows if the order was trashed before or after its change."""
    number = _order(harness)
    harness.store.edit_order(number, transaction_id="t-1")
    harness.store.trash_order(number)
    harness.lose()
    assert harness.receive(made("order.deleted", {"id": number})) == Result.RECORDED
    newer = order_payload(number, date_modified_gmt="2026-11-22T11:30:00")
    harness.receive(made("order.updated", newer))
    assert harness.row("order", number)["reread_reason"] == "deleted"


@ON_SQLITE
def test_an_order_is_not_refetched_before_its_settle_time(harness: Harness) -> None:
    number = _order(harness)
    harness.store.trash_order(number)
    harness.deliver()
    harness.advance(SETTLE - SECOND)
    harness.work()
    assert harness.sent("GET", f"/orders/{number}") == 0
    harness.advance(SECOND)
    harness.work()
    assert harness.sent("GET", f"/orders/{number}") == 1


DELETED = [
    # a paid order: the law wanted it kept
    ({"set_paid": True}, {"erased-too-early"}),
    # one that was never paid
    ({"status": "pending"}, set()),
]


@pytest.mark.parametrize(("given", "problems"), DELETED)
def test_an_order_deleted_for_good_is_closed_by_the_store_answer(
    harness: Harness, given: dict[str, Any], problems: set[str]
) -> None:
    number = int(harness.store.place_order(**given)["id"])
    harness.come_to_rest()
    harness.advance()
    harness.store.delete_order(number)
    assert harness.deliver() == [Result.RECORDED]
    assert harness.row("order", number)["state"] == "active"
    harness.settle()
    row = harness.row("order", number)
    assert (row["state"], row["closed_on"], row["push_at"]) == ("gone", date(2026, 11, 22), None)
    assert harness.problems() == problems
    assert harness.status()["records"]["closed"] == {"erased": 0, "gone": 1}
    assert harness.writes("order", number) == 1


@ON_SQLITE
def test_a_paid_order_deleted_after_its_deadline_is_no_problem(harness: Harness) -> None:
    number = int(harness.store.place_order(set_paid=True, created="2019-03-01T10:00:00")["id"])
    harness.come_to_rest()
    assert harness.row("order", number)["delete_after"] == date(2024, 12, 31)
    harness.advance()
    harness.store.delete_order(number)
    harness.settle()
    assert harness.row("order", number)["state"] == "gone"
    assert harness.problems() == set()


def test_a_hint_about_an_existing_order_closes_nothing(harness: Harness) -> None:
    number = _order(harness)
    before = harness.row("order", number)
    action = {"action": "woocommerce_delete_order", "arg": number}
    assert harness.receive(made("action.woocommerce_delete_order", action)) == Result.RECORDED
    harness.come_to_rest()
    row = harness.row("order", number)
    asked = {"updated_at", "read_at", "young"}
    assert {name: row[name] for name in row if name not in asked} == {
        name: before[name] for name in before if name not in asked
    }


@ROLES
def test_a_deleted_customer_is_closed_and_is_no_problem(harness: Harness) -> None:
    number = _customer(harness)
    harness.store.delete_customer(number)
    assert harness.deliver() == [Result.RECORDED]
    harness.settle()
    row = harness.row("customer", number)
    assert (row["state"], row["closed_on"], row["push_at"]) == ("gone", date(2026, 11, 22), None)
    assert harness.problems() == set()


def test_a_hint_about_an_unknown_record_brings_it_in(harness: Harness) -> None:
    number = int(harness.store.place_order(set_paid=True)["id"])
    harness.lose()
    harness.receive(made("order.deleted", {"id": number}))
    harness.come_to_rest()
    assert harness.row("order", number)["state"] == "active"
    assert harness.held("order", number) == harness.wanted("order", number)


@ON_SQLITE
def test_a_hint_about_a_missing_record_leaves_no_trace(harness: Harness) -> None:
    harness.receive(made("order.deleted", {"id": 999}))
    harness.come_to_rest()
    assert _states(harness) == {}
    assert harness.problems() == set()


def test_a_gone_record_that_is_delivered_again_is_refetched(harness: Harness) -> None:
    """A late delivery of a deleted order leaves it closed."""
    number = _order(harness)
    late = made(
        "order.updated",
        harness.store.renderer.order(harness.store.shop.order(number)),
        delivery_id="late",
    )
    harness.store.delete_order(number)
    harness.settle()
    assert harness.receive(late) == Result.STALE
    assert harness.row("order", number)["reread_reason"] == "revived"
    harness.settle()
    assert harness.row("order", number)["state"] == "gone"
    assert harness.writes("order", number) == 1


def test_a_record_that_the_store_restored_is_active_again(harness: Harness) -> None:
    """The store may have been restored from a backup."""
    number = _order(harness)
    order = harness.store.shop.order(number)
    harness.store.delete_order(number)
    harness.settle()
    assert harness.row("order", number)["state"] == "gone"
    harness.advance()
    harness.store.shop.orders[number] = order
    harness.store.edit_order(number)
    assert harness.deliver() == [Result.STALE]
    harness.come_to_rest()
    assert harness.row("order", number)["state"] == "active"
    assert harness.held("order", number) == harness.wanted("order", number)
    assert harness.problems() == set()


# Refunds


def test_the_date_of_a_refund_is_fetched_and_moves_the_deadline(harness: Harness) -> None:
    paid, refunded = (
        datetime(2026, 12, 30, 11, 0, tzinfo=UTC),
        datetime(2027, 1, 5, 11, 0, tzinfo=UTC),
    )
    harness.advance(paid - NOON)
    number = _order(harness, line_items=[{"product_id": 11, "quantity": 2}])
    assert harness.row("order", number)["delete_after"] == date(2031, 12, 31)
    harness.advance(refunded - harness.clock())
    harness.store.refund_order(number, "149.00")
    harness.deliver()
    row = harness.row("order", number)
    assert (row["reread_reason"], row["delete_after"]) == ("refund-date", date(2031, 12, 31))
    harness.come_to_rest()
    row = harness.row("order", number)
    assert (row["delete_after"], row["reread_at"]) == (date(2032, 12, 31), None)
    assert harness.held("order", number)["retention_delete_after"] == "2032-12-31"
    assert harness.writes("order", number) == 2
    assert "Refunded on 2027-01-05" in _reasons(harness, number)[-1]


@ON_SQLITE
def test_a_refund_is_fetched_once(harness: Harness) -> None:
    number = _order(harness, line_items=[{"product_id": 11, "quantity": 2}])
    harness.store.refund_order(number, "10.00")
    harness.come_to_rest()
    asked = harness.sent("GET", f"/orders/{number}/refunds")
    harness.advance()
    harness.store.edit_order(number, transaction_id="t-1")
    harness.come_to_rest()
    assert harness.sent("GET", f"/orders/{number}/refunds") == asked == 1


@ON_SQLITE
def test_nothing_is_written_while_a_refunds_date_is_unknown(harness: Harness) -> None:
    number = _order(harness, line_items=[{"product_id": 11, "quantity": 2}])
    harness.store.refund_order(number, "10.00")
    harness.store.edit_order(number, customer_note="ring twice")
    harness.deliver()
    harness.advance()
    assert harness.worker.pusher.push() == 0
    harness.come_to_rest()
    assert harness.held("order", number) == harness.wanted("order", number)


# Ties


def test_a_tie_leads_to_a_refetch(harness: Harness) -> None:
    number = _order(harness)
    now = harness.store.renderer.order(harness.store.shop.order(number))
    other = now | {
        "status": "cancelled",
        "date_paid_gmt": None,
        "date_completed_gmt": None,
        "meta_data": [],
    }
    assert harness.receive(made("order.updated", other)) in (Result.RECORDED, Result.UNCHANGED)
    row = harness.row("order", number)
    assert (row["doubtful"], row["reread_reason"]) == (True, "tie")
    harness.come_to_rest()
    row = harness.row("order", number)
    assert (row["doubtful"], row["reread_at"], row["retention_class"]) == (
        False,
        None,
        "orders-accounting",
    )
    assert harness.held("order", number) == harness.wanted("order", number)


def test_the_store_decides_a_tie_either_way(harness: Harness) -> None:
    """The state that looks later in an order's life was in truth the earlier one."""
    number = int(harness.store.place_order(status="pending")["id"])
    harness.come_to_rest()
    before = harness.store.renderer.order(harness.store.shop.order(number))
    order = harness.store.shop.order(number)
    harness.store.edit_order(number, status="cancelled", at=order.date_modified)
    harness.deliver()
    harness.receive(made("order.updated", before, delivery_id="again"))
    assert _status(harness, number) == "pending"
    assert harness.row("order", number)["reread_reason"] == "tie"
    harness.come_to_rest()
    assert _status(harness, number) == "cancelled"


def _status(harness: Harness, number: int) -> str:
    return str(json.loads(harness.row("order", number)["facts"])["status"])


@ON_SQLITE
def test_the_same_state_twice_is_no_tie(harness: Harness) -> None:
    number = _order(harness)
    now = harness.store.renderer.order(harness.store.shop.order(number))
    assert harness.receive(made("order.updated", now, delivery_id="again")) == Result.UNCHANGED
    assert harness.row("order", number)["reread_at"] is None


def test_a_newer_state_ends_a_tie(harness: Harness) -> None:
    number = _order(harness)
    now = harness.store.renderer.order(harness.store.shop.order(number))
    harness.receive(made("order.updated", now | {"customer_note": "ring twice"}))
    assert harness.row("order", number)["reread_reason"] == "tie"
    harness.advance(SECOND)
    harness.store.edit_order(number)
    harness.deliver()
    row = harness.row("order", number)
    assert (row["doubtful"], row["reread_at"]) == (False, None)


# Deliveries set aside


def test_a_refetch_resolves_a_quarantined_delivery(harness: Harness) -> None:
    number = int(harness.store.place_order(set_paid=True)["id"])
    harness.lose()
    broken = order_payload(number, status=None)
    assert harness.receive(made("order.created", broken)) == Result.QUARANTINED
    assert harness.problems() == {"quarantined"}
    assert _open_quarantine(harness) == 1
    harness.come_to_rest()
    assert _open_quarantine(harness) == 0
    assert harness.problems() == set()
    assert harness.held("order", number) == harness.wanted("order", number)


def test_a_customer_of_a_quarantined_delivery_is_refetched(harness: Harness) -> None:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.lose()
    assert (
        harness.receive(made("customer.created", customer_payload(number, role=None)))
        == Result.QUARANTINED
    )
    harness.come_to_rest()
    assert harness.row("customer", number)["state"] == "active"
    assert harness.problems() == set()


def test_a_gone_record_resolves_a_quarantined_delivery_too(harness: Harness) -> None:
    harness.receive(made("order.created", order_payload(999, status=None)))
    harness.come_to_rest()
    assert _states(harness) == {}
    assert harness.problems() == set()


@ON_SQLITE
def test_a_quarantined_delivery_without_a_record_stays_visible(
    harness: Harness,
) -> None:
    assert harness.receive(made("order.created", b"{")) == Result.QUARANTINED
    harness.come_to_rest()
    assert harness.problems() == {"quarantined"}
    assert harness.sent("GET", "/orders") == 0


# Failures


FAULTS = [
    # a page in place of an answer, half an answer, none at all, a failure
    "html",
    "half",
    "reset",
    "500",
    "503",
    "429",
]


@ON_SQLITE
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_closes_a_record(harness: Harness, fault: str) -> None:
    number = _order(harness)
    harness.store.trash_order(number)
    harness.deliver()
    harness.advance()
    harness.store.add_fault(fault)
    assert harness.worker.run_once() is False
    row = harness.row("order", number)
    assert (row["state"], row["reread_reason"], row["claim"]) == ("active", "deleted", None)
    pause = harness.pause()
    assert pause is not None
    assert pause.until - harness.clock() == FIRST
    harness.advance(FIRST)
    harness.work()
    assert harness.row("order", number)["state"] == "trashed"
    assert harness.pause() is None


@ON_SQLITE
def test_a_store_that_lost_its_rest_api_closes_no_record(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WooCommerce was switched off. The address answers 404 to everything, and no order is gone for that reason."""
    number = _order(harness)
    harness.store.trash_order(number)
    harness.deliver()
    harness.advance()
    monkeypatch.setattr(harness.worker.refetcher.client._api, "version", "wc/v0")
    assert harness.worker.run_once() is False
    assert harness.row("order", number)["state"] == "active"
    assert "store-no-such-route" in harness.problems()


@ON_SQLITE
def test_an_answer_of_another_shape_is_retried_later(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin breaks one order. The others are refetched nevertheless."""
    spoilt, fine = _order(harness), _order(harness)
    shown = harness.store.renderer.order

    def spoil(order: Any) -> Json:
        return shown(order) | ({"status": None} if order.id == spoilt else {})

    for number in (spoilt, fine):
        harness.store.trash_order(number)
    harness.deliver()
    harness.advance()
    monkeypatch.setattr(harness.store.renderer, "order", spoil)
    harness.work()
    row = harness.row("order", spoilt)
    assert (row["state"], row["reread_attempts"], row["reread_at"]) == (
        "active",
        1,
        harness.clock() + FIRST,
    )
    assert harness.row("order", fine)["state"] == "trashed"
    harness.advance(FIRST)
    harness.work()
    row = harness.row("order", spoilt)
    assert (row["reread_attempts"], row["reread_at"]) == (2, harness.clock() + 2 * FIRST)
    monkeypatch.undo()
    harness.advance(2 * FIRST)
    harness.work()
    assert harness.row("order", spoilt)["state"] == "trashed"


def test_refetches_not_sent_before_a_failure_are_released(harness: Harness) -> None:
    numbers = list(range(7001, 7006))
    for number in numbers:
        harness.receive(made("order.deleted", {"id": number}))
    harness.advance()
    harness.store.add_fault("500", path="/wp-json/wc/v3/orders/7003")
    harness.worker.run_once()
    left = _states(harness)
    assert list(left.values()) == ["unknown"] * 3
    assert all(harness.row("order", number)["claim"] is None for number in left)
    harness.advance(FIRST)
    harness.work()
    assert _states(harness) == {}


def test_refetches_come_in_batches_with_writes_between_them(harness: Harness) -> None:
    for number in range(7001, 7001 + SINGLES + 5):  # the list of all does not show them
        harness.receive(made("order.deleted", {"id": number}))
    order = int(harness.store.place_order(set_paid=True)["id"])
    harness.deliver()
    harness.advance()
    assert harness.worker.run_once() is True
    assert harness.sent("GET", "/orders/") == SINGLES
    assert harness.writes("order", order) == 1
    harness.work()
    assert harness.sent("GET", "/orders/") == SINGLES + 5


def test_a_lapsed_claim_of_a_refetch_passes_to_another_worker(harness: Harness) -> None:
    number = _order(harness)
    harness.store.trash_order(number)
    harness.deliver()
    harness.advance()
    now = harness.clock()
    with harness.runtime.database.write() as connection:
        held = records.claim_refetches(
            connection, "shop", limit=1, now=now, until=now + LEASE, claim="dead"
        )
    assert [row.external_id for row in held] == [number]
    harness.advance(LEASE - SECOND)
    harness.work()
    assert harness.row("order", number)["state"] == "active"
    harness.advance(SECOND)
    harness.work()
    assert harness.row("order", number)["state"] == "trashed"


def test_a_hint_during_a_refetch_leads_to_another_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer under way may be older than the event of the hint."""
    number = _order(harness)
    harness.receive(made("order.deleted", {"id": number}))
    harness.advance()
    shown = harness.store.renderer.order

    def trash_afterwards(order: Any) -> Json:
        monkeypatch.undo()
        answer = shown(order)
        harness.advance(SECOND)
        harness.store.trash_order(number)
        harness.lose()
        harness.receive(made("order.deleted", {"id": number}, delivery_id="second"))
        return answer

    monkeypatch.setattr(harness.store.renderer, "order", trash_afterwards)
    harness.worker.run_once()
    row = harness.row("order", number)
    assert (row["state"], row["reread_reason"]) == ("active", "deleted")
    harness.come_to_rest()
    assert harness.row("order", number)["state"] == "trashed"


# Customers that only an order names


@ROLES
def test_a_customer_known_by_an_order_alone_is_refetched(harness: Harness) -> None:
    customer = int(
        harness.store.sign_up(email="kari@example.test", created="2026-01-10T10:00:00")["id"]
    )
    harness.lose()
    harness.store.place_order(set_paid=True, customer_id=customer, line_items=[{"product_id": 11}])
    harness.deliver()
    row = harness.row("customer", customer)
    assert row["state"] == "unknown"
    assert row["reread_reason"] not in HINTS
    harness.come_to_rest()
    row = harness.row("customer", customer)
    assert (row["state"], row["delete_after"]) == ("active", date(2028, 11, 22))
    assert harness.held("customer", customer) == harness.wanted("customer", customer)
    assert harness.writes("customer", customer) == 1
