"""Habits of other shops' stores: closed records, refused methods, text before the JSON."""

import json
from typing import Any

import pytest
import requests

from deploy.sandbox import SandboxStore
from tests.sandbox.conftest import Client

TAGS = {"meta_data": [{"key": "note", "value": "x"}]}


def _code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@pytest.fixture
def closed(store: SandboxStore) -> dict[str, int]:
    """A closed order and a closed customer, and an open one of each."""
    orders = [store.place_order(set_paid=True)["id"] for _ in range(2)]
    customers = [store.sign_up(email=f"{name}@example.test")["id"] for name in "ab"]
    store.set_habits(closed=[f"order:{orders[0]}", f"customer:{customers[0]}"])
    return {
        "orders": orders[0],
        "orders/open": orders[1],
        "customers": customers[0],
        "customers/open": customers[1],
    }


@pytest.mark.parametrize("resource", ["orders", "customers"])
def test_a_closed_record_is_refused_and_others_are_not(
    api: Any, closed: dict[str, int], resource: str
) -> None:
    place, there = f"{resource}/{closed[resource]}", f"{resource}/{closed[resource + '/open']}"
    assert _code(api.get(place)) == (403, "woocommerce_rest_cannot_view")
    assert _code(api.post(place, TAGS)) == (403, "woocommerce_rest_cannot_edit")
    assert _code(api.put(place, TAGS)) == (403, "woocommerce_rest_cannot_edit")
    assert _code(api.delete(place, params={"force": True})) == (403, "woocommerce_rest_cannot_edit")
    assert api.get(there).status_code == api.post(there, TAGS).status_code == 200


@pytest.mark.parametrize("resource", ["orders", "customers"])
def test_lists_leave_a_closed_record_out(api: Any, closed: dict[str, int], resource: str) -> None:
    ids = [closed[resource], closed[resource + "/open"]]
    for params in ({"role": "all"}, {"include": ",".join(map(str, ids)), "role": "all"}):
        shown = [row["id"] for row in api.get(resource, params=params).json()]
        assert closed[resource] not in shown
        assert closed[resource + "/open"] in shown


@pytest.mark.parametrize("resource", ["orders", "customers"])
def test_a_batch_has_the_refusal_inside_its_item(
    api: Any, closed: dict[str, int], resource: str
) -> None:
    items = [{"id": closed[name], **TAGS} for name in (resource, f"{resource}/open")]
    refused, done = api.post(f"{resource}/batch", {"update": items}).json()["update"]
    assert refused["error"]["data"]["status"] == 403
    assert (done["id"], "error" in done) == (closed[f"{resource}/open"], False)


def test_the_refunds_of_a_closed_order_are_closed_too(api: Any, closed: dict[str, int]) -> None:
    assert _code(api.get(f"orders/{closed['orders']}/refunds"))[0] == 403
    assert api.get(f"orders/{closed['orders/open']}/refunds").status_code == 200


@pytest.mark.parametrize("refusal", [405, 501])
def test_refused_methods_get_html_from_before_wordpress(
    store: SandboxStore, api: Any, refusal: int
) -> None:
    order = store.place_order()["id"]
    store.set_habits(refused_methods=["PUT", "DELETE"], refusal=refusal)
    for answer in (api.put(f"orders/{order}", TAGS), api.delete(f"orders/{order}")):
        assert (answer.status_code, answer.headers["Content-Type"]) == (refusal, "text/html")
    assert (store.shop.order(order).meta.get("note"), store.shop.order(order).status) == (
        None,
        "pending",
    )
    assert api.post(f"orders/{order}", TAGS).status_code == 200
    assert [entry.status for entry in store.log.requests] == [refusal, refusal, 200]
    requests.post(
        f"{store.url}/sandbox/set_habits", json={"refused_methods": []}, timeout=5
    ).raise_for_status()
    assert api.put(f"orders/{order}", TAGS).status_code == 200


def test_a_method_in_the_query_counts_and_the_post_is_signed(store: SandboxStore, api: Any) -> None:
    order = store.place_order()["id"]
    for _ in range(2):  # a GET stays a GET, whatever the query says
        assert api.get(f"orders/{order}", params={"_method": "DELETE"}).status_code == 200
    assert (
        api.post(f"orders/{order}", {}, params={"_method": "DELETE", "force": "true"}).status_code
        == 200
    )
    assert _code(api.get(f"orders/{order}")) == (404, "woocommerce_rest_shop_order_invalid_id")


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        # in lower case, which WordPress accepts
        ("get", 200, ""),
        # a method that the route does not have, and an unknown method
        ("DELETE", 404, "rest_no_route"),
        ("NONE", 404, "rest_no_route"),
    ],
)
def test_other_methods_in_the_query(api: Any, method: str, status: int, code: str) -> None:
    answer = api.post("orders", {}, params={"_method": method})
    assert answer.status_code == status
    assert code in answer.text


def test_a_read_key_cannot_delete_by_a_post(store: SandboxStore, client: Client) -> None:
    order = store.place_order()["id"]
    answer = client("administrator", "read").post(
        f"orders/{order}", {}, params={"_method": "DELETE"}
    )
    assert _code(answer) == (401, "woocommerce_rest_authentication_error")


def test_text_is_printed_before_each_rest_body(store: SandboxStore, api: Any) -> None:
    text = "\ufeff<br />\n<b>Notice</b>: x<br />\n"
    store.set_habits(before_json=text)
    for path in ("orders", "orders/999", "nothing"):
        answer = api.get(path)
        assert answer.content.startswith(text.encode())
        json.loads(answer.content.removeprefix(text.encode()))
    assert requests.get(f"{store.url}/sandbox/clock", timeout=5).json()["now"]
