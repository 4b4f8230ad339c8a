"""Writing schedules back: one write a changed record, none for its echo, whatever becomes of the record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.records import Order
from deploy.sandbox.wire import Json
from hooks.intake.ingest import Result
from hooks.retention.store_meta import KEYS
from hooks.tagging.changes import LONGEST_WAIT
from tests.integration.desk import ON_SQLITE, ROLES, SECOND, SETTLE, Desk
from tests.support.recordings import made
from tests.support.recordings import order as order_payload


@ROLES
def test_a_changed_order_is_written_once_and_its_echo_leads_to_nothing(desk: Desk) -> None:
    number = desk.paid_order(customer_note="ring twice")
    desk.settle()
    assert desk.writes("order", number) == 1
    assert desk.held("order", number) == desk.wanted("order", number)
    assert set(desk.held("order", number)) == set(KEYS)
    for _ in range(3):
        echoes = desk.deliver()
        assert set(echoes) <= {Result.UNCHANGED}
        desk.advance()
        desk.work()
    assert desk.writes("order", number) == 1
    assert desk.row("order", number)["push_at"] is None


@ROLES
def test_a_changed_customer_is_written_once_and_its_echo_leads_to_nothing(desk: Desk) -> None:
    number = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.settle()
    assert desk.writes("customer", number) == 1
    assert desk.held("customer", number) == desk.wanted("customer", number)
    for _ in range(3):
        assert desk.deliver() in ([Result.UNCHANGED], [])
        desk.advance()
        desk.work()
    assert desk.writes("customer", number) == 1


@ROLES
def test_many_changed_records_are_written_once_each(desk: Desk) -> None:
    customers = [int(desk.store.sign_up(email=f"{name}@example.test")["id"]) for name in "abc"]
    orders = [desk.paid_order(customer_id=customers[place % 3]) for place in range(20)]
    desk.come_to_rest()
    assert {desk.writes("order", number) for number in orders} == {1}
    assert {desk.writes("customer", number) for number in customers} == {1}
    for number in customers:
        assert desk.held("customer", number) == desk.wanted("customer", number)


@ON_SQLITE
@ROLES
def test_echoes_of_edits_that_change_no_schedule_lead_to_no_write(desk: Desk) -> None:
    number = desk.written_order(customer_id=0)
    customer = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.come_to_rest()
    for _ in range(3):
        desk.advance()
        desk.store.edit_order(number, transaction_id="t-1")
        desk.store.edit_customer(customer, first_name="Kari")
        desk.settle()
    assert desk.writes("order", number) == 1
    assert desk.writes("customer", customer) == 1


def test_a_write_that_would_change_nothing_is_not_sent(desk: Desk) -> None:
    """A note comes and goes before the record has come to rest: what was to be written stands there already."""
    number = desk.written_order()
    for note in ("ring twice", ""):
        desk.advance(SECOND)
        desk.store.edit_order(number, customer_note=note)
        assert desk.deliver() == [Result.RECORDED]
    assert desk.row("order", number)["push_at"] is None
    desk.come_to_rest()
    assert desk.writes("order", number) == 1


def test_a_record_that_holds_our_fields_already_is_not_written(desk: Desk) -> None:
    """The ledger was lost; the store's copies are as the policy wants them."""
    number = desk.written_order()
    with desk.runtime.database.write() as connection:
        connection.exec_driver_sql("UPDATE records SET external_id = external_id + 1000000")
    desk.advance()
    desk.store.edit_order(number)
    desk.come_to_rest()
    assert desk.writes("order", number) == 1


def test_ten_changes_cost_one_write(desk: Desk) -> None:
    number = desk.paid_order()
    desk.deliver()
    for place in range(10):
        desk.advance(SECOND)
        desk.store.edit_order(number, customer_note="" if place % 2 else "ring twice")
        assert desk.deliver() == [Result.RECORDED]
        desk.work()
    assert desk.writes("order", number) == 0
    desk.come_to_rest()
    assert desk.writes("order", number) == 1
    assert desk.held("order", number) == desk.wanted("order", number)


def test_a_record_is_written_once_it_has_been_quiet_for_as_long_as_is_set(desk: Desk) -> None:
    number = desk.paid_order()
    desk.deliver()
    desk.advance(SETTLE - SECOND)
    desk.work()
    assert desk.writes("order", number) == 0
    desk.advance(SECOND)
    desk.work()
    assert desk.writes("order", number) == 1


@ON_SQLITE
def test_a_record_that_never_comes_to_rest_is_written_five_minutes_after_its_first_change(
    desk: Desk,
) -> None:
    number = desk.paid_order()
    desk.deliver()
    step = timedelta(seconds=8)
    passed, place = timedelta(0), 0
    while passed + step < LONGEST_WAIT:
        desk.advance(step)
        desk.store.edit_order(number, customer_note="" if place % 2 else "ring twice")
        passed, place = passed + step, place + 1
        assert desk.deliver() == [Result.RECORDED]
        desk.work()
        assert desk.writes("order", number) == 0, passed
    desk.advance(LONGEST_WAIT - passed)
    desk.work()
    assert desk.writes("order", number) == 1


def test_a_change_during_a_write_is_written_afterwards(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.paid_order()
    desk.deliver()
    desk.advance()
    update = desk.store.orders.update

    def change_first(order: Order, given: Json, at: Any = None) -> list[str]:
        """While the write is on its way, a note is added, and its delivery is faster than the write's answer."""
        monkeypatch.undo()
        named = update(order, given, at)
        desk.advance(SECOND)
        update(order, {"customer_note": "ring twice"}, desk.clock())
        body = desk.store.renderer.order(order)
        desk.receive(made("order.updated", body))
        return named

    monkeypatch.setattr(desk.store.orders, "update", change_first)
    desk.worker.pusher.push()
    assert desk.wanted("order", number) != desk.held("order", number)
    desk.come_to_rest()
    assert desk.writes("order", number) == 2
    assert desk.wanted("order", number) == desk.held("order", number)


def test_pushes_at_most_a_batch_of_each_kind_in_a_turn(desk: Desk) -> None:
    for place in range(110):
        desk.receive(made("order.updated", order_payload(5000 + place), delivery_id=f"{place:032}"))
    desk.advance()
    pusher = desk.worker.pusher
    assert pusher.push() == 100
    assert pusher.push() == 10
    assert pusher.push() == 0


# What becomes of records


def test_an_anonymised_order_is_written_once_with_what_the_eraser_left(desk: Desk) -> None:
    attribution = [{"key": "_wc_order_attribution_source_type", "value": "organic"}]
    number = desk.written_order(
        customer_note="ring twice",
        billing={"first_name": "Kari", "email": "k@e.test"},
        meta_data=attribution,
    )
    desk.advance()
    desk.store.anonymise_order(number)
    desk.come_to_rest()
    assert desk.writes("order", number) == 2
    held = desk.held("order", number)
    assert held == desk.wanted("order", number)
    assert (
        held["retention_class"],
        held["retention_legal_basis"],
        held["retention_delete_after"],
    ) == ("", "", "")
    assert '"data":"support"' in held["retention_schedule"]
    assert '"data":"marketing"' in held["retention_schedule"]
    assert '"data":"order-payment"' not in held["retention_schedule"]
    assert desk.row("order", number)["state"] == "erased"


@ON_SQLITE
def test_an_anonymised_order_of_which_nothing_is_left_holds_nothing_of_ours(desk: Desk) -> None:
    number = desk.written_order(billing={"first_name": "Kari"})
    desk.advance()
    desk.store.anonymise_order(number)
    desk.come_to_rest()
    assert desk.writes("order", number) == 2
    assert desk.held("order", number) == {}


def test_a_customer_promoted_to_staff_loses_our_fields(desk: Desk) -> None:
    number = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.come_to_rest()
    assert desk.held("customer", number)
    desk.advance()
    desk.store.shop.customer(number).role = "shop_manager"
    desk.store.edit_customer(number)
    desk.come_to_rest()
    assert desk.writes("customer", number) == 2
    assert desk.held("customer", number) == {}
    assert desk.row("customer", number)["state"] == "ignored"


@ON_SQLITE
def test_a_member_of_staff_is_never_written(desk: Desk) -> None:
    number = int(desk.store.make_account("boss@example.test", role="shop_manager")["id"])
    assert desk.deliver() == [Result.IGNORED]
    desk.come_to_rest()
    assert desk.writes("customer", number) == 0


@ON_SQLITE
def test_a_trashed_order_is_not_written_for_being_trashed(desk: Desk) -> None:
    number = desk.written_order()
    desk.advance()
    desk.store.trash_order(number)
    desk.come_to_rest()
    desk.advance()
    desk.store.restore_order(number)
    desk.come_to_rest()
    assert desk.writes("order", number) == 1
