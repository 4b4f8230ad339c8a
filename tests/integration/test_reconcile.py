"""Reconciliation: changes without a delivery are found in the store's lists, page by page, and nothing else is
refetched."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from hooks.ledger import records as records_module
from hooks.ledger import rounds
from hooks.ledger.tables import history, quarantine, records
from tests.integration.harness import NOON, ROLES, SECOND, Harness
from tests.support.recordings import made

MINUTE = timedelta(minutes=1)
JUMPER = [{"product_id": 11}]


@pytest.fixture
def known(harness: Harness) -> Harness:
    """A harness whose store was reconciled once, so that only changes are read from then on."""
    harness.reconcile()
    harness.advance(20 * MINUTE)
    return harness


def _asked(harness: Harness, since: int = 0) -> list[dict[str, Any]]:
    return [
        entry.query | {"path": entry.path.removeprefix("/wp-json/wc/v3/")}
        for entry in harness.store.log.requests[since:]
        if entry.method == "GET"
    ]


def _round(harness: Harness, name: rounds.RoundName) -> Any:
    with harness.runtime.database.read() as connection:
        return rounds.state(connection, "shop", name)


def _count(harness: Harness, *where: Any) -> int:
    with harness.runtime.database.read() as connection:
        return int(
            connection.execute(select(func.count()).select_from(records).where(*where)).scalar_one()
        )


def _in_step(harness: Harness) -> None:
    """Check that every order and customer account of the shop is in the ledger, and holds what the ledger wants."""
    customers = [one.id for one in harness.store.shop.customers.values() if one.role == "customer"]
    kinds: dict[str, Iterable[int]] = {"order": harness.store.shop.orders, "customer": customers}
    for kind, there in kinds.items():
        for number in there:
            assert harness.held(kind, number) == harness.wanted(kind, number), (kind, number)


# What is found


def test_a_shop_without_any_delivery_is_tagged_whole(harness: Harness) -> None:
    account = harness.store.sign_up(email="a@example.test")["id"]
    orders = [harness.paid_order(customer_id=account) for _ in range(3)]
    draft = harness.store.place_order(status="checkout-draft")["id"]
    trashed = harness.paid_order()
    harness.store.trash_order(trashed)
    harness.lose()
    harness.reconcile()
    assert {harness.row("order", number)["state"] for number in [*orders, draft]} == {"active"}
    assert harness.row("order", trashed)["state"] == "trashed"
    assert harness.row("customer", account)["state"] == "active"
    _in_step(harness)


def test_a_new_order_without_a_delivery_is_found(known: Harness) -> None:
    number = known.paid_order()
    known.lose()
    known.advance(MINUTE)
    known.reconcile("changes")
    assert known.row("order", number)["retention_class"] == "orders-accounting"
    assert known.held("order", number) == known.wanted("order", number)
    assert known.writes("order", number) == 1


@pytest.mark.parametrize(
    ("act", "state", "status"),
    [
        ("trash_order", "trashed", "processing"),
        ("complete_order", "active", "completed"),
        ("anonymise_order", "erased", "processing"),
    ],
)
def test_a_change_without_a_delivery_is_found(
    known: Harness, act: str, state: str, status: str
) -> None:
    number = known.written_order(line_items=JUMPER)
    known.advance(MINUTE)
    getattr(known.store, act)(number)
    known.lose()
    known.advance(MINUTE)
    known.reconcile("changes")
    row = known.row("order", number)
    assert (row["state"], json.loads(row["facts"])["status"]) == (state, status)


def test_a_refund_without_a_delivery_is_found_with_its_day(known: Harness) -> None:
    number = known.written_order(line_items=JUMPER)
    known.advance(timedelta(days=40))
    known.store.refund_order(number, amount="10.00")
    known.lose()
    known.advance(MINUTE)
    known.reconcile("changes")
    assert '"refunds"' in known.row("order", number)["facts"]
    assert known.sent("GET", f"/orders/{number}/refunds") == 1
    assert known.row("order", number)["reread_reason"] is None


def test_an_order_deleted_without_a_delivery_is_found_and_closed(known: Harness) -> None:
    number = known.written_order()
    kept = known.written_order()
    known.store.delete_order(number)
    known.lose()
    known.reconcile("orders")
    assert known.row("order", number)["state"] == "gone"
    assert known.row("order", kept)["state"] == "active"
    assert "erased-too-early" in known.problems()


def test_a_deleted_order_is_missed_even_if_it_was_the_only_one(known: Harness) -> None:
    number = known.written_order()
    known.store.delete_order(number)
    known.lose()
    known.reconcile("orders")
    assert known.row("order", number)["state"] == "gone"


def test_an_order_deleted_from_the_trash_is_found(known: Harness) -> None:
    number = known.written_order()
    known.store.trash_order(number)
    known.come_to_rest()
    assert known.row("order", number)["state"] == "trashed"
    known.store.delete_order(number)
    known.lose()
    known.reconcile("orders")
    assert known.row("order", number)["state"] == "gone"


def test_a_deleted_account_is_found(known: Harness) -> None:
    number = known.store.sign_up(email="a@example.test")["id"]
    known.come_to_rest()
    known.store.delete_customer(number)
    known.lose()
    known.reconcile("customers")
    assert known.row("customer", number)["state"] == "gone"


def test_a_log_in_is_found_by_the_sweep(known: Harness) -> None:
    number = known.store.sign_up(email="a@example.test")["id"]
    known.come_to_rest()
    before = known.row("customer", number)["delete_after"]
    known.advance(timedelta(days=30))
    known.store.visit(number)
    known.reconcile("customers")
    assert known.row("customer", number)["delete_after"] == before + timedelta(days=30)


def test_a_customer_whose_date_is_near_is_refetched_daily(known: Harness) -> None:
    near, far = (known.store.sign_up(email=f"{name}@example.test")["id"] for name in "ab")
    known.come_to_rest()
    known.advance(known.row("customer", near)["delete_after"] - NOON.date() - timedelta(days=44))
    known.store.visit(far)
    known.reconcile("customers")
    known.advance(timedelta(days=2))
    reads = known.sent("GET", f"/customers/{near}")
    known.reconcile("changes")
    assert known.sent("GET", f"/customers/{near}") == reads + 1
    assert known.sent("GET", f"/customers/{far}") == 0
    known.reconcile("changes")
    assert known.sent("GET", f"/customers/{near}") == reads + 1
    known.store.visit(near)
    known.advance(timedelta(days=1, minutes=1))
    known.reconcile("changes")
    assert known.row("customer", near)["delete_after"] > known.clock().date() + timedelta(days=400)


def test_a_lost_second_change_of_one_second_is_found(
    known: Harness,
) -> None:
    number = known.written_order()
    known.advance(MINUTE)
    known.store.freeze_clock()
    known.store.edit_order(number, customer_note="")
    known.deliver()
    known.store.edit_order(number, customer_note="Ring twice")
    known.lose()
    assert "note" not in known.row("order", number)["facts"]
    known.advance(MINUTE)
    known.reconcile("changes")
    assert "note" in known.row("order", number)["facts"]


# What is not done


def test_a_known_state_is_neither_refetched_nor_written(known: Harness) -> None:
    known.written_order()
    known.store.sign_up(email="a@example.test")
    known.come_to_rest()
    known.advance(MINUTE)
    known.reconcile()  # what was shown within the second of its change is asked about once
    known.advance(20 * MINUTE)
    before, since = [_rows(known), len(known.store.log.requests)]
    known.rescan()
    assert {one["path"] for one in _asked(known, since)} == {"orders", "customers"}
    known.work()
    assert all(
        entry.method == "GET" and "offset" in entry.query
        for entry in known.store.log.requests[since:]
    )
    assert _rows(known) == before


def _rows(harness: Harness) -> list[Any]:
    with harness.runtime.database.read() as connection:
        return [
            *connection.execute(select(records).order_by(records.c.id)),
            *connection.execute(select(history).order_by(history.c.id)),
        ]


def test_the_lists_are_asked_for_no_personal_data(harness: Harness) -> None:
    harness.paid_order()
    harness.reconcile()
    harness.advance(20 * MINUTE)
    harness.rescan()
    lists = [one for one in _asked(harness) if "offset" in one]
    named = {field for one in lists for field in one["_fields"].split(",")}
    assert lists
    assert named.isdisjoint(
        {"billing", "shipping", "email", "first_name", "customer_note", "customer_ip_address"}
    )


def test_before_the_first_sweep_no_changes_are_read(harness: Harness) -> None:
    assert harness.reconciler.step(["changes"]) == 0
    assert _asked(harness) == []


# Where it goes on


def test_a_rounds_mark_precedes_its_start_and_moves_at_its_end(
    known: Harness,
) -> None:
    mark = _round(known, "changes").mark
    assert mark <= known.clock() - 20 * MINUTE
    for _ in range(3):
        known.paid_order()
    known.lose()
    with known.runtime.database.write() as connection:
        rounds.ask_for(connection, "shop", ["changes"], known.clock())
    known.reconciler.step(["changes"])
    assert _round(known, "changes").mark == mark
    began = known.clock()
    known.advance(MINUTE)
    known.rescan("changes")
    assert mark < _round(known, "changes").mark < began + MINUTE


def test_a_store_whose_clock_is_ahead_moves_no_mark_into_the_future(known: Harness) -> None:
    known.store.advance_clock(7 * 86_400)
    known.rescan("changes")
    assert _round(known, "changes").mark < known.clock()


def test_a_round_continues_where_a_killed_worker_left_it(harness: Harness) -> None:
    harness.store.place_orders(count=250, quiet=True)
    harness.reconciler.step(["orders"])
    assert _round(harness, "orders").last_id > 0
    with harness.runtime.database.write() as connection:
        dead = rounds.RoundClaim("shop", "orders", "dead")
        assert rounds.claim(connection, dead, harness.clock()) is not None
    assert harness.reconciler.step(["orders"]) == 0
    harness.advance(rounds.LEASE + SECOND)
    since = len(harness.store.log.requests)
    for _ in range(20):
        harness.reconciler.step(["orders"])
    assert int(_asked(harness, since)[0]["offset"]) > 0
    assert _count(harness, records.c.kind == "order") == 250


def test_a_round_requested_while_it_runs_runs_again_after_it(
    harness: Harness,
) -> None:
    harness.store.place_orders(count=250, quiet=True)
    harness.reconciler.step(["orders"])
    with harness.runtime.database.write() as connection:
        rounds.ask_for(connection, "shop", ["orders"], harness.clock())
    since = len(harness.store.log.requests)
    harness.reconciler.step(["orders"])
    assert _asked(harness, since)[0]["offset"] != "0"
    harness.rescan_on("orders")
    again = [
        one for one in _asked(harness, since) if one["status"] == "any" and one["offset"] == "0"
    ]
    assert len(again) == 1
    assert _round(harness, "orders").asked_for_at is None


def test_after_a_gap_everything_is_reconciled(known: Harness) -> None:
    done = _round(known, "orders").done_at
    known.advance(timedelta(hours=3))
    assert known.reconciler.step(["changes"])
    for _ in range(10):
        known.reconciler.step()
    assert _round(known, "orders").done_at > done
    assert _round(known, "customers").done_at > done


# Lists that change while they are read


def test_orders_deleted_while_the_list_is_read_hide_no_other(harness: Harness) -> None:
    ids = harness.store.place_orders(count=350, quiet=True)
    for position in (0, 1, 2):
        harness.reconciler.step(["orders"])
        for number in ids[position * 60 : position * 60 + 60]:
            harness.store.trash_order(number)
    harness.rescan_on("orders")
    assert _count(harness, records.c.kind == "order") == 350


def test_orders_restored_while_the_list_is_read_hide_no_other(harness: Harness) -> None:
    ids = harness.store.place_orders(count=350, quiet=True)
    for number in ids[:150]:
        harness.store.trash_order(number)
    harness.reconciler.step(["orders"])
    for number in ids[:150]:
        harness.store.restore_order(number)
    harness.rescan_on("orders")
    assert _count(harness, records.c.kind == "order", records.c.external_id.in_(ids[150:])) == 200


def test_accounts_that_change_while_they_are_read_hide_no_other(harness: Harness) -> None:
    ids = [harness.store.sign_up(email=f"c{place}@example.test")["id"] for place in range(230)]
    harness.lose()
    harness.reconciler.step(["customers"])
    for number in ids[:50]:
        harness.store.delete_customer(number)
        harness.store.sign_up(email=f"new{number}@example.test")
    harness.rescan_on("customers")
    assert _count(harness, records.c.kind == "customer", records.c.external_id.in_(ids[50:])) == 180


# Stores that do otherwise than they should


@pytest.mark.parametrize("kind", ["short-pages", "totals"])
def test_lists_with_a_wrong_length_are_read_whole(harness: Harness, kind: str) -> None:
    harness.store.place_orders(count=120, quiet=True)
    harness.store.add_fault(kind, times=0)
    harness.rescan()
    assert _count(harness, records.c.kind == "order") == 120


def test_an_endlessly_repeated_page_is_reported_and_skipped(
    harness: Harness,
) -> None:
    harness.store.place_orders(count=120, quiet=True)
    harness.store.add_fault("same-page", times=0)
    harness.rescan()
    assert _round(harness, "orders").error == "paging-ignored"
    assert _round(harness, "orders").due_at > harness.clock()
    assert _round(harness, "customers").error is None
    assert harness.pause() is None
    assert "reconciliation-failing" in harness.problems()


def test_a_status_that_the_store_lacks_has_an_empty_list(known: Harness) -> None:
    known.store.shop.statuses.discard("checkout-draft")
    number = known.paid_order()
    known.lose()
    known.reconcile()
    assert known.row("order", number)["state"] == "active"
    assert _round(known, "orders").error is None


# Quarantine


def test_quarantined_deliveries_without_an_id_need_a_round(known: Harness) -> None:
    known.receive(
        made("order.updated", {"code": "woocommerce_rest_cannot_view", "data": {"status": 403}})
    )
    assert "webhook-owner-lost-rights" in known.problems()
    known.advance(MINUTE)
    known.reconcile("changes")
    with known.runtime.database.read() as connection:
        assert connection.execute(select(quarantine.c.resolved_at)).scalar_one() is not None
    # What was missed is known, but the webhook still sends errors as far as anybody has heard.
    assert known.status()["stores"]["shop"]["quarantined"] == 0
    assert "webhook-owner-lost-rights" in known.problems()
    known.paid_order()
    known.come_to_rest()
    assert "webhook-owner-lost-rights" not in known.problems()


def test_a_missing_reconciliation_is_a_problem(known: Harness) -> None:
    known.reconcile()
    assert "reconciliation-late" not in known.problems()
    known.advance(timedelta(hours=1))
    assert "reconciliation-late" in known.problems()
    known.reconcile()
    assert "reconciliation-late" not in known.problems()


def test_a_suddenly_empty_list_holds_up_nothing(
    known: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = known.store.place_orders(count=60, quiet=True)
    known.reconcile()
    monkeypatch.setattr(records_module, "CHUNK", 25)
    for number in ids:
        known.store.delete_order(number)
    known.lose()
    with known.runtime.database.write() as connection:
        rounds.ask_for(connection, "shop", ["orders"], known.clock())
    marked = [0]
    while known.reconciler.step(["orders"]):
        marked.append(_count(known, records.c.reread_reason == "missing"))
    assert max(later - before for before, later in pairwise(marked)) <= 25
    assert marked[-1] == 60
    known.reconcile()
    assert _count(known, records.c.state == "gone") == 60


@ROLES
def test_a_shop_managers_key_requests_nothing_twice(harness: Harness) -> None:
    harness.store.sign_up(email="a@example.test")
    harness.paid_order()
    harness.reconcile()
    harness.advance(20 * MINUTE)
    harness.reconcile()
    since = len(harness.store.log.requests)
    harness.advance(20 * MINUTE)
    harness.reconcile()
    assert all("offset" in one for one in _asked(harness, since))
