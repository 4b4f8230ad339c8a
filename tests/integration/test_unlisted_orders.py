"""Orders that the store's lists leave out: searched for by their ids, asked about in batches, and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hooks.ledger import order_ids, rounds, traits
from hooks.ledger.tables import history, records
from hooks.sync import unlisted_orders
from tests.integration.desk import ON_SQLITE, ROLES, Desk

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
JUMPER = [{"product_id": 11}]


def _go_through(desk: Desk) -> None:
    """One sweep of all orders, and one search, with all that follows."""
    desk.reconcile("orders")
    desk.reconcile("unlisted")


def _orders(desk: Desk, count: int) -> list[int]:
    """Orders of which no delivery came."""
    made = desk.store.place_orders(count=count, quiet=True)
    desk.advance(MINUTE)
    return made


def _settled_orders(desk: Desk, count: int, **given: Any) -> list[int]:
    """Paid orders that the store has told of, and that it was gone through with."""
    ids = [desk.paid_order(**given) for _ in range(count)]
    desk.come_to_rest()
    desk.advance(MINUTE)
    _go_through(desk)
    return ids


def _delete_in_silence(desk: Desk, number: int, after: timedelta) -> None:
    """The store deletes an order for good and tells nobody; it is gone through some time later."""
    desk.store.delete_order(number)
    desk.lose()
    desk.advance(after)
    _go_through(desk)
    assert desk.row("order", number)["state"] == "gone"
    assert _unlisted(desk) == 0


def _known(desk: Desk) -> set[int]:
    chosen = select(records.c.external_id).where(
        records.c.kind == "order", records.c.state != "unknown"
    )
    with desk.runtime.database.read() as connection:
        return set(connection.execute(chosen).scalars())


def _included(desk: Desk, since: int = 0) -> list[list[int]]:
    """The ids that each call named."""
    named = [one.query for one in desk.store.log.requests[since:] if "include" in one.query]
    return [[int(number) for number in query["include"].split(",")] for query in named]


def _searched(desk: Desk, since: int = 0) -> list[list[int]]:
    """The ids that each call of the search named; it asks for nothing but the ids of what is there."""
    named = [
        one.query for one in desk.store.log.requests[since:] if one.query.get("_fields") == "id"
    ]
    return [[int(number) for number in query["include"].split(",")] for query in named]


def _singles(desk: Desk, since: int) -> int:
    prefix = "/wp-json/wc/v3/orders/"
    return sum(
        one.method == "GET" and one.path.startswith(prefix)
        for one in desk.store.log.requests[since:]
    )


def _unlisted(desk: Desk) -> int:
    return int(desk.status()["stores"]["shop"]["unlisted"])


def _history(desk: Desk) -> int:
    with desk.runtime.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(history)).scalar_one())


# Orders that the ledger does not know


@ROLES
@pytest.mark.parametrize("kind", ["unlisted", "unregistered"])
def test_an_order_that_lists_leave_out_is_found_by_its_id_and_tagged(desk: Desk, kind: str) -> None:
    ids = _orders(desk, 5)
    if kind == "unlisted":
        desk.store.set_habits(unlisted=[ids[2]])
    else:
        desk.store.edit_order(ids[2], status="partially-shipped")
        desk.lose()
        desk.store.shop.statuses.discard("partially-shipped")
    desk.reconcile("orders")
    assert _known(desk) == {*ids} - {ids[2]}
    desk.reconcile("unlisted")
    assert _known(desk) == {*ids}
    assert desk.held("order", ids[2]) == desk.wanted("order", ids[2]) != {}
    assert _unlisted(desk) == 0


@ON_SQLITE
def test_before_the_first_sweep_nothing_is_searched_for(desk: Desk) -> None:
    _orders(desk, 5)
    desk.rescan("unlisted")
    assert _searched(desk) == []


@ON_SQLITE
def test_without_a_gap_nothing_is_asked(desk: Desk) -> None:
    _orders(desk, 5)
    desk.reconcile("orders")
    since = len(desk.store.log.requests)
    desk.reconcile("unlisted")
    assert _searched(desk, since) == []


@ON_SQLITE
def test_each_gap_is_asked_about_once_a_week(desk: Desk) -> None:
    ids = _orders(desk, 5)
    desk.store.delete_order(ids[1])
    desk.store.delete_order(ids[3])
    desk.lose()
    asked = []
    for _ in range(9):
        since = len(desk.store.log.requests)
        _go_through(desk)
        asked.append(_searched(desk, since))
        desk.advance(DAY)
    assert asked == [[[ids[3], ids[1]]], [], [], [], [], [], [], [[ids[3], ids[1]]], []]


@ON_SQLITE
def test_the_search_is_bounded_and_goes_on_where_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlisted_orders, "CALLS", 2)
    monkeypatch.setattr(order_ids, "WINDOW", 7)
    first = _orders(desk, 1)[0]
    for _ in range(450):
        desk.store.shop.post_ids.take()  # pages, pictures and the like
    hidden, last = _orders(desk, 2)
    desk.store.set_habits(unlisted=[hidden])
    seen: list[int] = []
    for _ in range(3):
        since = len(desk.store.log.requests)
        desk.rescan("orders")
        desk.work()
        desk.rescan("unlisted")
        calls = _searched(desk, since)
        assert len(calls) <= 2
        seen += [number for call in calls for number in call]
        desk.advance(DAY)
    assert sorted(seen) == sorted(set(range(first + 1, last)))
    assert seen[0] == hidden, "the newest are asked about first"
    desk.work()
    assert _known(desk) == {first, hidden, last}


@ON_SQLITE
def test_new_gaps_are_asked_about_though_the_old_ones_never_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlisted_orders, "CALLS", 2)
    _orders(desk, 1)
    for _ in range(2_000):
        desk.store.shop.post_ids.take()
    _orders(desk, 1)
    _go_through(desk)
    hidden, _ = _orders(desk, 2)
    desk.store.set_habits(unlisted=[hidden])
    desk.advance(DAY)
    _go_through(desk)
    assert hidden in _known(desk)


@ON_SQLITE
def test_a_search_goes_on_where_a_killed_worker_left_it(desk: Desk) -> None:
    first = _orders(desk, 1)[0]
    for _ in range(250):
        desk.store.shop.post_ids.take()
    last = _orders(desk, 1)[0]
    desk.reconcile("orders")
    assert desk.reconciler.step(["unlisted"]) == 1
    with desk.runtime.database.write() as connection:
        dead = rounds.RoundClaim("shop", "unlisted", "dead")
        assert rounds.claim(connection, dead, desk.clock()) is not None
    assert desk.reconciler.step(["unlisted"]) == 0
    desk.advance(rounds.LEASE + MINUTE)
    desk.rescan_on("unlisted")
    asked = [number for call in _searched(desk) for number in call]
    assert asked == list(range(last - 1, first, -1))


# Orders that the ledger knows


@ON_SQLITE
@pytest.mark.parametrize("refunded", [False, True])
def test_known_orders_that_lists_leave_out_are_asked_about_in_batches(
    desk: Desk, refunded: bool
) -> None:
    ids = [desk.paid_order(line_items=JUMPER) for _ in range(12)]
    for number in ids if refunded else ():
        desk.store.refund_order(number, amount="10.00")
    desk.come_to_rest()
    desk.advance(MINUTE)
    _go_through(desk)
    desk.store.set_habits(unlisted=ids[:11])
    desk.advance(DAY)
    since, lines = len(desk.store.log.requests), _history(desk)
    _go_through(desk)
    assert [sorted(call) for call in _included(desk, since)] == [ids[:11]]
    assert _singles(desk, since) == 0
    assert not any(one.writes for one in desk.store.log.requests[since:])
    assert (_history(desk), _unlisted(desk)) == (lines, 0)


@ON_SQLITE
def test_orders_that_only_their_own_address_shows_are_counted_and_asked_about_once_a_week(
    desk: Desk,
) -> None:
    ids = _settled_orders(desk, 4)
    desk.store.set_habits(hidden=ids[:3])
    desk.advance(DAY)
    lines = _history(desk)
    singles = []
    for _ in range(9):
        since = len(desk.store.log.requests)
        _go_through(desk)
        singles.append(_singles(desk, since))
        assert _unlisted(desk) == 3
        desk.advance(DAY)
    assert singles == [3, 0, 0, 0, 0, 0, 0, 3, 0]
    assert _history(desk) == lines
    assert desk.status()["stores"]["shop"]["pending_questions"] == 0
    assert desk.problems() & {"reconciliation-failing", "deliveries-missing"} == set()


@ON_SQLITE
def test_an_order_that_lists_show_again_is_counted_no_more(desk: Desk) -> None:
    ids = _settled_orders(desk, 2)
    desk.store.set_habits(hidden=[ids[0]])
    desk.advance(DAY)
    _go_through(desk)
    assert _unlisted(desk) == 1
    desk.store.set_habits(hidden=[])
    desk.advance(DAY)
    _go_through(desk)
    assert _unlisted(desk) == 0
    assert desk.row("order", ids[0])["reread_reason"] is None


@ON_SQLITE
def test_a_hidden_order_is_still_written_to_and_found_when_it_is_deleted(desk: Desk) -> None:
    ids = _settled_orders(desk, 2, line_items=JUMPER)
    desk.store.set_habits(hidden=[ids[0]])
    desk.advance(DAY)
    _go_through(desk)
    desk.advance(timedelta(days=60))
    desk.store.refund_order(ids[0], amount="10.00")
    desk.come_to_rest()
    assert desk.held("order", ids[0]) == desk.wanted("order", ids[0])
    assert desk.row("order", ids[0])["delete_after"].year == 2032
    _delete_in_silence(desk, ids[0], WEEK)


@ON_SQLITE
def test_a_deleted_order_is_closed_by_the_sweep_that_misses_it(desk: Desk) -> None:
    ids = _settled_orders(desk, 2)
    _delete_in_silence(desk, ids[0], DAY)


@ON_SQLITE
def test_what_is_covered_is_kept_with_the_store(desk: Desk) -> None:
    ids = _orders(desk, 3)
    desk.store.delete_order(ids[1])
    desk.lose()
    _go_through(desk)
    with desk.runtime.database.read() as connection:
        value: Any = traits.read(connection, "shop")[unlisted_orders.TRAIT].value
    assert value == f"{ids[0]} {ids[2]} 2026-11-22"
