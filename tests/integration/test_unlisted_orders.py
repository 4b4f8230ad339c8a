"""Orders that the store's lists leave out: searched by their ids, refetched in batches, and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hooks.ledger import order_ids, rounds, traits
from hooks.ledger.tables import history, records
from hooks.sync import unlisted_orders
from tests.integration.harness import ON_SQLITE, ROLES, Harness

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
JUMPER = [{"product_id": 11}]


def _go_through(harness: Harness) -> None:
    """Run one sweep of all orders and one search, with all that follows."""
    harness.reconcile("orders")
    harness.reconcile("unlisted")


def _orders(harness: Harness, count: int) -> list[int]:
    """Place orders without a delivery."""
    made = harness.store.place_orders(count=count, quiet=True)
    harness.advance(MINUTE)
    return made


def _settled_orders(harness: Harness, count: int, **given: Any) -> list[int]:
    """Place paid orders, deliver them, and reconcile."""
    ids = [harness.paid_order(**given) for _ in range(count)]
    harness.come_to_rest()
    harness.advance(MINUTE)
    _go_through(harness)
    return ids


def _delete_in_silence(harness: Harness, number: int, after: timedelta) -> None:
    """Delete an order for good without a delivery, and reconcile some time later."""
    harness.store.delete_order(number)
    harness.lose()
    harness.advance(after)
    _go_through(harness)
    assert harness.row("order", number)["state"] == "gone"
    assert _unlisted(harness) == 0


def _known(harness: Harness) -> set[int]:
    chosen = select(records.c.external_id).where(
        records.c.kind == "order", records.c.state != "unknown"
    )
    with harness.runtime.database.read() as connection:
        return set(connection.execute(chosen).scalars())


def _included(harness: Harness, since: int = 0) -> list[list[int]]:
    """Return the ids that each call named."""
    named = [one.query for one in harness.store.log.requests[since:] if "include" in one.query]
    return [[int(number) for number in query["include"].split(",")] for query in named]


def _searched(harness: Harness, since: int = 0) -> list[list[int]]:
    """Return the ids that each call of the search named; the search requests only the ids of existing orders."""
    named = [
        one.query for one in harness.store.log.requests[since:] if one.query.get("_fields") == "id"
    ]
    return [[int(number) for number in query["include"].split(",")] for query in named]


def _singles(harness: Harness, since: int) -> int:
    prefix = "/wp-json/wc/v3/orders/"
    return sum(
        one.method == "GET" and one.path.startswith(prefix)
        for one in harness.store.log.requests[since:]
    )


def _unlisted(harness: Harness) -> int:
    return int(harness.status()["stores"]["shop"]["unlisted"])


def _history(harness: Harness) -> int:
    with harness.runtime.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(history)).scalar_one())


# Orders that the ledger does not know


@ROLES
@pytest.mark.parametrize("kind", ["unlisted", "unregistered"])
def test_an_order_missing_in_lists_is_found_by_its_id(harness: Harness, kind: str) -> None:
    ids = _orders(harness, 5)
    if kind == "unlisted":
        harness.store.set_habits(unlisted=[ids[2]])
    else:
        harness.store.edit_order(ids[2], status="partially-shipped")
        harness.lose()
        harness.store.shop.statuses.discard("partially-shipped")
    harness.reconcile("orders")
    assert _known(harness) == {*ids} - {ids[2]}
    harness.reconcile("unlisted")
    assert _known(harness) == {*ids}
    assert harness.held("order", ids[2]) == harness.wanted("order", ids[2]) != {}
    assert _unlisted(harness) == 0


@ON_SQLITE
def test_before_the_first_sweep_nothing_is_searched_for(harness: Harness) -> None:
    _orders(harness, 5)
    harness.rescan("unlisted")
    assert _searched(harness) == []


@ON_SQLITE
def test_without_a_gap_nothing_is_searched_for(harness: Harness) -> None:
    _orders(harness, 5)
    harness.reconcile("orders")
    since = len(harness.store.log.requests)
    harness.reconcile("unlisted")
    assert _searched(harness, since) == []


@ON_SQLITE
def test_each_gap_is_searched_once_a_week(harness: Harness) -> None:
    ids = _orders(harness, 5)
    harness.store.delete_order(ids[1])
    harness.store.delete_order(ids[3])
    harness.lose()
    asked = []
    for _ in range(9):
        since = len(harness.store.log.requests)
        _go_through(harness)
        asked.append(_searched(harness, since))
        harness.advance(DAY)
    assert asked == [[[ids[3], ids[1]]], [], [], [], [], [], [], [[ids[3], ids[1]]], []]


@ON_SQLITE
def test_the_search_is_limited_and_continues_where_it_was(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlisted_orders, "CALLS", 2)
    monkeypatch.setattr(order_ids, "WINDOW", 7)
    first = _orders(harness, 1)[0]
    for _ in range(450):
        harness.store.shop.post_ids.take()  # pages, pictures and the like
    hidden, last = _orders(harness, 2)
    harness.store.set_habits(unlisted=[hidden])
    seen: list[int] = []
    for _ in range(3):
        since = len(harness.store.log.requests)
        harness.rescan("orders")
        harness.work()
        harness.rescan("unlisted")
        calls = _searched(harness, since)
        assert len(calls) <= 2
        seen += [number for call in calls for number in call]
        harness.advance(DAY)
    assert sorted(seen) == sorted(set(range(first + 1, last)))
    assert seen[0] == hidden, "the newest are asked about first"
    harness.work()
    assert _known(harness) == {first, hidden, last}


@ON_SQLITE
def test_new_gaps_are_searched_in_spite_of_endless_old_ones(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlisted_orders, "CALLS", 2)
    _orders(harness, 1)
    for _ in range(2_000):
        harness.store.shop.post_ids.take()
    _orders(harness, 1)
    _go_through(harness)
    hidden, _ = _orders(harness, 2)
    harness.store.set_habits(unlisted=[hidden])
    harness.advance(DAY)
    _go_through(harness)
    assert hidden in _known(harness)


@ON_SQLITE
def test_a_search_continues_where_a_killed_worker_left_it(harness: Harness) -> None:
    first = _orders(harness, 1)[0]
    for _ in range(250):
        harness.store.shop.post_ids.take()
    last = _orders(harness, 1)[0]
    harness.reconcile("orders")
    assert harness.reconciler.step(["unlisted"]) == 1
    with harness.runtime.database.write() as connection:
        dead = rounds.RoundClaim("shop", "unlisted", "dead")
        assert rounds.claim(connection, dead, harness.clock()) is not None
    assert harness.reconciler.step(["unlisted"]) == 0
    harness.advance(rounds.LEASE + MINUTE)
    harness.rescan_on("unlisted")
    asked = [number for call in _searched(harness) for number in call]
    assert asked == list(range(last - 1, first, -1))


# Orders that the ledger knows


@ON_SQLITE
@pytest.mark.parametrize("refunded", [False, True])
def test_known_orders_missing_in_lists_are_refetched_in_batches(
    harness: Harness, refunded: bool
) -> None:
    ids = [harness.paid_order(line_items=JUMPER) for _ in range(12)]
    for number in ids if refunded else ():
        harness.store.refund_order(number, amount="10.00")
    harness.come_to_rest()
    harness.advance(MINUTE)
    _go_through(harness)
    harness.store.set_habits(unlisted=ids[:11])
    harness.advance(DAY)
    since, lines = len(harness.store.log.requests), _history(harness)
    _go_through(harness)
    assert [sorted(call) for call in _included(harness, since)] == [ids[:11]]
    assert _singles(harness, since) == 0
    assert not any(one.writes for one in harness.store.log.requests[since:])
    assert (_history(harness), _unlisted(harness)) == (lines, 0)


@ON_SQLITE
def test_orders_shown_only_by_their_own_address_are_counted(
    harness: Harness,
) -> None:
    ids = _settled_orders(harness, 4)
    harness.store.set_habits(hidden=ids[:3])
    harness.advance(DAY)
    lines = _history(harness)
    singles = []
    for _ in range(9):
        since = len(harness.store.log.requests)
        _go_through(harness)
        singles.append(_singles(harness, since))
        assert _unlisted(harness) == 3
        harness.advance(DAY)
    assert singles == [3, 0, 0, 0, 0, 0, 0, 3, 0]
    assert _history(harness) == lines
    assert harness.status()["stores"]["shop"]["pending_questions"] == 0
    assert harness.problems() & {"reconciliation-failing", "deliveries-missing"} == set()


@ON_SQLITE
def test_an_order_that_lists_show_again_is_no_longer_counted(harness: Harness) -> None:
    ids = _settled_orders(harness, 2)
    harness.store.set_habits(hidden=[ids[0]])
    harness.advance(DAY)
    _go_through(harness)
    assert _unlisted(harness) == 1
    harness.store.set_habits(hidden=[])
    harness.advance(DAY)
    _go_through(harness)
    assert _unlisted(harness) == 0
    assert harness.row("order", ids[0])["reread_reason"] is None


@ON_SQLITE
def test_a_hidden_order_is_written_and_its_deletion_is_found(harness: Harness) -> None:
    ids = _settled_orders(harness, 2, line_items=JUMPER)
    harness.store.set_habits(hidden=[ids[0]])
    harness.advance(DAY)
    _go_through(harness)
    harness.advance(timedelta(days=60))
    harness.store.refund_order(ids[0], amount="10.00")
    harness.come_to_rest()
    assert harness.held("order", ids[0]) == harness.wanted("order", ids[0])
    assert harness.row("order", ids[0])["delete_after"].year == 2032
    _delete_in_silence(harness, ids[0], WEEK)


@ON_SQLITE
def test_a_deleted_order_is_closed_by_the_sweep_that_misses_it(harness: Harness) -> None:
    ids = _settled_orders(harness, 2)
    _delete_in_silence(harness, ids[0], DAY)


@ON_SQLITE
def test_the_searched_range_is_saved_with_the_store(harness: Harness) -> None:
    ids = _orders(harness, 3)
    harness.store.delete_order(ids[1])
    harness.lose()
    _go_through(harness)
    with harness.runtime.database.read() as connection:
        value: Any = traits.read(connection, "shop")[unlisted_orders.TRAIT].value
    assert value == f"{ids[0]} {ids[2]} 2026-11-22"
