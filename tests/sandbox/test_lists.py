"""The content, order and counts of lists."""

from typing import Any

import pytest
import requests

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from deploy.sandbox.ids import Ids
from tests.sandbox.conftest import Client
from tests.sandbox.replay import recorded

STATUSES = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "failed",
    "checkout-draft",
)


def _ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()]


@pytest.fixture
def orders(store: SandboxStore) -> dict[str, int]:
    """One order of each status, and one in the trash, a minute apart."""
    order_ids = {}
    for status in STATUSES:
        order_ids[status] = store.place_order(status=status)["id"]
        store.advance_clock(60)
    order_ids["trash"] = store.place_order()["id"]
    store.trash_order(order_ids["trash"])
    return order_ids


@pytest.mark.parametrize(
    ("asked", "left_out"),
    [
        # Without the parameter, `any` is meant.
        ({}, {"trash", "checkout-draft"}),
        ({"status": "any"}, {"trash", "checkout-draft"}),
        # Naming them beside `any` has no effect.
        ({"status": "any,trash,checkout-draft"}, {"trash", "checkout-draft"}),
        ({"status": "trash"}, {*STATUSES}),
        ({"status": "checkout-draft,trash"}, {*STATUSES} - {"checkout-draft"}),
        ({"status[0]": "trash", "status[1]": "pending"}, {*STATUSES} - {"pending"}),
    ],
)
def test_lists_by_status(
    api: Any, orders: dict[str, int], asked: dict[str, str], left_out: set[str]
) -> None:
    expected = {order_id for status, order_id in orders.items() if status not in left_out}
    assert set(_ids(api.get("orders", params=asked))) == expected


def test_the_status_of_a_plugin_can_be_listed(api: Any, store: SandboxStore) -> None:
    order = store.place_order(status="partially-shipped")
    assert _ids(api.get("orders", params={"status": "partially-shipped"})) == [order["id"]]
    assert api.get("orders", params={"status": "unheard-of"}).status_code == 400


@pytest.mark.parametrize(
    ("params", "items", "total", "pages"),
    [
        ({}, 10, "25", "3"),
        ({"per_page": 100}, 25, "25", "1"),
        ({"per_page": 10, "page": 3}, 5, "25", "3"),
        # After the last page: an empty list with counts of 0.
        ({"per_page": 10, "page": 4}, 0, "0", "0"),
    ],
)
def test_pages_of_a_list(
    api: Any, store: SandboxStore, params: Any, items: int, total: str, pages: str
) -> None:
    for _ in range(25):
        store.place_order()
    answer = api.get("orders", params=params)
    assert len(answer.json()) == items
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == (total, pages)


@pytest.mark.parametrize(
    ("params", "named", "code"),
    [
        ({"per_page": 101}, "per_page", "rest_out_of_bounds"),
        ({"per_page": 0}, "per_page", "rest_out_of_bounds"),
        ({"per_page": "many"}, "per_page", "rest_invalid_type"),
        ({"page": 0}, "page", "rest_out_of_bounds"),
        ({"orderby": "colour"}, "orderby", "rest_not_in_enum"),
        ({"order": "up"}, "order", "rest_not_in_enum"),
        ({"status": "unheard-of"}, "status", "rest_not_in_enum"),
        ({"modified_after": "yesterday"}, "modified_after", "rest_invalid_date"),
        ({"include": "1,two"}, "include", "rest_invalid_type"),
    ],
)
def test_parameters_out_of_bounds_are_refused(api: Any, params: Any, named: str, code: str) -> None:
    answer = api.get("orders", params=params)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["code"], body["message"]) == (
        "rest_invalid_param",
        f"Invalid parameter(s): {named}",
    )
    assert body["data"]["details"][named]["code"] == code


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # The order was changed at 11:10:00 GMT, when the wall in Oslo said 12:10:00. Bounds are exclusive.
        ({"modified_after": "2026-11-22T11:09:59", "dates_are_gmt": True}, 1),
        ({"modified_after": "2026-11-22T11:10:00", "dates_are_gmt": True}, 0),
        ({"modified_before": "2026-11-22T11:10:01", "dates_are_gmt": True}, 1),
        ({"modified_before": "2026-11-22T11:10:00", "dates_are_gmt": True}, 0),
        # Without this parameter, it is the shop's local time.
        ({"modified_after": "2026-11-22T12:09:59"}, 1),
        ({"modified_after": "2026-11-22T12:10:00"}, 0),
        ({"modified_after": "2026-11-22T12:09:59", "dates_are_gmt": True}, 0),
        # Created at 11:00:00 GMT.
        ({"after": "2026-11-22T10:59:59", "dates_are_gmt": True}, 1),
        ({"after": "2026-11-22T11:00:00", "dates_are_gmt": True}, 0),
        ({"before": "2026-11-22T12:00:01"}, 1),
        ({"before": "2026-11-22T12:00:00"}, 0),
    ],
)
def test_lists_by_date(api: Any, store: SandboxStore, params: Any, expected: int) -> None:
    order = store.place_order()
    store.advance_clock(600)
    store.edit_order(order["id"])
    assert len(_ids(api.get("orders", params=params))) == expected


def test_the_last_of_repeated_parameters_counts(store: SandboxStore) -> None:
    first, second = store.place_order()["id"], store.place_order()["id"]
    key = store.create_key()
    store.options = StoreOptions(assume_https=True)
    url = f"{store.url}/wp-json/wc/v3/orders?include={first}&include={second}"
    answer = requests.get(url, auth=(key["consumer_key"], key["consumer_secret"]), timeout=5)
    assert _ids(answer) == [second]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, [2, 1, 0]),
        ({"order": "asc"}, [0, 1, 2]),
        ({"orderby": "id", "order": "asc"}, [0, 1, 2]),
        # The oldest order was changed last.
        ({"orderby": "modified", "order": "asc"}, [1, 2, 0]),
        ({"orderby": "modified"}, [0, 2, 1]),
        ({"include": "{2},{0}", "orderby": "include"}, [2, 0]),
        ({"include": "{2},{0}", "orderby": "id", "order": "asc"}, [0, 2]),
        ({"exclude": "{1}"}, [2, 0]),
        ({"customer": "1"}, [1]),
    ],
)
def test_lists_are_sorted_and_filtered(
    api: Any, store: SandboxStore, params: Any, expected: list[int]
) -> None:
    order_ids = []
    for customer_id in (0, 1, 0):
        order_ids.append(store.place_order(customer_id=customer_id)["id"])
        store.advance_clock(1)
    store.edit_order(order_ids[0])
    given = {name: value.format(*order_ids) for name, value in params.items()}
    assert _ids(api.get("orders", params=given)) == [order_ids[place] for place in expected]


def test_fields_come_in_the_records_own_order(api: Any, store: SandboxStore) -> None:
    store.place_order()
    answer = api.get("orders", params={"_fields": "refunds,meta_data,id,unheard_of"})
    assert [list(order) for order in answer.json()] == [["id", "meta_data", "refunds"]]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # Only customers, by name.
        ({}, ["anna", "kari"]),
        ({"role": "all"}, ["admin", "anna", "kari", "staff"]),
        ({"role": "shop_manager"}, ["staff"]),
        ({"role": "all", "orderby": "id"}, ["admin", "kari", "anna", "staff"]),
        (
            {"role": "all", "orderby": "registered_date", "order": "desc"},
            ["staff", "anna", "kari", "admin"],
        ),
        ({"role": "all", "include": "{staff},{kari}", "orderby": "include"}, ["staff", "kari"]),
        ({"email": "anna@example.test"}, ["anna"]),
        ({"per_page": 1, "page": 2}, ["kari"]),
    ],
)
def test_lists_of_customers(
    api: Any, store: SandboxStore, params: Any, expected: list[str]
) -> None:
    ids = {"admin": 1}
    for name in ("kari", "anna"):
        store.advance_clock(60)
        made = store.sign_up(email=f"{name}@example.test", username=name, first_name=name.title())
        ids[name] = made["id"]
    store.advance_clock(60)
    ids["staff"] = store.make_account("staff@example.test", "shop_manager")["id"]
    given = {
        key: value.format(**ids) if isinstance(value, str) else value
        for key, value in params.items()
    }
    answer = api.get("customers", params=given)
    assert [customer["username"] for customer in answer.json()] == expected


def test_the_recorded_list_of_modified_orders() -> None:
    """The recording is of a shop with 114 orders, of which the first three had been tagged."""
    expected = recorded("rest", "orders-modified-after")
    store = SandboxStore(StoreOptions(assume_https=True, sending=SendingOptions(autosend=False)))
    store.shop.post_ids, store.shop.order_meta_ids = Ids(23), Ids(232)
    store.freeze_clock("2026-11-22T07:42:11Z")
    placed = [
        store.place_order(line_items=[{"product_id": 10}], set_paid=True)["id"] for _ in range(114)
    ]
    store.set_clock("2026-11-22T07:42:43Z")
    tags = {"retention_class": "orders-accounting", "retention_delete_after": "2031-11-17"}
    for order_id in placed:
        store.edit_order(
            order_id, meta_data=[{"key": key, "value": value} for key, value in tags.items()]
        )
    request = expected["request"]
    with serving(store) as address:
        key = store.create_key()
        url = f"{address}{request['path']}?{'&'.join(request['query'])}"
        answer = requests.get(url, auth=(key["consumer_key"], key["consumer_secret"]), timeout=5)
    assert answer.json() == expected["response"]["body"]
    assert dict(answer.headers).items() >= expected["response"]["headers"].items()


def test_a_head_request_counts_without_a_body(store: SandboxStore) -> None:
    store.place_order()
    key = store.create_key()
    store.options = StoreOptions(assume_https=True)
    pair = (key["consumer_key"], key["consumer_secret"])
    answer = requests.head(f"{store.url}/wp-json/wc/v3/orders", auth=pair, timeout=5)
    assert (answer.status_code, answer.headers["X-WP-Total"], answer.text) == (200, "1", "")


def test_a_client_can_see_the_shops_clock_and_zone(client: Client, store: SandboxStore) -> None:
    answer = requests.get(f"{store.url}/wp-json/", timeout=5)
    assert answer.headers["Date"] == "Sun, 22 Nov 2026 11:00:00 GMT"
    body = answer.json()
    assert (body["timezone_string"], body["gmt_offset"]) == ("Europe/Oslo", 1)
    assert "wc/v3" in body["namespaces"]
    assert client().get("orders").headers["Date"] == "Sun, 22 Nov 2026 11:00:00 GMT"


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "products"), ("get", "orders/first"), ("put", "orders"), ("delete", "webhooks")],
)
def test_an_unknown_route_is_not_found(api: Any, method: str, path: str) -> None:
    answer = api.put(path, {}) if method == "put" else getattr(api, method)(path)
    message = "No route was found matching the URL and request method."
    assert answer.status_code == 404
    assert answer.json() == {"code": "rest_no_route", "message": message, "data": {"status": 404}}
