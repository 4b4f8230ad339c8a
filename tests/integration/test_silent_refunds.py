"""Silent refunds: created or deleted without a delivery, and without a new date of the order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from hooks.ledger import traits
from hooks.sync.compare import RefundIds
from hooks.sync.list_pages import TRAIT
from tests.integration.harness import ON_SQLITE, ROLES, Harness

MINUTE = timedelta(minutes=1)
JUMPER = [{"product_id": 11}]
THIS_YEAR, NEXT_YEAR = date(2031, 12, 31), date(2032, 12, 31)


@pytest.fixture
def known(harness: Harness) -> Harness:
    """A harness whose store was reconciled once, so that only changes are read from then on."""
    harness.reconcile()
    harness.advance(20 * MINUTE)
    return harness


def _settled_order(harness: Harness) -> int:
    """Place a paid order of 2026, long after its last change. The year is over."""
    number = harness.written_order(line_items=JUMPER)
    harness.advance(MINUTE)
    harness.reconcile()
    harness.advance(timedelta(days=60))
    return number


def _reconcile_twice(harness: Harness) -> int:
    """Reconcile twice, so that no refetch is due. Returns the number of requests that the store got so far."""
    for _ in range(2):
        harness.reconcile()
        harness.advance(20 * MINUTE)
    return len(harness.store.log.requests)


def _refund(harness: Harness, number: int, amount: str = "10.00", *, silent: bool = True) -> int:
    return int(harness.store.refund_order(number, amount=amount, silent=silent)["id"])


def _delete_after(harness: Harness, number: int) -> date:
    found: date = harness.row("order", number)["delete_after"]
    return found


def _gets(harness: Harness, since: int) -> list[str]:
    return [
        one.path.removeprefix("/wp-json/wc/v3/")
        for one in harness.store.log.requests[since:]
        if one.method == "GET"
    ]


def _is_whole(harness: Harness) -> bool:
    with harness.runtime.database.read() as connection:
        return TRAIT in traits.read(connection, "shop")


# What is found


@ROLES
def test_a_silent_refund_moves_the_date_and_its_deletion_moves_it_back(harness: Harness) -> None:
    number = _settled_order(harness)
    refund = _refund(harness, number)
    harness.reconcile("orders")
    assert _delete_after(harness, number) == NEXT_YEAR
    harness.advance(MINUTE)
    harness.store.delete_refund(number, refund)
    harness.reconcile("orders")
    assert _delete_after(harness, number) == THIS_YEAR
    assert harness.held("order", number) == harness.wanted("order", number)


@ON_SQLITE
@pytest.mark.parametrize("heard", [True, False], ids=["heard", "lost"])
def test_a_deleted_refund_is_found_with_and_without_a_delivery(known: Harness, heard: bool) -> None:
    number = _settled_order(known)
    refund = _refund(known, number, silent=False)
    known.come_to_rest() if heard else known.lose()
    known.reconcile()
    assert _delete_after(known, number) == NEXT_YEAR
    known.store.delete_refund(number, refund)
    known.reconcile("orders")
    assert _delete_after(known, number) == THIS_YEAR


@ON_SQLITE
def test_deleting_one_of_two_refunds_keeps_the_others_day(known: Harness) -> None:
    number = _settled_order(known)
    first = _refund(known, number)
    known.advance(timedelta(days=365))
    second = _refund(known, number)
    known.reconcile("orders")
    assert _delete_after(known, number) == date(2033, 12, 31)
    known.store.delete_refund(number, second)
    known.reconcile("orders")
    assert _delete_after(known, number) == NEXT_YEAR
    assert f'"refunds":[[{first},"2027-' in known.row("order", number)["facts"]


@ON_SQLITE
def test_a_replaced_refund_is_found(known: Harness) -> None:
    number = _settled_order(known)
    refund = _refund(known, number)
    known.reconcile("orders")
    known.advance(timedelta(days=365))
    known.store.delete_refund(number, refund)
    _refund(known, number)
    known.reconcile("orders")
    assert _delete_after(known, number) == date(2033, 12, 31)


@ON_SQLITE
def test_the_round_of_changes_finds_silent_refunds_it_lists(
    known: Harness,
) -> None:
    number = known.written_order(line_items=JUMPER)
    known.advance(MINUTE)
    known.reconcile("changes")
    refund = _refund(known, number)
    known.reconcile("changes")
    assert f"[[{refund}," in known.row("order", number)["facts"]


@ON_SQLITE
def test_a_late_delivery_does_not_bring_a_deleted_refund_back(known: Harness) -> None:
    number = _settled_order(known)
    refund = _refund(known, number, silent=False)
    known.store.send_deliveries()
    known.store.delete_refund(number, refund)
    known.reconcile()
    assert _delete_after(known, number) == THIS_YEAR
    known.come_to_rest()
    assert _delete_after(known, number) == THIS_YEAR


# What is not done


@ON_SQLITE
def test_known_refunds_lead_to_no_refetch(known: Harness) -> None:
    for _ in range(3):
        _refund(known, _settled_order(known))
    since = _reconcile_twice(known)
    known.rescan("orders")
    pages = _gets(known, since)
    known.work()
    assert _gets(known, since) == pages == ["orders"] * len(pages)
    assert len(pages) == 4  # a page and its end, and the empty lists of the two other statuses


@ON_SQLITE
def test_lists_request_the_ids_of_refunds_without_reasons(known: Harness) -> None:
    _refund(known, _settled_order(known))
    since = len(known.store.log.requests)
    known.rescan("orders", "changes")
    fields = {
        one.query["_fields"] for one in known.store.log.requests[since:] if "offset" in one.query
    }
    assert fields
    assert {name for text in fields for name in text.split(",") if "refund" in name} == {
        "refunds.id"
    }
    assert not _is_whole(known)


# Stores that cannot pick the ids


@ON_SQLITE
@pytest.mark.parametrize("habit", ["absent", "empty"])
def test_a_store_without_nested_fields_sends_whole_refunds(known: Harness, habit: str) -> None:
    number, other = _settled_order(known), _settled_order(known)
    _refund(known, other, silent=False)
    known.come_to_rest()
    known.store.set_habits(shallow_fields=habit)
    refund = _refund(known, number)
    known.reconcile("orders")
    assert _is_whole(known)
    assert _delete_after(known, number) == NEXT_YEAR
    known.store.delete_refund(number, refund)
    known.reconcile("orders")
    assert _delete_after(known, number) == THIS_YEAR


@ON_SQLITE
@pytest.mark.parametrize("habit", ["absent", "empty"])
def test_a_store_without_nested_fields_gets_each_page_once(known: Harness, habit: str) -> None:
    _refund(known, _settled_order(known), silent=False)
    known.come_to_rest()
    known.store.set_habits(shallow_fields=habit)
    since = _reconcile_twice(known)
    known.rescan("orders")
    known.work()
    assert _gets(known, since) == ["orders"] * 4


@ON_SQLITE
def test_the_deletion_of_the_only_refund_changes_no_store_trait(
    known: Harness,
) -> None:
    number = _settled_order(known)
    refund = _refund(known, number)
    known.reconcile("orders")
    known.store.delete_refund(number, refund)
    known.reconcile("orders")
    assert _delete_after(known, number) == THIS_YEAR
    assert not _is_whole(known)


# Shapes


@pytest.mark.parametrize(
    ("raw", "ids", "whole"),
    [
        # As most stores show them.
        ([], set(), True),
        ([{"id": 7}, {"id": "8", "reason": "x"}], {7, 8}, True),
        # A PHP array with gaps.
        ({"0": {"id": 7}, "2": {"id": 9}}, {7, 9}, True),
        # An error object in place of one, or of all.
        ([{"id": 7}, {"errors": {"x": ["y"]}, "error_data": []}], {7}, False),
        ({"0": {"id": 7}, "1": {"errors": {}}}, {7}, False),
        ({"errors": {"x": ["y"]}, "error_data": []}, set(), False),
        # Not shown, or of no shape at all.
        (None, set(), False),
        ({}, set(), False),
        ("", set(), False),
        ([7, None, {"id": True}, {"id": 0}], set(), False),
        # More than are read of an order.
        ([{"id": number} for number in range(1, 1002)], set(), False),
    ],
)
def test_the_refunds_of_a_list_row_are_read(raw: Any, ids: set[int], whole: bool) -> None:
    assert RefundIds.of(raw) == RefundIds(frozenset(ids), whole)


@ON_SQLITE
@pytest.mark.parametrize(
    "odd",
    [
        # None of these says that the order has no refunds.
        None,
        "",
        {"errors": {"x": ["y"]}, "error_data": []},
        [{"errors": {"x": ["y"]}, "error_data": []}],
    ],
    ids=repr,
)
def test_an_odd_shape_is_not_taken_for_an_order_without_refunds(
    known: Harness, odd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, other = _settled_order(known), _settled_order(known)
    for one in (number, other):
        _refund(known, one)
    known.reconcile("orders")
    known.advance(20 * MINUTE)
    known.reconcile("orders")
    known.advance(20 * MINUTE)
    renderer = known.store.renderer
    order = renderer.order
    monkeypatch.setattr(
        renderer,
        "order",
        lambda one: order(one) | ({"refunds": odd} if one.id == number else {}),
        raising=True,
    )
    since = len(known.store.log.requests)
    known.rescan("orders")
    known.work()
    assert set(_gets(known, since)) == {"orders"}
    assert _delete_after(known, number) == NEXT_YEAR
