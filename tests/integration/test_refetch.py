"""Asking the store: after a hint, a tie, a delivery set aside, a refund without a date."""

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
from tests.integration.desk import NOON, ON_SQLITE, ROLES, SECOND, SETTLE, Desk
from tests.support.recordings import customer as customer_payload
from tests.support.recordings import made
from tests.support.recordings import order as order_payload


def _order(desk: Desk, **given: Any) -> int:
    """Place a paid order, and let store and service come to rest over it."""
    number = desk.paid_order(**given)
    desk.come_to_rest()
    desk.advance()
    return number


def _customer(desk: Desk) -> int:
    number = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.come_to_rest()
    desk.advance()
    return number


def _reasons(desk: Desk, number: int, kind: str = "order") -> list[str]:
    """The record's history."""
    chosen = select(history.c.reason).where(history.c.record_id == desk.row(kind, number)["id"])
    with desk.runtime.database.read() as connection:
        return list(connection.execute(chosen.order_by(history.c.id)).scalars())


def _open_quarantine(desk: Desk) -> int:
    chosen = select(quarantine.c.id).where(quarantine.c.resolved_at.is_(None))
    with desk.runtime.database.read() as connection:
        return len(connection.execute(chosen).all())


def _states(desk: Desk) -> dict[int, str]:
    """The state of each order that the ledger has."""
    chosen = select(rows.c.external_id, rows.c.state).where(rows.c.kind == "order")
    with desk.runtime.database.read() as connection:
        return {row.external_id: row.state for row in connection.execute(chosen)}


# Hints


def test_a_trashed_order_keeps_its_schedule_and_is_reported(desk: Desk) -> None:
    number = _order(desk)
    desk.store.trash_order(number)
    assert desk.deliver() == [Result.RECORDED]
    row = desk.row("order", number)
    assert (row["state"], row["reread_reason"]) == ("active", "deleted")
    desk.settle()
    row = desk.row("order", number)
    assert (row["state"], row["delete_after"], row["reread_at"]) == (
        "trashed",
        date(2031, 12, 31),
        None,
    )
    assert desk.problems() == {"erased-too-early"}
    assert (
        f"order {number} of shop (trashed; to be kept until 2031-12-31)"
        in desk.status()["problems"][0]["message"]
    )


def test_a_restored_order_is_in_use_again(desk: Desk) -> None:
    number = _order(desk)
    desk.store.trash_order(number)
    desk.settle()
    desk.advance()
    desk.store.restore_order(number)
    assert desk.deliver() == [Result.RECORDED]
    assert desk.row("order", number)["state"] == "active"
    desk.come_to_rest()
    assert desk.problems() == set()
    assert _reasons(desk, number)[-1] == "In use again in the store"


def test_a_hint_that_is_overtaken_by_the_restoring_closes_nothing(desk: Desk) -> None:
    """`order.deleted` comes last, and bears no time."""
    number = _order(desk)
    desk.store.trash_order(number)
    desk.lose()
    desk.advance()
    desk.store.restore_order(number)
    desk.deliver()
    assert desk.receive(made("order.deleted", {"id": number})) == Result.RECORDED
    desk.settle()
    row = desk.row("order", number)
    assert (row["state"], row["reread_at"]) == ("active", None)


def test_a_newer_state_does_not_answer_a_hint(desk: Desk) -> None:
    """Only the store can say whether the order was trashed before or after it was changed."""
    number = _order(desk)
    desk.store.edit_order(number, transaction_id="t-1")
    desk.store.trash_order(number)
    desk.lose()
    assert desk.receive(made("order.deleted", {"id": number})) == Result.RECORDED
    newer = order_payload(number, date_modified_gmt="2026-11-22T11:30:00")
    desk.receive(made("order.updated", newer))
    assert desk.row("order", number)["reread_reason"] == "deleted"


@ON_SQLITE
def test_an_order_is_not_asked_for_before_it_has_come_to_rest(desk: Desk) -> None:
    number = _order(desk)
    desk.store.trash_order(number)
    desk.deliver()
    desk.advance(SETTLE - SECOND)
    desk.work()
    assert desk.sent("GET", f"/orders/{number}") == 0
    desk.advance(SECOND)
    desk.work()
    assert desk.sent("GET", f"/orders/{number}") == 1


DELETED = [
    # a paid order: the law wanted it kept
    ({"set_paid": True}, {"erased-too-early"}),
    # one that was never paid
    ({"status": "pending"}, set()),
]


@pytest.mark.parametrize(("given", "problems"), DELETED)
def test_an_order_deleted_for_good_is_closed_once_the_store_says_so(
    desk: Desk, given: dict[str, Any], problems: set[str]
) -> None:
    number = int(desk.store.place_order(**given)["id"])
    desk.come_to_rest()
    desk.advance()
    desk.store.delete_order(number)
    assert desk.deliver() == [Result.RECORDED]
    assert desk.row("order", number)["state"] == "active"
    desk.settle()
    row = desk.row("order", number)
    assert (row["state"], row["closed_on"], row["push_at"]) == ("gone", date(2026, 11, 22), None)
    assert desk.problems() == problems
    assert desk.status()["records"]["closed"] == {"erased": 0, "gone": 1}
    assert desk.writes("order", number) == 1


@ON_SQLITE
def test_a_paid_order_deleted_after_its_deadline_is_no_problem(desk: Desk) -> None:
    number = int(desk.store.place_order(set_paid=True, created="2019-03-01T10:00:00")["id"])
    desk.come_to_rest()
    assert desk.row("order", number)["delete_after"] == date(2024, 12, 31)
    desk.advance()
    desk.store.delete_order(number)
    desk.settle()
    assert desk.row("order", number)["state"] == "gone"
    assert desk.problems() == set()


def test_a_hint_about_an_order_that_is_still_there_closes_nothing(desk: Desk) -> None:
    number = _order(desk)
    before = desk.row("order", number)
    action = {"action": "woocommerce_delete_order", "arg": number}
    assert desk.receive(made("action.woocommerce_delete_order", action)) == Result.RECORDED
    desk.come_to_rest()
    row = desk.row("order", number)
    asked = {"updated_at", "read_at", "young"}
    assert {name: row[name] for name in row if name not in asked} == {
        name: before[name] for name in before if name not in asked
    }


@ROLES
def test_a_deleted_customer_is_closed_and_is_no_problem(desk: Desk) -> None:
    number = _customer(desk)
    desk.store.delete_customer(number)
    assert desk.deliver() == [Result.RECORDED]
    desk.settle()
    row = desk.row("customer", number)
    assert (row["state"], row["closed_on"], row["push_at"]) == ("gone", date(2026, 11, 22), None)
    assert desk.problems() == set()


def test_a_hint_about_a_record_that_was_never_seen_brings_it_in(desk: Desk) -> None:
    number = int(desk.store.place_order(set_paid=True)["id"])
    desk.lose()
    desk.receive(made("order.deleted", {"id": number}))
    desk.come_to_rest()
    assert desk.row("order", number)["state"] == "active"
    assert desk.held("order", number) == desk.wanted("order", number)


@ON_SQLITE
def test_a_hint_about_a_record_that_never_was_leaves_nothing_to_be_seen(desk: Desk) -> None:
    desk.receive(made("order.deleted", {"id": 999}))
    desk.come_to_rest()
    assert _states(desk) == {}
    assert desk.problems() == set()


def test_a_record_that_was_gone_and_is_delivered_again_is_asked_for(desk: Desk) -> None:
    """A late delivery of a deleted order leaves it closed."""
    number = _order(desk)
    late = made(
        "order.updated",
        desk.store.renderer.order(desk.store.shop.order(number)),
        delivery_id="late",
    )
    desk.store.delete_order(number)
    desk.settle()
    assert desk.receive(late) == Result.STALE
    assert desk.row("order", number)["reread_reason"] == "revived"
    desk.settle()
    assert desk.row("order", number)["state"] == "gone"
    assert desk.writes("order", number) == 1


def test_a_record_that_the_store_brings_back_is_in_use_again(desk: Desk) -> None:
    """Out of a backup, say."""
    number = _order(desk)
    order = desk.store.shop.order(number)
    desk.store.delete_order(number)
    desk.settle()
    assert desk.row("order", number)["state"] == "gone"
    desk.advance()
    desk.store.shop.orders[number] = order
    desk.store.edit_order(number)
    assert desk.deliver() == [Result.STALE]
    desk.come_to_rest()
    assert desk.row("order", number)["state"] == "active"
    assert desk.held("order", number) == desk.wanted("order", number)
    assert desk.problems() == set()


# Refunds


def test_the_date_of_a_refund_is_fetched_and_moves_the_deadline(desk: Desk) -> None:
    paid, refunded = (
        datetime(2026, 12, 30, 11, 0, tzinfo=UTC),
        datetime(2027, 1, 5, 11, 0, tzinfo=UTC),
    )
    desk.advance(paid - NOON)
    number = _order(desk, line_items=[{"product_id": 11, "quantity": 2}])
    assert desk.row("order", number)["delete_after"] == date(2031, 12, 31)
    desk.advance(refunded - desk.clock())
    desk.store.refund_order(number, "149.00")
    desk.deliver()
    row = desk.row("order", number)
    assert (row["reread_reason"], row["delete_after"]) == ("refund-date", date(2031, 12, 31))
    desk.come_to_rest()
    row = desk.row("order", number)
    assert (row["delete_after"], row["reread_at"]) == (date(2032, 12, 31), None)
    assert desk.held("order", number)["retention_delete_after"] == "2032-12-31"
    assert desk.writes("order", number) == 2
    assert "Refunded on 2027-01-05" in _reasons(desk, number)[-1]


@ON_SQLITE
def test_a_refund_is_asked_for_once(desk: Desk) -> None:
    number = _order(desk, line_items=[{"product_id": 11, "quantity": 2}])
    desk.store.refund_order(number, "10.00")
    desk.come_to_rest()
    asked = desk.sent("GET", f"/orders/{number}/refunds")
    desk.advance()
    desk.store.edit_order(number, transaction_id="t-1")
    desk.come_to_rest()
    assert desk.sent("GET", f"/orders/{number}/refunds") == asked == 1


@ON_SQLITE
def test_nothing_is_written_while_a_refunds_date_is_in_question(desk: Desk) -> None:
    number = _order(desk, line_items=[{"product_id": 11, "quantity": 2}])
    desk.store.refund_order(number, "10.00")
    desk.store.edit_order(number, customer_note="ring twice")
    desk.deliver()
    desk.advance()
    assert desk.worker.pusher.push() == 0
    desk.come_to_rest()
    assert desk.held("order", number) == desk.wanted("order", number)


# Ties


def test_two_states_of_one_second_are_asked_about(desk: Desk) -> None:
    number = _order(desk)
    now = desk.store.renderer.order(desk.store.shop.order(number))
    other = now | {
        "status": "cancelled",
        "date_paid_gmt": None,
        "date_completed_gmt": None,
        "meta_data": [],
    }
    assert desk.receive(made("order.updated", other)) in (Result.RECORDED, Result.UNCHANGED)
    row = desk.row("order", number)
    assert (row["doubtful"], row["reread_reason"]) == (True, "tie")
    desk.come_to_rest()
    row = desk.row("order", number)
    assert (row["doubtful"], row["reread_at"], row["retention_class"]) == (
        False,
        None,
        "orders-accounting",
    )
    assert desk.held("order", number) == desk.wanted("order", number)


def test_the_store_decides_a_tie_either_way(desk: Desk) -> None:
    """The state that looks further on in an order's life was in truth the earlier one."""
    number = int(desk.store.place_order(status="pending")["id"])
    desk.come_to_rest()
    before = desk.store.renderer.order(desk.store.shop.order(number))
    order = desk.store.shop.order(number)
    desk.store.edit_order(number, status="cancelled", at=order.date_modified)
    desk.deliver()
    desk.receive(made("order.updated", before, delivery_id="again"))
    assert _status(desk, number) == "pending"
    assert desk.row("order", number)["reread_reason"] == "tie"
    desk.come_to_rest()
    assert _status(desk, number) == "cancelled"


def _status(desk: Desk, number: int) -> str:
    return str(json.loads(desk.row("order", number)["facts"])["status"])


@ON_SQLITE
def test_the_same_state_twice_is_no_tie(desk: Desk) -> None:
    number = _order(desk)
    now = desk.store.renderer.order(desk.store.shop.order(number))
    assert desk.receive(made("order.updated", now, delivery_id="again")) == Result.UNCHANGED
    assert desk.row("order", number)["reread_at"] is None


def test_a_newer_state_ends_a_tie(desk: Desk) -> None:
    number = _order(desk)
    now = desk.store.renderer.order(desk.store.shop.order(number))
    desk.receive(made("order.updated", now | {"customer_note": "ring twice"}))
    assert desk.row("order", number)["reread_reason"] == "tie"
    desk.advance(SECOND)
    desk.store.edit_order(number)
    desk.deliver()
    row = desk.row("order", number)
    assert (row["doubtful"], row["reread_at"]) == (False, None)


# Deliveries set aside


def test_a_record_of_a_delivery_set_aside_is_read_again_and_resolves_it(desk: Desk) -> None:
    number = int(desk.store.place_order(set_paid=True)["id"])
    desk.lose()
    broken = order_payload(number, status=None)
    assert desk.receive(made("order.created", broken)) == Result.QUARANTINED
    assert desk.problems() == {"quarantined"}
    assert _open_quarantine(desk) == 1
    desk.come_to_rest()
    assert _open_quarantine(desk) == 0
    assert desk.problems() == set()
    assert desk.held("order", number) == desk.wanted("order", number)


def test_a_customer_of_a_delivery_set_aside_is_read_again(desk: Desk) -> None:
    number = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.lose()
    assert (
        desk.receive(made("customer.created", customer_payload(number, role=None)))
        == Result.QUARANTINED
    )
    desk.come_to_rest()
    assert desk.row("customer", number)["state"] == "active"
    assert desk.problems() == set()


def test_a_record_that_is_gone_by_then_resolves_it_too(desk: Desk) -> None:
    desk.receive(made("order.created", order_payload(999, status=None)))
    desk.come_to_rest()
    assert _states(desk) == {}
    assert desk.problems() == set()


@ON_SQLITE
def test_a_delivery_set_aside_of_which_no_record_is_known_stays_to_be_seen(desk: Desk) -> None:
    assert desk.receive(made("order.created", b"{")) == Result.QUARANTINED
    desk.come_to_rest()
    assert desk.problems() == {"quarantined"}
    assert desk.sent("GET", "/orders") == 0


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
def test_no_failure_closes_a_record(desk: Desk, fault: str) -> None:
    number = _order(desk)
    desk.store.trash_order(number)
    desk.deliver()
    desk.advance()
    desk.store.add_fault(fault)
    assert desk.worker.run_once() is False
    row = desk.row("order", number)
    assert (row["state"], row["reread_reason"], row["claim"]) == ("active", "deleted", None)
    pause = desk.pause()
    assert pause is not None
    assert pause.until - desk.clock() == FIRST
    desk.advance(FIRST)
    desk.work()
    assert desk.row("order", number)["state"] == "trashed"
    assert desk.pause() is None


@ON_SQLITE
def test_a_store_that_lost_its_rest_api_closes_no_record(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WooCommerce was switched off: the address answers 404 to everything, and no order is gone for that."""
    number = _order(desk)
    desk.store.trash_order(number)
    desk.deliver()
    desk.advance()
    monkeypatch.setattr(desk.worker.refetcher.client._api, "version", "wc/v0")
    assert desk.worker.run_once() is False
    assert desk.row("order", number)["state"] == "active"
    assert "store-no-such-route" in desk.problems()


@ON_SQLITE
def test_an_answer_of_another_shape_is_asked_for_again_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin spoils one order; the others are asked for all the same."""
    spoilt, fine = _order(desk), _order(desk)
    shown = desk.store.renderer.order

    def spoil(order: Any) -> Json:
        return shown(order) | ({"status": None} if order.id == spoilt else {})

    for number in (spoilt, fine):
        desk.store.trash_order(number)
    desk.deliver()
    desk.advance()
    monkeypatch.setattr(desk.store.renderer, "order", spoil)
    desk.work()
    row = desk.row("order", spoilt)
    assert (row["state"], row["reread_attempts"], row["reread_at"]) == (
        "active",
        1,
        desk.clock() + FIRST,
    )
    assert desk.row("order", fine)["state"] == "trashed"
    desk.advance(FIRST)
    desk.work()
    row = desk.row("order", spoilt)
    assert (row["reread_attempts"], row["reread_at"]) == (2, desk.clock() + 2 * FIRST)
    monkeypatch.undo()
    desk.advance(2 * FIRST)
    desk.work()
    assert desk.row("order", spoilt)["state"] == "trashed"


def test_what_was_not_asked_for_when_the_store_failed_is_given_back(desk: Desk) -> None:
    numbers = list(range(7001, 7006))
    for number in numbers:
        desk.receive(made("order.deleted", {"id": number}))
    desk.advance()
    desk.store.add_fault("500", path="/wp-json/wc/v3/orders/7003")
    desk.worker.run_once()
    left = _states(desk)
    assert list(left.values()) == ["unknown"] * 3
    assert all(desk.row("order", number)["claim"] is None for number in left)
    desk.advance(FIRST)
    desk.work()
    assert _states(desk) == {}


def test_questions_come_in_rounds_between_which_writes_get_their_turn(desk: Desk) -> None:
    for number in range(7001, 7001 + SINGLES + 5):  # the list of all does not show them
        desk.receive(made("order.deleted", {"id": number}))
    order = int(desk.store.place_order(set_paid=True)["id"])
    desk.deliver()
    desk.advance()
    assert desk.worker.run_once() is True
    assert desk.sent("GET", "/orders/") == SINGLES
    assert desk.writes("order", order) == 1
    desk.work()
    assert desk.sent("GET", "/orders/") == SINGLES + 5


def test_a_claim_of_a_question_that_lapses_is_taken_by_another_worker(desk: Desk) -> None:
    number = _order(desk)
    desk.store.trash_order(number)
    desk.deliver()
    desk.advance()
    now = desk.clock()
    with desk.runtime.database.write() as connection:
        held = records.claim_rereads(
            connection, "shop", limit=1, now=now, until=now + LEASE, claim="dead"
        )
    assert [row.external_id for row in held] == [number]
    desk.advance(LEASE - SECOND)
    desk.work()
    assert desk.row("order", number)["state"] == "active"
    desk.advance(SECOND)
    desk.work()
    assert desk.row("order", number)["state"] == "trashed"


def test_a_hint_that_comes_while_the_store_is_asked_is_asked_about_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer under way may be older than what the hint tells of."""
    number = _order(desk)
    desk.receive(made("order.deleted", {"id": number}))
    desk.advance()
    shown = desk.store.renderer.order

    def trash_afterwards(order: Any) -> Json:
        monkeypatch.undo()
        answer = shown(order)
        desk.advance(SECOND)
        desk.store.trash_order(number)
        desk.lose()
        desk.receive(made("order.deleted", {"id": number}, delivery_id="second"))
        return answer

    monkeypatch.setattr(desk.store.renderer, "order", trash_afterwards)
    desk.worker.run_once()
    row = desk.row("order", number)
    assert (row["state"], row["reread_reason"]) == ("active", "deleted")
    desk.come_to_rest()
    assert desk.row("order", number)["state"] == "trashed"


# Customers that only an order names


@ROLES
def test_a_customer_whom_only_an_order_names_is_asked_for(desk: Desk) -> None:
    customer = int(
        desk.store.sign_up(email="kari@example.test", created="2026-01-10T10:00:00")["id"]
    )
    desk.lose()
    desk.store.place_order(set_paid=True, customer_id=customer, line_items=[{"product_id": 11}])
    desk.deliver()
    row = desk.row("customer", customer)
    assert row["state"] == "unknown"
    assert row["reread_reason"] not in HINTS
    desk.come_to_rest()
    row = desk.row("customer", customer)
    assert (row["state"], row["delete_after"]) == ("active", date(2028, 11, 22))
    assert desk.held("customer", customer) == desk.wanted("customer", customer)
    assert desk.writes("customer", customer) == 1
