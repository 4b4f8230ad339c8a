"""Implausible dates of orders and accounts, from the store to the ledger: activity, versions, and their correction."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hooks.intake.ingest import Result
from hooks.retention.facts import CustomerFacts
from tests.integration.harness import ON_SQLITE, Harness
from tests.support.recordings import customer, made, order

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def _account(harness: Harness, days: int = 400) -> int:
    """Create an account that signed up some days ago, and deliver it."""
    number = int(
        harness.store.sign_up(email=f"c{len(harness.store.shop.customers)}@example.test")["id"]
    )
    harness.store.shop.customers[number].date_created = harness.clock() - days * DAY
    harness.store.edit_customer(number)
    harness.come_to_rest()
    return number


def _facts(harness: Harness, kind: str, number: int) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(harness.row(kind, number)["facts"])
    return facts


def _last_order(harness: Harness, number: int) -> datetime | None:
    text = _facts(harness, "customer", number).get("last_order_at")
    return datetime.fromisoformat(text) if text else None


def _gmt(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def test_an_order_given_to_another_account_is_not_its_activity(harness: Harness) -> None:
    first, second = _account(harness), _account(harness)
    before = harness.row("customer", first)["delete_after"]
    number = int(harness.store.place_order(customer_id=first, set_paid=True)["id"])
    harness.come_to_rest()
    assert harness.row("customer", first)["delete_after"] > before
    harness.advance(SECOND)
    harness.store.edit_order(number, customer_id=second)
    harness.come_to_rest()
    assert harness.row("customer", first)["delete_after"] == before
    assert _last_order(harness, second) == harness.store.shop.orders[number].date_created.replace(
        microsecond=0
    )
    assert harness.held("customer", first) == harness.wanted("customer", first)


def test_an_earlier_order_of_the_first_account_counts_then(harness: Harness) -> None:
    first, second = _account(harness), _account(harness)
    earlier = int(harness.store.place_order(customer_id=first, at=harness.clock() - 30 * DAY)["id"])
    number = int(harness.store.place_order(customer_id=first)["id"])
    harness.come_to_rest()
    harness.advance(SECOND)
    harness.store.edit_order(number, customer_id=second)
    harness.come_to_rest()
    assert _last_order(harness, first) == harness.store.shop.orders[earlier].date_created.replace(
        microsecond=0
    )


def test_an_order_that_lost_its_customer_was_an_activity(harness: Harness) -> None:
    """The store removes the customer's number when an account is deleted or an order is made anonymous."""
    first = _account(harness)
    number = int(harness.store.place_order(customer_id=first)["id"])
    harness.come_to_rest()
    placed = _last_order(harness, first)
    assert placed is not None
    harness.advance(SECOND)
    harness.store.edit_order(number, customer_id=0)
    harness.come_to_rest()
    assert _last_order(harness, first) == placed
    assert (
        _facts(harness, "order", number)["former_customer_id"],
        harness.row("order", number)["customer_id"],
    ) == (
        first,
        first,
    )


@ON_SQLITE
def test_an_order_without_a_day_of_creation_is_no_activity_of_today(harness: Harness) -> None:
    """It counts from its payment. An edit by staff, or our own write, moves nothing."""
    number = _account(harness, days=365 * 7)
    placed = int(harness.store.place_order(customer_id=number, set_paid=True)["id"])
    paid_at = harness.clock() - 365 * 7 * DAY + DAY
    shown = {"date_created_gmt": None, "date_paid_gmt": _gmt(paid_at), "date_completed_gmt": None}
    harness.store.show_oddly("order", placed, **shown)
    for _ in range(3):
        harness.advance(DAY)
        harness.store.edit_order(placed, customer_note="ring twice")
        harness.come_to_rest()
        assert _last_order(harness, number) == paid_at.replace(microsecond=0)
        assert str(harness.row("order", placed)["runs_from"]) == f"{paid_at.year}-12-31"
    assert harness.row("customer", number)["delete_after"] < harness.clock().date()


@ON_SQLITE
def test_an_order_without_any_day_is_no_activity(harness: Harness) -> None:
    number = _account(harness)
    placed = int(harness.store.place_order(customer_id=number)["id"])
    harness.store.show_oddly(
        "order", placed, date_created_gmt=None, date_paid_gmt=None, date_completed_gmt=None
    )
    harness.come_to_rest()
    assert _last_order(harness, number) is None


@ON_SQLITE
@pytest.mark.parametrize("visit", ["9999999999", "4102444800", "1"])
def test_an_implausible_visit_keeps_no_account(visit: str, harness: Harness) -> None:
    """The visit is in the year 2286 or 2100, or at the start of Unix time."""
    number = _account(harness)
    before = harness.row("customer", number)["delete_after"]
    harness.store.edit_meta("customer", number, "wc_last_active", visit)
    harness.come_to_rest()
    assert harness.row("customer", number)["delete_after"] == before
    assert harness.problems() == {"implausible-dates"}
    harness.store.edit_meta(
        "customer", number, "wc_last_active", str(int(harness.clock().timestamp()))
    )
    harness.come_to_rest()
    assert harness.row("customer", number)["delete_after"] > before
    assert harness.problems() == set()


@ON_SQLITE
@pytest.mark.parametrize("name", ["last_active_at", "last_order_at"])
def test_a_refetch_corrects_a_date_of_an_earlier_version(name: str, harness: Harness) -> None:
    number = _account(harness)
    before = harness.row("customer", number)
    facts = json.loads(before["facts"]) | {name: "2998-01-01T00:00:00+00:00"}
    harness.edit_row(
        "customer", number, facts=json.dumps(facts, sort_keys=True, separators=(",", ":"))
    )
    harness.advance(DAY)
    harness.reconcile("customers")
    assert json.loads(harness.row("customer", number)["facts"]) == json.loads(before["facts"])
    assert harness.row("customer", number)["delete_after"] == before["delete_after"]


@ON_SQLITE
@pytest.mark.parametrize(
    "version", ["2647-01-01T00:00:00", "3268-05-05T00:00:00", "0782-01-01T00:00:00", "", None]
)
def test_no_version_of_a_far_year_makes_later_states_stale(
    version: str | None, harness: Harness
) -> None:
    """Neither such a state nor a later one is lost, also where the store continues to show that version."""
    number = harness.written_order()
    for note in ("one", "", "two"):
        harness.advance(DAY)
        harness.store.show_oddly("order", number, date_modified_gmt=version)
        harness.store.edit_order(number, customer_note=note)
        assert Result.STALE not in harness.deliver()
        harness.come_to_rest()
        assert ("note" in _facts(harness, "order", number).get("kinds", ())) is bool(note)
    harness.store.show_oddly("order", number)
    harness.advance(DAY)
    harness.store.complete_order(number)
    assert Result.STALE not in harness.deliver()
    harness.come_to_rest()
    assert _facts(harness, "order", number)["status"] == "completed"
    assert harness.problems() == set()


@ON_SQLITE
def test_an_implausible_version_in_an_old_ledger_is_dropped(
    harness: Harness,
) -> None:
    number = harness.written_order()
    far = datetime(2647, 1, 1, tzinfo=UTC)
    harness.edit_row("order", number, version=far, known_version=far)
    harness.advance(DAY)
    harness.store.complete_order(number)
    assert Result.STALE not in harness.deliver()
    harness.come_to_rest()
    assert _facts(harness, "order", number)["status"] == "completed"
    assert harness.row("order", number)["version"] <= harness.clock()
    assert harness.held("order", number) == harness.wanted("order", number)


@ON_SQLITE
@pytest.mark.parametrize(
    "created", [None, "0000-00-00T00:00:00", "2647-01-01T00:00:00", "1970-01-01T00:00:00"]
)
def test_an_account_without_a_sign_up_day_is_not_refetched_again(
    created: str | None, harness: Harness
) -> None:
    """It counts from its first sight, and no change moves that day."""
    number = _account(harness)
    harness.store.delete_customer(number)
    number = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.store.show_oddly("customer", number, date_created_gmt=created)
    harness.come_to_rest()
    row = harness.row("customer", number)
    assert (row["state"], row["reread_at"]) == ("active", None)
    for _ in range(2):
        harness.advance(30 * DAY)
        harness.store.edit_customer(number)
        harness.come_to_rest()
        assert harness.row("customer", number)["delete_after"] == row["delete_after"]


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
def test_unusual_shapes_are_accepted(kind: str, odd: dict[str, Any], harness: Harness) -> None:
    payload = order(9001, **odd) if kind == "order" else customer(8001, **odd)
    assert harness.receive(made(f"{kind}.updated", payload)) == Result.RECORDED
    number = int(payload["id"])
    assert harness.row(kind, number)["oddities"] == ""
    if "meta_data" in odd:
        assert "newsletter" in _facts(harness, kind, number)["kinds"]


@ON_SQLITE
@pytest.mark.parametrize("kind", ["order", "customer"])
@pytest.mark.parametrize("meta", ["a plugin was here", {"ws_opt_in": "no"}, {}, 5, [None], ["x"]])
def test_unreadable_meta_data_is_unknown_and_reported(
    kind: str, meta: Any, harness: Harness
) -> None:
    payload = order(9001, meta_data=meta) if kind == "order" else customer(8001, meta_data=meta)
    harness.receive(made(f"{kind}.updated", payload))
    row = harness.row(kind, int(payload["id"]))
    assert (row["oddities"], row["reread_reason"]) == ("meta-unreadable", "unreadable")
    assert harness.problems() == {"meta-unreadable"}


def test_an_unknown_account_has_no_day(harness: Harness) -> None:
    """Facts about an account that come from its orders are not taken for a sight of the account."""
    assert not CustomerFacts(last_order_at=harness.clock()).is_seen


@ON_SQLITE
@pytest.mark.parametrize("visit", ["9999999999", "1764150000000", "yesterday"])
def test_an_implausible_visit_does_not_replace_a_plausible_one(
    visit: str, harness: Harness
) -> None:
    """This holds for the delivery and for the store's answer: a value that is left out replaces nothing."""
    number = _account(harness, days=900)
    harness.store.visit(number)
    harness.store.edit_customer(number)
    harness.come_to_rest()
    before = harness.row("customer", number)["delete_after"]
    assert before > harness.clock().date() + 700 * DAY
    harness.advance(DAY)
    harness.store.edit_meta("customer", number, "wc_last_active", visit)
    harness.come_to_rest()
    harness.reconcile("customers")
    assert harness.row("customer", number)["delete_after"] == before
    assert "implausible-dates" in harness.problems()


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
def test_implausible_days_of_an_old_ledger_go_with_the_next_refetch(
    lacking: tuple[str, ...], old: dict[str, str], harness: Harness
) -> None:
    number = int(harness.store.place_order(set_paid=True)["id"])
    harness.store.show_oddly("order", number, **{f"date_{name}_gmt": None for name in lacking})
    harness.come_to_rest()
    before = harness.row("order", number)
    facts = json.dumps(json.loads(before["facts"]) | old, sort_keys=True, separators=(",", ":"))
    harness.edit_row("order", number, facts=facts)
    for _ in range(2):
        harness.advance(DAY)
        harness.reconcile("orders")
    assert harness.row("order", number)["delete_after"] == before["delete_after"]
    assert harness.problems() <= {"reconciliation-late"}


@ON_SQLITE
def test_a_creation_day_that_a_save_stamps_moves_nothing(
    harness: Harness,
) -> None:
    number = _account(harness, days=365 * 7)
    placed = int(harness.store.place_order(customer_id=number, set_paid=True)["id"])
    paid_at = harness.clock() - 365 * 7 * DAY + DAY
    days = {"date_paid_gmt": _gmt(paid_at), "date_completed_gmt": None}
    harness.store.show_oddly("order", placed, date_created_gmt=None, **days)
    harness.come_to_rest()
    before = harness.row("order", placed)["delete_after"]
    harness.advance(30 * DAY)
    harness.store.show_oddly("order", placed, date_created_gmt=_gmt(harness.clock()), **days)
    harness.store.edit_order(placed, customer_note="ring twice")
    harness.come_to_rest()
    assert harness.row("order", placed)["delete_after"] == before
    assert _last_order(harness, number) == paid_at.replace(microsecond=0)
    harness.advance(DAY)
    harness.reconcile(
        "orders"
    )  # the last state was shown within its second, and is looked at once more
    for _ in range(2):
        harness.advance(DAY)
        harness.rescan("orders")
        row = harness.row("order", placed)
        assert (row["reread_at"], row["reread_reason"]) == (None, None)
