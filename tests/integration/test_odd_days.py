"""Odd days of orders and accounts, from the store to the ledger: activity, versions, and what takes them back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hooks.intake.ingest import Result
from hooks.retention.facts import CustomerFacts
from tests.integration.desk import ON_SQLITE, Desk
from tests.support.recordings import customer, made, order

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def _account(desk: Desk, days: int = 400) -> int:
    """An account that signed up some days ago, known to the ledger."""
    number = int(desk.store.sign_up(email=f"c{len(desk.store.shop.customers)}@example.test")["id"])
    desk.store.shop.customers[number].date_created = desk.clock() - days * DAY
    desk.store.edit_customer(number)
    desk.come_to_rest()
    return number


def _facts(desk: Desk, kind: str, number: int) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(desk.row(kind, number)["facts"])
    return facts


def _last_order(desk: Desk, number: int) -> datetime | None:
    text = _facts(desk, "customer", number).get("last_order_at")
    return datetime.fromisoformat(text) if text else None


def _gmt(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def test_the_account_of_an_order_that_is_given_to_another_falls_back(desk: Desk) -> None:
    first, second = _account(desk), _account(desk)
    before = desk.row("customer", first)["delete_after"]
    number = int(desk.store.place_order(customer_id=first, set_paid=True)["id"])
    desk.come_to_rest()
    assert desk.row("customer", first)["delete_after"] > before
    desk.advance(SECOND)
    desk.store.edit_order(number, customer_id=second)
    desk.come_to_rest()
    assert desk.row("customer", first)["delete_after"] == before
    assert _last_order(desk, second) == desk.store.shop.orders[number].date_created.replace(
        microsecond=0
    )
    assert desk.held("customer", first) == desk.wanted("customer", first)


def test_an_earlier_order_of_that_account_counts_then(desk: Desk) -> None:
    first, second = _account(desk), _account(desk)
    earlier = int(desk.store.place_order(customer_id=first, at=desk.clock() - 30 * DAY)["id"])
    number = int(desk.store.place_order(customer_id=first)["id"])
    desk.come_to_rest()
    desk.advance(SECOND)
    desk.store.edit_order(number, customer_id=second)
    desk.come_to_rest()
    assert _last_order(desk, first) == desk.store.shop.orders[earlier].date_created.replace(
        microsecond=0
    )


def test_an_order_that_is_nobodys_now_was_its_customers_activity(desk: Desk) -> None:
    """The store takes the number away where an account is deleted or an order is made anonymous."""
    first = _account(desk)
    number = int(desk.store.place_order(customer_id=first)["id"])
    desk.come_to_rest()
    placed = _last_order(desk, first)
    assert placed is not None
    desk.advance(SECOND)
    desk.store.edit_order(number, customer_id=0)
    desk.come_to_rest()
    assert _last_order(desk, first) == placed
    assert (
        _facts(desk, "order", number)["former_customer_id"],
        desk.row("order", number)["customer_id"],
    ) == (
        first,
        first,
    )


@ON_SQLITE
def test_an_order_without_a_day_of_creation_is_no_activity_of_today(desk: Desk) -> None:
    """It counts as of its payment; that staff change it, and that we write to it, moves nothing."""
    number = _account(desk, days=365 * 7)
    placed = int(desk.store.place_order(customer_id=number, set_paid=True)["id"])
    paid_at = desk.clock() - 365 * 7 * DAY + DAY
    shown = {"date_created_gmt": None, "date_paid_gmt": _gmt(paid_at), "date_completed_gmt": None}
    desk.store.show_oddly("order", placed, **shown)
    for _ in range(3):
        desk.advance(DAY)
        desk.store.edit_order(placed, customer_note="ring twice")
        desk.come_to_rest()
        assert _last_order(desk, number) == paid_at.replace(microsecond=0)
        assert str(desk.row("order", placed)["runs_from"]) == f"{paid_at.year}-12-31"
    assert desk.row("customer", number)["delete_after"] < desk.clock().date()


@ON_SQLITE
def test_an_order_without_any_day_is_no_activity(desk: Desk) -> None:
    number = _account(desk)
    placed = int(desk.store.place_order(customer_id=number)["id"])
    desk.store.show_oddly(
        "order", placed, date_created_gmt=None, date_paid_gmt=None, date_completed_gmt=None
    )
    desk.come_to_rest()
    assert _last_order(desk, number) is None


@ON_SQLITE
@pytest.mark.parametrize("visit", ["9999999999", "4102444800", "1"])
def test_a_visit_that_makes_no_sense_keeps_no_account(visit: str, desk: Desk) -> None:
    """In the year 2286, 2100, and at the beginning of computers."""
    number = _account(desk)
    before = desk.row("customer", number)["delete_after"]
    desk.store.edit_meta("customer", number, "wc_last_active", visit)
    desk.come_to_rest()
    assert desk.row("customer", number)["delete_after"] == before
    assert desk.problems() == {"implausible-dates"}
    desk.store.edit_meta("customer", number, "wc_last_active", str(int(desk.clock().timestamp())))
    desk.come_to_rest()
    assert desk.row("customer", number)["delete_after"] > before
    assert desk.problems() == set()


@ON_SQLITE
@pytest.mark.parametrize("name", ["last_active_at", "last_order_at"])
def test_a_reading_of_the_store_takes_back_what_an_earlier_version_believed(
    name: str, desk: Desk
) -> None:
    number = _account(desk)
    before = desk.row("customer", number)
    facts = json.loads(before["facts"]) | {name: "2998-01-01T00:00:00+00:00"}
    desk.edit_row(
        "customer", number, facts=json.dumps(facts, sort_keys=True, separators=(",", ":"))
    )
    desk.advance(DAY)
    desk.reconcile("customers")
    assert json.loads(desk.row("customer", number)["facts"]) == json.loads(before["facts"])
    assert desk.row("customer", number)["delete_after"] == before["delete_after"]


@ON_SQLITE
@pytest.mark.parametrize(
    "version", ["2647-01-01T00:00:00", "3268-05-05T00:00:00", "0782-01-01T00:00:00", "", None]
)
def test_no_version_of_a_far_year_makes_later_states_stale(version: str | None, desk: Desk) -> None:
    """Neither such a state nor one after it is lost, also where the store goes on to show that version."""
    number = desk.written_order()
    for note in ("one", "", "two"):
        desk.advance(DAY)
        desk.store.show_oddly("order", number, date_modified_gmt=version)
        desk.store.edit_order(number, customer_note=note)
        assert Result.STALE not in desk.deliver()
        desk.come_to_rest()
        assert ("note" in _facts(desk, "order", number).get("kinds", ())) is bool(note)
    desk.store.show_oddly("order", number)
    desk.advance(DAY)
    desk.store.complete_order(number)
    assert Result.STALE not in desk.deliver()
    desk.come_to_rest()
    assert _facts(desk, "order", number)["status"] == "completed"
    assert desk.problems() == set()


@ON_SQLITE
def test_a_version_that_an_earlier_version_of_this_service_believed_is_given_up(desk: Desk) -> None:
    number = desk.written_order()
    far = datetime(2647, 1, 1, tzinfo=UTC)
    desk.edit_row("order", number, version=far, known_version=far)
    desk.advance(DAY)
    desk.store.complete_order(number)
    assert Result.STALE not in desk.deliver()
    desk.come_to_rest()
    assert _facts(desk, "order", number)["status"] == "completed"
    assert desk.row("order", number)["version"] <= desk.clock()
    assert desk.held("order", number) == desk.wanted("order", number)


@ON_SQLITE
@pytest.mark.parametrize(
    "created", [None, "0000-00-00T00:00:00", "2647-01-01T00:00:00", "1970-01-01T00:00:00"]
)
def test_an_account_without_a_day_of_sign_up_is_taken_and_asked_about_no_more(
    created: str | None, desk: Desk
) -> None:
    """It counts from when it was first seen, and no change moves that."""
    number = _account(desk)
    desk.store.delete_customer(number)
    number = int(desk.store.sign_up(email="kari@example.test")["id"])
    desk.store.show_oddly("customer", number, date_created_gmt=created)
    desk.come_to_rest()
    row = desk.row("customer", number)
    assert (row["state"], row["reread_at"]) == ("active", None)
    for _ in range(2):
        desk.advance(30 * DAY)
        desk.store.edit_customer(number)
        desk.come_to_rest()
        assert desk.row("customer", number)["delete_after"] == row["delete_after"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        ("order", {"meta_data": {"0": {"id": 1, "key": "ws_opt_in", "value": "yes"}}}),
        ("order", {"refunds": {"1": {"id": 9, "reason": "", "total": "-5.00"}}}),
        ("order", {"customer_id": ""}),
        ("order", {"customer_id": None}),
        ("order", {"billing": []}),
        ("order", {"shipping": [], "shipping_lines": {"0": {"id": 1, "method_id": "flat_rate"}}}),
        ("customer", {"meta_data": {"0": {"id": 1, "key": "ws_opt_in", "value": "yes"}}}),
    ],
)
def test_odd_shapes_are_taken(kind: str, odd: dict[str, Any], desk: Desk) -> None:
    payload = order(9001, **odd) if kind == "order" else customer(8001, **odd)
    assert desk.receive(made(f"{kind}.updated", payload)) == Result.RECORDED
    number = int(payload["id"])
    assert desk.row(kind, number)["oddities"] == ""
    if "meta_data" in odd:
        assert "newsletter" in _facts(desk, kind, number)["kinds"]


@ON_SQLITE
@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("meta", ["a plugin was here", {"ws_opt_in": "no"}, {}, 5, [None], ["x"]])
def test_meta_data_that_cannot_be_read_is_unknown_and_named(
    kind: str, meta: Any, desk: Desk
) -> None:
    payload = order(9001, meta_data=meta) if kind == "order" else customer(8001, meta_data=meta)
    desk.receive(made(f"{kind}.updated", payload))
    row = desk.row(kind, int(payload["id"]))
    assert (row["oddities"], row["reread_reason"]) == ("meta-unreadable", "unreadable")
    assert desk.problems() == {"meta-unreadable"}


def test_an_unknown_account_has_no_day(desk: Desk) -> None:
    """What is known of an account from its orders alone is not taken for a sight of it."""
    assert not CustomerFacts(last_order_at=desk.clock()).is_seen


@ON_SQLITE
@pytest.mark.parametrize("visit", ["9999999999", "1764150000000", "yesterday"])
def test_a_visit_that_makes_no_sense_takes_back_none_that_did(visit: str, desk: Desk) -> None:
    """Neither the delivery nor the answer of the store: what is left out replaces nothing."""
    number = _account(desk, days=900)
    desk.store.visit(number)
    desk.store.edit_customer(number)
    desk.come_to_rest()
    before = desk.row("customer", number)["delete_after"]
    assert before > desk.clock().date() + 700 * DAY
    desk.advance(DAY)
    desk.store.edit_meta("customer", number, "wc_last_active", visit)
    desk.come_to_rest()
    desk.reconcile("customers")
    assert desk.row("customer", number)["delete_after"] == before
    assert "implausible-dates" in desk.problems()


@ON_SQLITE
@pytest.mark.parametrize(
    ("lacking", "old"),
    [
        # Days that an earlier version of this service took in, where the store shows another, and where it shows none.
        ((), {"paid_at": "2647-01-01T00:00:00+00:00"}),
        (("paid",), {"paid_at": "2647-01-01T00:00:00+00:00"}),
        ((), {"completed_at": "1970-01-01T00:00:00+00:00"}),
        (("paid", "completed"), {"completed_at": "2998-01-01T00:00:00+00:00"}),
        ((), {"created_at": "1970-01-01T00:00:00+00:00"}),
        (("created",), {"created_at": "1970-01-01T00:00:00+00:00"}),
        (("created", "paid", "completed"), {"created_at": "2647-01-01T00:00:00+00:00"}),
    ],
)
def test_days_of_an_older_ledger_that_make_no_sense_go_with_the_next_reading(
    lacking: tuple[str, ...], old: dict[str, str], desk: Desk
) -> None:
    number = int(desk.store.place_order(set_paid=True)["id"])
    desk.store.show_oddly("order", number, **{f"date_{name}_gmt": None for name in lacking})
    desk.come_to_rest()
    before = desk.row("order", number)
    facts = json.dumps(json.loads(before["facts"]) | old, sort_keys=True, separators=(",", ":"))
    desk.edit_row("order", number, facts=facts)
    for _ in range(2):
        desk.advance(DAY)
        desk.reconcile("orders")
    assert desk.row("order", number)["delete_after"] == before["delete_after"]
    assert desk.problems() <= {"reconciliation-late"}


@ON_SQLITE
def test_a_day_of_creation_that_a_save_stamps_moves_nothing_and_is_asked_about_once(
    desk: Desk,
) -> None:
    number = _account(desk, days=365 * 7)
    placed = int(desk.store.place_order(customer_id=number, set_paid=True)["id"])
    paid_at = desk.clock() - 365 * 7 * DAY + DAY
    days = {"date_paid_gmt": _gmt(paid_at), "date_completed_gmt": None}
    desk.store.show_oddly("order", placed, date_created_gmt=None, **days)
    desk.come_to_rest()
    before = desk.row("order", placed)["delete_after"]
    desk.advance(30 * DAY)
    desk.store.show_oddly("order", placed, date_created_gmt=_gmt(desk.clock()), **days)
    desk.store.edit_order(placed, customer_note="ring twice")
    desk.come_to_rest()
    assert desk.row("order", placed)["delete_after"] == before
    assert _last_order(desk, number) == paid_at.replace(microsecond=0)
    desk.advance(DAY)
    desk.reconcile(
        "orders"
    )  # the last state was shown within its second, and is looked at once more
    for _ in range(2):
        desk.advance(DAY)
        desk.rescan("orders")
        row = desk.row("order", placed)
        assert (row["reread_at"], row["reread_reason"]) == (None, None)
