"""A store in trouble for an hour, then well again: no write is lost or doubled, and the store gets few calls
meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.sandbox.records import Order
from hooks.ledger import stores
from hooks.store import session as session_module
from hooks.store.client import StoreClient
from hooks.sync.push import Pusher
from hooks.sync.rate_limit import SharedPace
from hooks.sync.reconcile import Reconciler
from hooks.sync.refetch import Refetcher
from tests.integration.harness import ON_SQLITE, Harness, close
from tests.support.processes import until

pytestmark = ON_SQLITE

CEILING = 5.0
MINUTE = timedelta(minutes=1)
KNOWN, NEW, MISSED = 12, 12, 12

UNDONE = ["500", "429", "503", "404", "reset", "html"]
"""The store does not do what it was asked to."""

DONE = ["half", "hang"]
"""It does, but its answer does not arrive."""

LIES = ["totals", "short-pages", "same-page"]
"""It answers, but its lists are not what they say."""


@pytest.fixture
def shop(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """A harness whose worker does all that a real one does, at a pace that follows the harness's clock."""
    monkeypatch.setattr(session_module, "TIMEOUT_SECONDS", (5, 0.3))

    def sleep(seconds: float) -> None:
        harness.advance(timedelta(seconds=seconds))

    reach = harness.settings.stores[harness.slug]
    pace = SharedPace(harness.runtime.database, harness.slug, CEILING, harness.clock, sleep)
    client = StoreClient(reach, pace)
    reconciler = Reconciler(
        harness.slug, client, harness.runtime, harness.settings.reconcile, harness.settings.sweep
    )
    harness.worker = replace(
        harness.worker,
        refetcher=Refetcher(harness.slug, client, harness.runtime, lambda: 1.0),
        pusher=Pusher(harness.slug, client, harness.runtime, lambda: 1.0),
        rounds=(reconciler,),
    )
    harness.reconciler = reconciler
    yield harness
    close(harness.worker)


def _orders(shop: Harness) -> list[int]:
    """Place orders: some in step, some with a delivery that is not yet handled, some without a delivery."""
    known = [shop.paid_order() for _ in range(KNOWN)]
    shop.come_to_rest()
    for number in known:
        shop.store.edit_order(number, status="completed" if number % 2 else "refunded")
    new = [shop.paid_order() for _ in range(NEW)]
    shop.deliver()
    missed = shop.store.place_orders(count=MISSED, quiet=True)
    return [*known, *new, *missed]


def _an_hour(shop: Harness) -> int:
    """Let an hour pass while the worker tries. Returns the number of requests that the store got."""
    before, began = len(shop.store.log.requests), shop.clock()
    while shop.clock() - began < timedelta(hours=1):
        until(
            lambda: shop.store.faults.hanging == 0,
            "the store to do what it was asked to when nobody waits any more",
        )
        shop.deliver()
        for _ in range(5):
            if not shop.worker.run_once():
                break
        shop.advance(MINUTE)
    return len(shop.store.log.requests) - before


def _recover(shop: Harness) -> None:
    """Let the store be well, wait a quarter of an hour (the longest backoff), and reconcile."""
    shop.store.clear_faults()
    shop.advance(timedelta(minutes=16))
    shop.come_to_rest()
    shop.reconcile()


def _assert_in_step(shop: Harness, orders: list[int]) -> None:
    for number in orders:
        assert shop.held("order", number) == shop.wanted("order", number) != {}
        row = shop.row("order", number)
        assert (row["push_at"], row["reread_at"], row["claim"]) == (None, None, None)


@pytest.mark.parametrize("kind", [*UNDONE, *DONE])
def test_a_store_in_trouble_for_an_hour_is_in_step_afterwards(shop: Harness, kind: str) -> None:
    orders = _orders(shop)
    before = {number: shop.writes("order", number) for number in orders}
    shop.store.add_fault(kind, times=0, seconds=1)
    called = _an_hour(shop)
    assert 2 <= called <= 70  # some twelve times, each time for all that there is to do
    _recover(shop)
    _assert_in_step(shop, orders)
    more = {number: shop.writes("order", number) - before[number] for number in orders}
    assert set(more.values()) <= {0, 1}, more
    assert not {
        code for code in shop.problems() if code.startswith(("store-", "failing", "contested"))
    }


@pytest.mark.parametrize("kind", LIES)
def test_a_store_with_wrong_lists_is_in_step_nevertheless(shop: Harness, kind: str) -> None:
    orders = _orders(shop)
    before = {number: shop.writes("order", number) for number in orders}
    shop.store.add_fault(kind, times=0)
    _an_hour(shop)
    _recover(shop)
    _assert_in_step(shop, orders)
    assert {shop.writes("order", number) - before[number] for number in orders} <= {0, 1}


def test_intermittent_trouble_loses_and_doubles_nothing(shop: Harness) -> None:
    orders = _orders(shop)
    before = {number: shop.writes("order", number) for number in orders}
    for kind in [*UNDONE, *DONE, *LIES]:
        shop.store.add_fault(kind, times=1, seconds=1)
    _an_hour(shop)
    _recover(shop)
    _assert_in_step(shop, orders)
    assert {shop.writes("order", number) - before[number] for number in orders} <= {0, 1}


def test_a_busy_shop_never_gets_more_calls_than_its_budget(shop: Harness) -> None:
    shop.store.place_orders(count=700, quiet=True)
    began = shop.clock()
    while shop.worker.run_once():
        shop.deliver()
    seconds = (shop.clock() - began).total_seconds()
    assert len(shop.store.log.requests) > 20
    assert len(shop.store.log.requests) <= seconds * CEILING + 1


def test_a_record_on_which_the_store_fails_holds_up_no_other(shop: Harness) -> None:
    """The failure comes at a refetch or at a write, in a batch or alone."""
    poison, *others = [shop.paid_order() for _ in range(8)]
    shop.come_to_rest()
    shop.store.trash_order(poison)  # so that it is read by itself
    shop.store.add_fault("500", times=0, path=f"/wp-json/wc/v3/orders/{poison}")
    for number in others:
        shop.store.edit_order(number, status="refunded")
    more = shop.paid_order()
    _an_hour(shop)
    assert shop.held("order", more) == shop.wanted("order", more) != {}
    assert shop.row("order", poison)["reread_at"] is not None
    shop.store.clear_faults()
    shop.advance(timedelta(minutes=16))
    shop.come_to_rest()
    assert shop.row("order", poison)["state"] == "trashed"


def test_a_failing_batch_is_narrowed_down_to_one_record(
    shop: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [shop.paid_order() for _ in range(10)]
    shop.deliver()
    poison, update = numbers[3], shop.store.orders.update

    def fail_over_one(order: Order, given: Any) -> Any:
        if order.id == poison:
            raise RuntimeError("a plugin fails as the order is saved")
        return update(order, given)

    monkeypatch.setattr(shop.store.orders, "update", fail_over_one)
    _an_hour(shop)
    assert {shop.writes("order", number) for number in numbers if number != poison} == {1}
    assert "failing-pushes" in shop.problems()
    monkeypatch.undo()
    _recover(shop)
    assert shop.held("order", poison) == shop.wanted("order", poison) != {}


def test_a_failing_part_of_the_api_holds_up_no_other(shop: Harness) -> None:
    shop.store.add_fault("500", times=0, path="/wp-json/wc/v3/customers")
    orders = [shop.paid_order() for _ in range(3)]
    missed = shop.store.place_orders(count=3, quiet=True)
    _an_hour(shop)
    assert all(shop.held("order", number) for number in [*orders, *missed])


def test_a_retry_after_holds_in_spite_of_other_good_answers(
    shop: Harness,
) -> None:
    number = shop.paid_order()
    shop.deliver()
    shop.advance()
    with shop.runtime.database.write() as connection:
        now = shop.clock()
        until = now + timedelta(minutes=10)
        stores.save_backoff(
            connection, "shop", stores.Backoff("busy", now, until, permanent=False, failures=1)
        )
    assert shop.worker.pusher.push() == 1  # under way when the pause was asked for
    pause = shop.pause()
    assert pause is not None
    assert pause.until == until
    assert shop.writes("order", number) == 1
