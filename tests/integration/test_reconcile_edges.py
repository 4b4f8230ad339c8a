"""Edge cases of recovery: clocks that jump, restored stores, and races of two transactions."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text

from hooks.intake.answers import Answer, Answers
from hooks.intake.webhook import snapshot_of
from hooks.ledger import records, rounds
from hooks.ledger.moment import Moment
from hooks.ledger.records import Claim, RecordKey
from hooks.ledger.tables import records as table
from hooks.tagging.recorder import mark_for_refetch
from tests.integration.harness import ON_SQLITE, SECOND, Harness
from tests.support.processes import until
from tests.support.recordings import made

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
JUMPER = [{"product_id": 11}]


@pytest.fixture
def known(harness: Harness) -> Harness:
    """A harness whose store was reconciled once, so that only changes are read from then on."""
    harness.reconcile()
    harness.advance(20 * MINUTE)
    return harness


def _facts(harness: Harness, kind: str, number: int) -> dict[str, Any]:
    return dict(json.loads(harness.row(kind, number)["facts"]))


# Clocks


@ON_SQLITE
def test_a_store_with_its_clock_set_back_is_written_once(known: Harness) -> None:
    number = known.paid_order()
    known.deliver()
    known.store.advance_clock(-3_600)
    for _ in range(20):
        known.settle()
    assert known.held("order", number) == known.wanted("order", number)
    assert known.writes("order", number) == 1


@ON_SQLITE
def test_changes_after_the_stores_clock_was_set_back_are_found(known: Harness) -> None:
    number = known.written_order(line_items=JUMPER)
    known.store.advance_clock(-3_600)
    known.store.trash_order(number)
    known.lose()
    known.advance(MINUTE)
    known.reconcile()
    assert known.row("order", number)["state"] == "trashed"


@ON_SQLITE
def test_one_reconciliation_brings_a_restored_store_in_step(
    known: Harness,
) -> None:
    number = known.written_order(line_items=JUMPER)
    account = known.store.sign_up(email="a@example.test")["id"]
    known.come_to_rest()
    with known.store.lock:
        orders, customers = copy.deepcopy((known.store.shop.orders, known.store.shop.customers))
    known.advance(24 * HOUR)
    known.store.opt_in("customer", account)
    known.store.refund_order(number, amount="149.00")
    known.store.trash_order(number)
    known.come_to_rest()
    known.reconcile()
    with known.store.lock:
        known.store.shop.orders, known.store.shop.customers = orders, customers
    known.advance(HOUR)
    known.reconcile()
    assert known.row("order", number)["state"] == "active"
    assert "refunds" not in _facts(known, "order", number)
    assert "newsletter" not in _facts(known, "customer", account).get("kinds", [])
    for kind, one in (("order", number), ("customer", account)):
        assert known.held(kind, one) == known.wanted(kind, one)


@ON_SQLITE
def test_rounds_continue_after_the_services_clock_was_set_back(known: Harness) -> None:
    known.clock.now += timedelta(days=400)
    known.reconcile()
    known.clock.now -= timedelta(days=400)
    number = known.paid_order()
    known.lose()
    known.advance(HOUR)
    known.rescan_on()
    known.advance(HOUR)
    known.rescan_on()
    known.come_to_rest()
    assert known.held("order", number) == known.wanted("order", number) != {}


@ON_SQLITE
def test_due_refetches_survive_the_services_clock_set_back(
    known: Harness,
) -> None:
    number = known.written_order()
    known.store.trash_order(number)
    known.clock.now += timedelta(days=400)
    known.deliver()
    known.clock.now -= timedelta(days=400)
    known.advance(HOUR)
    known.reconcile()
    assert known.row("order", number)["state"] == "trashed"


# One second


@ON_SQLITE
def test_a_lost_edit_in_the_second_of_our_write_is_found(
    known: Harness,
) -> None:
    number = known.paid_order()
    known.deliver()
    known.advance()
    known.work()
    assert known.writes("order", number) == 1
    known.store.edit_order(number, customer_note="Ring twice")
    known.lose()
    known.advance(MINUTE)
    known.reconcile()
    known.advance(20 * MINUTE)
    known.reconcile()
    assert "note" in _facts(known, "order", number)["kinds"]


@ON_SQLITE
@pytest.mark.parametrize("seconds", [0, 1, 2, 3, 30])
def test_a_lost_edit_is_found_though_the_stores_clock_is_behind(
    known: Harness, seconds: int
) -> None:
    known.store.advance_clock(-seconds)
    number = known.paid_order()
    known.come_to_rest()
    known.advance(20 * MINUTE)
    known.reconcile()
    known.advance(20 * MINUTE)
    known.store.edit_order(number, transaction_id="x")
    known.deliver()
    known.store.edit_order(number, customer_note="Ring twice")
    known.lose()
    known.advance(20 * MINUTE)
    known.reconcile("changes")
    assert "note" in _facts(known, "order", number)["kinds"]


@ON_SQLITE
def test_of_two_choices_in_one_second_the_stores_one_counts(known: Harness) -> None:
    number = known.store.sign_up(email="a@example.test")["id"]
    known.come_to_rest()
    known.advance(MINUTE)
    known.store.opt_out("customer", number)
    known.deliver()
    known.store.opt_in("customer", number)
    known.lose()
    known.advance(MINUTE)
    known.reconcile()
    assert _facts(known, "customer", number)["choices"][-1][1] == 1


# A record that goes while it is asked about


@ON_SQLITE
def test_an_order_deleted_before_its_refunds_are_read_is_gone(
    known: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = known.written_order(line_items=JUMPER)
    known.store.refund_order(number, amount="10.00")
    known.deliver()
    known.advance()
    client = known.worker.refetcher.client
    refunds = client.refunds

    def late(order_id: int) -> list[dict[str, Any]]:
        if order_id in known.store.shop.orders:
            known.store.delete_order(order_id)
        return refunds(order_id)

    monkeypatch.setattr(client, "refunds", late)
    known.work()
    assert known.pause() is None
    assert known.row("order", number)["state"] == "gone"


@ON_SQLITE
def test_a_hint_during_an_answer_of_gone_is_not_forgotten(known: Harness) -> None:
    number = known.written_order()
    known.store.trash_order(number)
    known.deliver()
    asked_at = known.clock()
    with known.runtime.database.write() as connection:
        known.advance()
        now = known.clock()
        (row,) = records.claim_refetches(
            connection, "shop", limit=1, now=now, until=now + MINUTE, claim="one"
        )
    asked_at = known.clock()
    known.advance(SECOND)
    moment = Moment(known.clock(), timedelta(0))
    known.runtime.transaction(
        lambda unit: mark_for_refetch(unit, RecordKey("shop", "order", number), "revived", moment)
    )
    Answers(known.runtime).close_missing(Claim(row.id, "one"), asked_at=asked_at)
    known.work()
    assert known.row("order", number)["state"] == "trashed"


# Two transactions at once


def _later(harness: Harness, number: int) -> dict[str, Any]:
    """Return the order as the store would show it, had it been placed tomorrow; it moves its customer's day, too."""
    raw = dict(harness.store.renderer.order(harness.store.shop.order(number)))
    tomorrow = f"{harness.clock() + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    return raw | {"date_created_gmt": tomorrow, "date_modified_gmt": tomorrow}


def _wait_for_blocked(harness: Harness, count: int) -> None:
    """Wait until this many transactions wait for the lock of another one."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    def blocked() -> bool:
        with harness.runtime.database.engine.connect() as connection:
            return int(connection.execute(text(asked)).scalar_one()) >= count

    until(blocked, f"{count} transactions wait")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_refetch_of_many_orders_and_a_delivery_do_not_deadlock(
    harness: Harness,
) -> None:
    account = harness.store.sign_up(email="a@example.test")["id"]
    numbers = [harness.paid_order(customer_id=account) for _ in range(2)]
    harness.deliver()
    shown = {number: _later(harness, number) for number in numbers}
    now = harness.clock()
    for key in (RecordKey("shop", "order", number) for number in numbers):
        harness.runtime.transaction(
            partial(mark_for_refetch, key=key, reason="missed", moment=Moment(now, timedelta(0)))
        )
    with harness.runtime.database.write() as connection:
        claimed = records.claim_refetches(
            connection, "shop", limit=9, now=now, until=now + HOUR, claim="one"
        )
    ids = {row.external_id: row.id for row in claimed if row.kind == "order"}
    answers = [
        Answer(Claim(ids[one], "one"), snapshot_of("order", shown[one], harness.runtime.policy))
        for one in numbers
    ]
    customer = (
        select(table.c.id)
        .where(table.c.kind == "customer", table.c.external_id == account)
        .with_for_update()
    )
    with ThreadPoolExecutor(2) as pool:
        with harness.runtime.database.write() as holder:
            holder.execute(customer)
            answer = pool.submit(Answers(harness.runtime).apply, "shop", answers, asked_at=now)
            _wait_for_blocked(harness, 1)
            delivery = pool.submit(harness.receive, made("order.updated", shown[numbers[1]]))
            _wait_for_blocked(harness, 2)
        assert answer.result() is None
        assert delivery.result() in ("recorded", "unchanged", "stale")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_claims_are_released_in_spite_of_a_deadlock(
    harness: Harness,
) -> None:
    """Each transaction waits for a record that the other has locked. The database ends the one that has waited
    longer."""
    for _ in range(2):
        harness.paid_order()
    harness.deliver()
    harness.advance()
    now = harness.clock()
    with harness.runtime.database.write() as connection:
        due = records.claim_pushes(
            connection, "shop", "order", limit=9, now=now, until=now + HOUR, claim="one"
        )
    first, second = (
        select(table.c.id).where(table.c.id == row.id).with_for_update() for row in due
    )
    with ThreadPoolExecutor(1) as pool:
        with harness.runtime.database.write() as holder:
            holder.execute(second)
            given_back = pool.submit(harness.worker.pusher._release, due)
            _wait_for_blocked(harness, 1)
            holder.execute(first)
        assert given_back.result() is None
    assert harness.count_claimed() == 0


# Lists


@ON_SQLITE
def test_orders_trashed_while_the_trash_is_read_are_no_fault(
    known: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = known.store.place_orders(count=4, quiet=True)
    known.store.trash_order(ids[3])
    client = known.reconciler.client
    list_page = client.list_page
    left = [ids[2], ids[1]]

    def moving(endpoint: str, params: Any) -> Any:
        answer = list_page(endpoint, params)
        if params.get("status") == "trash" and left:
            known.store.trash_order(left.pop(0))
        return answer

    monkeypatch.setattr(client, "list_page", moving)
    known.rescan("orders")
    with known.runtime.database.read() as connection:
        state = rounds.state(connection, "shop", "orders")
    assert state is not None
    assert state.error is None
