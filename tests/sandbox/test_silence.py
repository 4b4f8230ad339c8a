"""Changes that a store does not show: silent refunds, orders that lists leave out, parts of fields."""

from typing import Any

import pytest
import requests

from deploy.sandbox import SandboxStore
from tests.sandbox.receiver import Receiver

SWEATER: dict[str, Any] = {"line_items": [{"product_id": 10}]}


@pytest.fixture
def order(store: SandboxStore) -> int:
    """A paid order whose deliveries are already sent."""
    made = int(store.place_order(**SWEATER, set_paid=True)["id"])
    store.advance_clock(60)
    return made


def _ids(api: Any, **params: Any) -> list[int]:
    answer = api.get("orders", params=params)
    assert answer.status_code == 200, answer.text
    return sorted(one["id"] for one in answer.json())


def _refund_silently(store: SandboxStore, api: Any, order: int) -> None:
    store.refund_order(order, "100.00", silent=True)


def _refund_all_silently(store: SandboxStore, api: Any, order: int) -> None:
    store.refund_order(order, "1299.00", silent=True)


def _delete_refund(store: SandboxStore, api: Any, order: int) -> None:
    store.delete_refund(order, api.get(f"orders/{order}").json()["refunds"][0]["id"])


def _delete_refund_over_rest(store: SandboxStore, api: Any, order: int) -> None:
    refund = api.get(f"orders/{order}").json()["refunds"][0]["id"]
    assert (
        api.delete(f"orders/{order}/refunds/{refund}", params={"force": True}).json()["id"]
        == refund
    )


@pytest.mark.parametrize(
    ("before", "act", "refunds"),
    [
        # A gateway refunds a part, or everything.
        (False, _refund_silently, 1),
        (False, _refund_all_silently, 1),
        # Staff delete a refund in wp-admin; a plugin does over REST.
        (True, _delete_refund, 0),
        (True, _delete_refund_over_rest, 0),
    ],
)
def test_refunds_that_do_not_change_the_modified_date(
    api: Any,
    store: SandboxStore,
    subscribed: Receiver,
    order: int,
    before: bool,
    act: Any,
    refunds: int,
) -> None:
    if before:
        store.refund_order(order, "100.00")
    store.send_deliveries()
    delivery_count, order_before = len(subscribed.deliveries), api.get(f"orders/{order}").json()
    store.advance_clock(60)
    act(store, api, order)
    store.send_deliveries()
    shown = api.get(f"orders/{order}").json()
    assert len(shown.pop("refunds")) == refunds
    assert shown == {name: value for name, value in order_before.items() if name != "refunds"}
    assert len(subscribed.deliveries) == delivery_count


def test_a_refund_has_no_trash_and_belongs_to_its_order(
    api: Any, store: SandboxStore, order: int
) -> None:
    refund = store.refund_order(order, "100.00")["id"]
    other = store.place_order()["id"]
    assert (
        api.delete(f"orders/{order}/refunds/{refund}", params={"force": False}).status_code == 501
    )
    assert api.delete(f"orders/{other}/refunds/{refund}", params={"force": True}).status_code == 404
    assert api.get(f"orders/{order}/refunds/{refund}").status_code == 200


@pytest.mark.parametrize("operation", ["refund_order", "delete_refund"])
def test_silent_changes_are_control_operations(
    store: SandboxStore, order: int, operation: str
) -> None:
    refund = store.refund_order(order, "100.00")["id"]
    given = {
        "refund_order": {"amount": "1.00", "silent": True},
        "delete_refund": {"refund_id": refund},
    }[operation]
    answer = requests.post(
        f"{store.url}/sandbox/{operation}", json={"order_id": order, **given}, timeout=10
    )
    assert answer.status_code == 200, answer.text
    assert len(store.order_state(store.shop.order(order))["refunds"]) == (
        2 if operation == "refund_order" else 0
    )


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        # A part of each refund, in the record's own order.
        ("refunds.id,id", {"id", "refunds.id"}),
        ("refunds.total,refunds.id", {"refunds.id", "refunds.total"}),
        # If the whole field is named beside a part, the whole is shown.
        (
            "refunds,refunds.id",
            {"refunds.id", "refunds.reason", "refunds.total", "refunds.total_tax"},
        ),
        # A part of an address, which is an object.
        ("billing.email", {"billing.email"}),
        ("billing.unheard_of,id", {"id", "billing"}),
    ],
)
def test_parts_of_fields_can_be_requested(
    api: Any, store: SandboxStore, order: int, fields: str, shown: set[str]
) -> None:
    store.refund_order(order, "100.00", "Too small")
    for row in (
        api.get(f"orders/{order}", params={"_fields": fields}),
        api.get("orders", params={"_fields": fields}),
    ):
        body = row.json() if isinstance(row.json(), dict) else row.json()[0]
        assert set(_paths(body)) == shown


def _paths(body: dict[str, Any]) -> list[str]:
    paths = []
    for name, value in body.items():
        inner = value[0] if isinstance(value, list) else value
        paths += (
            [f"{name}.{part}" for part in inner] if isinstance(inner, dict) and inner else [name]
        )
    return paths


@pytest.mark.parametrize(
    ("habit", "shown"),
    [
        ("absent", {"id"}),
        ("empty", {"id", "refunds"}),
    ],
)
def test_a_store_may_ignore_parts_of_refunds(
    api: Any, store: SandboxStore, order: int, habit: str, shown: set[str]
) -> None:
    store.refund_order(order, "100.00")
    store.set_habits(shallow_fields=habit)
    listed = api.get("orders", params={"_fields": "id,refunds.id"}).json()[0]
    assert set(listed) == shown
    assert not listed.get("refunds")
    assert len(api.get("orders", params={"_fields": "id,refunds"}).json()[0]["refunds"]) == 1
    assert len(api.get(f"orders/{order}", params={"_fields": "id,refunds"}).json()["refunds"]) == 1


@pytest.mark.parametrize(
    ("habit", "included"),
    [
        # `include` finds what lists leave out.
        ("unlisted", True),
        # Only its own address finds it.
        ("hidden", False),
    ],
)
def test_lists_leave_out_some_orders(
    api: Any, store: SandboxStore, order: int, habit: str, included: bool
) -> None:
    other = store.place_order()["id"]
    store.set_habits(**{habit: [order]})
    assert _ids(api) == _ids(api, status="any", orderby="id", offset=0) == [other]
    assert _ids(api, status="processing") == []
    assert _ids(api, include=f"{order},{other}") == ([order, other] if included else [other])
    assert api.get(f"orders/{order}").status_code == 200


def test_an_order_with_an_unregistered_status(api: Any, store: SandboxStore) -> None:
    order = store.place_order(status="partially-shipped")["id"]
    trashed = store.place_order()["id"]
    store.trash_order(trashed)
    store.shop.statuses.discard("partially-shipped")
    assert _ids(api) == []
    assert api.get("orders", params={"status": "partially-shipped"}).status_code == 400
    assert _ids(api, include=f"{order},{trashed}") == [order]
    assert api.get(f"orders/{order}").json()["status"] == "partially-shipped"
