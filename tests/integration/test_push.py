"""Pushes: one write for a changed record, none for its echo, in every state of the record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.records import Order
from deploy.sandbox.wire import Json
from hooks.intake.ingest import Result
from hooks.retention.store_meta import KEYS
from hooks.tagging.changes import LONGEST_WAIT
from tests.integration.harness import ON_SQLITE, ROLES, SECOND, SETTLE, Harness
from tests.support.recordings import made
from tests.support.recordings import order as order_payload


@ROLES
def test_a_changed_order_is_written_once_and_its_echo_is_ignored(harness: Harness) -> None:
    number = harness.paid_order(customer_note="ring twice")
    harness.settle()
    assert harness.writes("order", number) == 1
    assert harness.held("order", number) == harness.wanted("order", number)
    assert set(harness.held("order", number)) == set(KEYS)
    for _ in range(3):
        echoes = harness.deliver()
        assert set(echoes) <= {Result.UNCHANGED}
        harness.advance()
        harness.work()
    assert harness.writes("order", number) == 1
    assert harness.row("order", number)["push_at"] is None


@ROLES
def test_a_changed_customer_is_written_once_and_its_echo_is_ignored(harness: Harness) -> None:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.settle()
    assert harness.writes("customer", number) == 1
    assert harness.held("customer", number) == harness.wanted("customer", number)
    for _ in range(3):
        assert harness.deliver() in ([Result.UNCHANGED], [])
        harness.advance()
        harness.work()
    assert harness.writes("customer", number) == 1


@ROLES
def test_many_changed_records_are_written_once_each(harness: Harness) -> None:
    customers = [int(harness.store.sign_up(email=f"{name}@example.test")["id"]) for name in "abc"]
    orders = [harness.paid_order(customer_id=customers[place % 3]) for place in range(20)]
    harness.come_to_rest()
    assert {harness.writes("order", number) for number in orders} == {1}
    assert {harness.writes("customer", number) for number in customers} == {1}
    for number in customers:
        assert harness.held("customer", number) == harness.wanted("customer", number)


@ON_SQLITE
@ROLES
def test_edits_that_change_no_schedule_lead_to_no_write(harness: Harness) -> None:
    number = harness.written_order(customer_id=0)
    customer = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.come_to_rest()
    for _ in range(3):
        harness.advance()
        harness.store.edit_order(number, transaction_id="t-1")
        harness.store.edit_customer(customer, first_name="Kari")
        harness.settle()
    assert harness.writes("order", number) == 1
    assert harness.writes("customer", customer) == 1


def test_a_write_that_would_change_nothing_is_not_sent(harness: Harness) -> None:
    """A note comes and goes before the record is quiet. The store already holds what was to be written."""
    number = harness.written_order()
    for note in ("ring twice", ""):
        harness.advance(SECOND)
        harness.store.edit_order(number, customer_note=note)
        assert harness.deliver() == [Result.RECORDED]
    assert harness.row("order", number)["push_at"] is None
    harness.come_to_rest()
    assert harness.writes("order", number) == 1


def test_a_record_that_holds_our_fields_is_not_written_again(harness: Harness) -> None:
    """The ledger was lost; the store's copies are as the policy wants them."""
    number = harness.written_order()
    with harness.runtime.database.write() as connection:
        connection.exec_driver_sql("UPDATE records SET external_id = external_id + 1000000")
    harness.advance()
    harness.store.edit_order(number)
    harness.come_to_rest()
    assert harness.writes("order", number) == 1


def test_ten_changes_cost_one_write(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    for place in range(10):
        harness.advance(SECOND)
        harness.store.edit_order(number, customer_note="" if place % 2 else "ring twice")
        assert harness.deliver() == [Result.RECORDED]
        harness.work()
    assert harness.writes("order", number) == 0
    harness.come_to_rest()
    assert harness.writes("order", number) == 1
    assert harness.held("order", number) == harness.wanted("order", number)


def test_a_record_is_written_after_the_settle_time(harness: Harness) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance(SETTLE - SECOND)
    harness.work()
    assert harness.writes("order", number) == 0
    harness.advance(SECOND)
    harness.work()
    assert harness.writes("order", number) == 1


@ON_SQLITE
def test_a_busy_record_is_written_five_minutes_after_a_change(
    harness: Harness,
) -> None:
    number = harness.paid_order()
    harness.deliver()
    step = timedelta(seconds=8)
    passed, place = timedelta(0), 0
    while passed + step < LONGEST_WAIT:
        harness.advance(step)
        harness.store.edit_order(number, customer_note="" if place % 2 else "ring twice")
        passed, place = passed + step, place + 1
        assert harness.deliver() == [Result.RECORDED]
        harness.work()
        assert harness.writes("order", number) == 0, passed
    harness.advance(LONGEST_WAIT - passed)
    harness.work()
    assert harness.writes("order", number) == 1


def test_a_change_during_a_write_is_written_afterwards(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = harness.paid_order()
    harness.deliver()
    harness.advance()
    update = harness.store.orders.update

    def change_first(order: Order, given: Json, at: Any = None) -> list[str]:
        """While the write is on its way, a note is added, and its delivery is faster than the write's answer."""
        monkeypatch.undo()
        named = update(order, given, at)
        harness.advance(SECOND)
        update(order, {"customer_note": "ring twice"}, harness.clock())
        body = harness.store.renderer.order(order)
        harness.receive(made("order.updated", body))
        return named

    monkeypatch.setattr(harness.store.orders, "update", change_first)
    harness.worker.pusher.push()
    assert harness.wanted("order", number) != harness.held("order", number)
    harness.come_to_rest()
    assert harness.writes("order", number) == 2
    assert harness.wanted("order", number) == harness.held("order", number)


def test_one_turn_pushes_at_most_a_batch_of_each_kind(harness: Harness) -> None:
    for place in range(110):
        harness.receive(
            made("order.updated", order_payload(5000 + place), delivery_id=f"{place:032}")
        )
    harness.advance()
    pusher = harness.worker.pusher
    assert pusher.push() == 100
    assert pusher.push() == 10
    assert pusher.push() == 0


# What becomes of records


def test_an_anonymised_order_is_written_once_with_its_left_data(harness: Harness) -> None:
    attribution = [{"key": "_wc_order_attribution_source_type", "value": "organic"}]
    number = harness.written_order(
        customer_note="ring twice",
        billing={"first_name": "Kari", "email": "k@e.test"},
        meta_data=attribution,
    )
    harness.advance()
    harness.store.anonymise_order(number)
    harness.come_to_rest()
    assert harness.writes("order", number) == 2
    held = harness.held("order", number)
    assert held == harness.wanted("order", number)
    assert (
        held["retention_class"],
        held["retention_legal_basis"],
        held["retention_delete_after"],
    ) == ("", "", "")
    assert '"data":"support"' in held["retention_schedule"]
    assert '"data":"marketing"' in held["retention_schedule"]
    assert '"data":"order-payment"' not in held["retention_schedule"]
    assert harness.row("order", number)["state"] == "erased"


@ON_SQLITE
def test_an_anonymised_order_without_data_loses_our_fields(
    harness: Harness,
) -> None:
    number = harness.written_order(billing={"first_name": "Kari"})
    harness.advance()
    harness.store.anonymise_order(number)
    harness.come_to_rest()
    assert harness.writes("order", number) == 2
    assert harness.held("order", number) == {}


def test_a_customer_promoted_to_staff_loses_our_fields(harness: Harness) -> None:
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.come_to_rest()
    assert harness.held("customer", number)
    harness.advance()
    harness.store.shop.customer(number).role = "shop_manager"
    harness.store.edit_customer(number)
    harness.come_to_rest()
    assert harness.writes("customer", number) == 2
    assert harness.held("customer", number) == {}
    assert harness.row("customer", number)["state"] == "ignored"


@ON_SQLITE
def test_a_member_of_staff_is_never_written(harness: Harness) -> None:
    number = int(harness.store.make_account("boss@example.test", role="shop_manager")["id"])
    assert harness.deliver() == [Result.IGNORED]
    harness.come_to_rest()
    assert harness.writes("customer", number) == 0


@ON_SQLITE
def test_trashing_an_order_leads_to_no_write(harness: Harness) -> None:
    number = harness.written_order()
    harness.advance()
    harness.store.trash_order(number)
    harness.come_to_rest()
    harness.advance()
    harness.store.restore_order(number)
    harness.come_to_rest()
    assert harness.writes("order", number) == 1
