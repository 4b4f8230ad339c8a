"""The deliveries for each event in the shop, and their content."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.sandbox import SandboxStore
from deploy.sandbox.shop import PRODUCTS
from tests.sandbox.receiver import Receiver

SWEATER: dict[str, Any] = {"line_items": [{"product_id": 10}]}
Deed = Callable[[SandboxStore, int, int], object]


def _ids(store: SandboxStore, **given: Any) -> tuple[int, int]:
    customer = store.sign_up(email="kari.nordmann@example.test", first_name="Kari")
    order = store.place_order(customer_id=customer["id"], **{**SWEATER, **given})
    store.send_deliveries()
    return order["id"], customer["id"]


@pytest.mark.parametrize(
    ("deed", "topics"),
    [
        # Created by staff or over REST: created, and updated at once.
        (lambda s, o, c: s.place_order(**SWEATER), ["order.created", "order.updated"]),
        # In the storefront the order of topics is reversed.
        (lambda s, o, c: s.checkout(**SWEATER), ["order.updated", "order.created"]),
        (lambda s, o, c: s.checkout(status="checkout-draft"), ["order.updated", "order.created"]),
        (lambda s, o, c: s.pay_order(o), ["order.updated"]),
        (lambda s, o, c: s.complete_order(o), ["order.updated", "customer.updated"]),
        (lambda s, o, c: s.refund_order(o, "10.00"), ["order.updated"]),
        (lambda s, o, c: s.cancel_order(o), ["order.updated"]),
        (lambda s, o, c: s.anonymise_order(o), ["order.updated"]),
        (lambda s, o, c: s.opt_in("order", o), ["order.updated"]),
        (lambda s, o, c: s.trash_order(o), ["order.deleted"]),
        # Deleted for good, without a delivery of an order topic.
        (lambda s, o, c: s.delete_order(o), ["action.woocommerce_delete_order"]),
        (
            lambda s, o, c: s.sign_up(email="a@example.test"),
            ["customer.created", "customer.updated"],
        ),
        (lambda s, o, c: s.make_account("a@example.test"), ["customer.created"]),
        (lambda s, o, c: s.make_account("a@example.test", "shop_manager"), ["customer.created"]),
        (lambda s, o, c: s.opt_out("customer", c), ["customer.updated"]),
        # A visit sends no delivery.
        (lambda s, o, c: s.visit(c), []),
        # Its orders lose their owner without a delivery.
        (lambda s, o, c: s.delete_customer(c), ["customer.deleted"]),
        (
            lambda s, o, c: s.fire_action("wc_support_request_closed", 4711),
            ["action.wc_support_request_closed"],
        ),
        (lambda s, o, c: s.fire_action("wc_nobody_listens"), []),
    ],
)
def test_topics_of_each_event(
    store: SandboxStore, subscribed: Receiver, deed: Deed, topics: list[str]
) -> None:
    order_id, customer_id = _ids(store)
    before = len(subscribed.deliveries)
    deed(store, order_id, customer_id)
    store.send_deliveries()
    assert subscribed.topics()[before:] == topics


def test_a_restore_sends_only_its_own_topic(store: SandboxStore, subscribed: Receiver) -> None:
    order_id, _ = _ids(store, status="on-hold")
    store.trash_order(order_id)
    store.send_deliveries()
    store.restore_order(order_id)
    store.send_deliveries()
    assert subscribed.topics()[-2:] == ["order.deleted", "order.restored"]
    assert subscribed.deliveries[-2].json == {"id": order_id}
    restored = subscribed.deliveries[-1].json
    assert (restored["id"], restored["status"], restored["meta_data"]) == (order_id, "on-hold", [])


@pytest.mark.parametrize(
    "write",
    [
        {"meta_data": [{"key": "ws_opt_in", "value": "yes"}]},
        {"meta_data": [{"key": "not_there", "value": None}]},
        {"meta_data": []},
        {},
    ],
)
def test_a_write_that_changes_nothing_echoes(
    api: Any, store: SandboxStore, subscribed: Receiver, write: Any
) -> None:
    order_id, customer_id = _ids(store, meta_data=[{"key": "ws_opt_in", "value": "yes"}])
    store.opt_in("customer", customer_id)
    store.send_deliveries()
    before = len(subscribed.deliveries)
    store.advance_clock(60)
    for path in (f"orders/{order_id}", f"customers/{customer_id}"):
        assert api.put(path, write).json()["date_modified_gmt"] == "2026-11-22T11:01:00"
    store.send_deliveries()
    assert subscribed.topics()[before:] == ["order.updated", "customer.updated"]


def test_the_body_is_built_when_it_is_sent(store: SandboxStore, subscribed: Receiver) -> None:
    order_id = store.place_order(**SWEATER)["id"]
    store.pay_order(order_id)
    store.send_deliveries()
    assert subscribed.topics() == ["order.created", "order.updated"]
    assert {request.json["status"] for request in subscribed.deliveries} == {"processing"}
    assert subscribed.deliveries[0].body == subscribed.deliveries[1].body


def test_events_are_merged_while_a_delivery_waits(
    store: SandboxStore, subscribed: Receiver
) -> None:
    first, second = store.place_order()["id"], store.place_order()["id"]
    for _ in range(5):
        store.edit_order(first)
    store.send_deliveries()
    assert [(request.topic, request.json["id"]) for request in subscribed.deliveries] == [
        ("order.created", first),
        ("order.updated", first),
        ("order.created", second),
        ("order.updated", second),
    ]
    # After sending, the next event causes a new delivery.
    store.edit_order(first)
    store.send_deliveries()
    assert len(subscribed.deliveries) == 5


def test_a_delivery_id_is_shared_within_a_second(store: SandboxStore, subscribed: Receiver) -> None:
    for _ in range(3):
        store.place_order()
    store.send_deliveries()
    store.advance_clock(1)
    store.place_order()
    store.send_deliveries()
    ids = [
        request.headers["X-WC-Webhook-Delivery-ID"]
        for request in subscribed.deliveries
        if request.topic == "order.created"
    ]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert all(len(one) == 32 for one in ids)


@pytest.mark.parametrize(
    ("role", "order", "customer"),
    [
        ("administrator", "with meta", "with meta"),
        # What is missing is unknown, not empty.
        ("shop_manager", "with meta", "without"),
        ("none", "forbidden", "forbidden"),
    ],
)
def test_a_delivery_shows_what_the_owner_may_see(
    store: SandboxStore, subscribed: Receiver, role: str, order: str, customer: str
) -> None:
    for webhook in store.webhooks.all():
        store.set_webhook_owner(webhook.id, role)
    made = store.sign_up(email="kari@example.test")
    store.place_order(customer_id=made["id"])
    store.delete_customer(made["id"])
    store.sign_up(email="lars@example.test")
    store.send_deliveries()
    bodies = {request.topic: request.json for request in subscribed.deliveries}
    assert _sight(bodies["order.updated"]) == order
    assert _sight(bodies["customer.updated"]) == customer
    # A delivery with only the id needs no permission.
    assert bodies["customer.deleted"] == {"id": made["id"]}


def _sight(body: Any) -> str:
    if body.get("code") == "woocommerce_rest_cannot_view":
        return "forbidden"
    return "with meta" if "meta_data" in body else "without"


def test_the_owner_is_the_user_who_made_the_webhook(
    client: Any, store: SandboxStore, receiver: Receiver
) -> None:
    given = {"topic": "customer.created", "delivery_url": receiver.url}
    assert client("shop_manager").post("webhooks", given).status_code == 201
    store.sign_up(email="kari@example.test")
    store.send_deliveries()
    assert "meta_data" not in receiver.deliveries[0].json


def test_a_customer_deleted_before_the_delivery(store: SandboxStore, subscribed: Receiver) -> None:
    made = store.sign_up(email="kari@example.test")
    store.delete_customer(made["id"])
    store.send_deliveries()
    assert subscribed.topics() == ["customer.created", "customer.updated", "customer.deleted"]
    assert subscribed.deliveries[0].json["code"] == "wc_user_invalid_id"


def test_rounds_lose_repeat_and_reorder(store: SandboxStore, subscribed: Receiver) -> None:
    for _ in range(6):
        store.place_order()
    entries = store.send_deliveries(limit=8, order="shuffle", seed=3, drop=2, repeat=2)
    assert [entry["result"] for entry in entries] == ["dropped"] * 2 + ["delivered"] * 8
    came = [(request.topic, request.json["id"]) for request in subscribed.deliveries]
    assert came[0] == came[1]
    assert came[2] == came[3]
    assert len(set(came)) == 6
    assert came != sorted(came, key=lambda one: one[1])
    assert subscribed.deliveries[0] == subscribed.deliveries[1]
    assert len(store.state()["waiting"]) == 12 - 8
    assert {entry["result"] for entry in store.drop_deliveries()} == {"dropped"}
    assert store.state()["waiting"] == []


def test_the_eraser_leaves_the_same_data_as_the_real_one(store: SandboxStore) -> None:
    meta = [
        {"key": "_wc_order_attribution_utm_source", "value": "newsletter"},
        {"key": "ws_opt_in", "value": "yes"},
    ]
    order = store.checkout(
        ip_address="192.0.2.17",
        user_agent="Firefox",
        customer_note="Ring på døra",
        meta_data=meta,
        billing={
            "first_name": "Per",
            "state": "NO-46",
            "email": "per@example.test",
            "phone": "+47 40",
        },
        line_items=[{"product_id": 11, "meta_data": [{"key": "Gravering", "value": "Per"}]}],
    )
    erased = store.anonymise_order(order["id"])
    assert erased["billing"]["first_name"] == "[deleted]"
    assert erased["billing"]["state"] == ""
    assert erased["billing"]["company"] == ""
    assert erased["billing"]["email"] == "deleted@site.invalid"
    assert erased["billing"]["phone"] == "+00 00"
    assert (erased["customer_ip_address"], erased["customer_user_agent"]) == (
        "192.0.2.0",
        "[deleted]",
    )
    assert erased["customer_note"] == "Ring på døra"
    kept = {row["key"] for row in erased["meta_data"]}
    assert {"_anonymized", "_wc_order_attribution_utm_source", "ws_opt_in"} <= kept
    assert erased["line_items"][0]["meta_data"][0]["value"] == "Per"
    assert erased["line_items"][0]["name"] == PRODUCTS[11].name


def test_deleting_a_customer_leaves_the_orders(
    api: Any, store: SandboxStore, subscribed: Receiver
) -> None:
    order_id, customer_id = _ids(store)
    store.advance_clock(60)
    assert api.delete(f"customers/{customer_id}").status_code == 501
    assert api.delete(f"customers/{customer_id}", params={"force": True}).status_code == 200
    order = api.get(f"orders/{order_id}").json()
    assert (order["customer_id"], order["date_modified"]) == (0, "2026-11-22T12:01:00")
    store.send_deliveries()
    assert subscribed.topics()[-1] == "customer.deleted"
    assert subscribed.topics().count("order.updated") == 1


V1_LACKS = (
    "date_created_gmt",
    "date_modified_gmt",
    "date_completed_gmt",
    "date_paid_gmt",
    "meta_data",
)


@pytest.mark.parametrize("version", ["v1", "v2", "legacy"])
def test_bodies_of_older_api_versions(
    store: SandboxStore, receiver: Receiver, version: str
) -> None:
    for topic in ("order.updated", "customer.updated", "order.deleted"):
        store.create_webhook(topic, receiver.url, api_version=version)
    order, customer = _ids(store)
    store.trash_order(order)
    store.send_deliveries()
    bodies = {request.topic: request.json for request in receiver.deliveries if request.topic}
    assert bodies["order.deleted"] == {"id": order}, "alike in all versions"
    if version == "legacy":
        assert (
            bodies["order.updated"]["order"].items()
            >= {"id": order, "customer_id": customer}.items()
        )
        assert bodies["customer.updated"]["customer"]["id"] == customer
        assert all(len(bodies[topic]) == 1 for topic in ("order.updated", "customer.updated"))
        return
    lacks = V1_LACKS if version == "v1" else ()
    assert bodies["order.updated"].keys() >= {"id", "date_created", *V1_LACKS} - set(lacks)
    assert not bodies["order.updated"].keys() & set(lacks)
    assert not bodies["customer.updated"].keys() & set(lacks)
    assert all(
        ("meta_data" in line) is (version == "v2") for line in bodies["order.updated"]["line_items"]
    )


@pytest.mark.parametrize(
    ("version", "code"),
    [("v1", "woocommerce_rest_cannot_view"), ("legacy", "woocommerce_api_cannot_view")],
)
def test_errors_of_older_api_versions(
    store: SandboxStore, receiver: Receiver, version: str, code: str
) -> None:
    store.create_webhook("order.updated", receiver.url, role="none", api_version=version)
    _ids(store)
    body = [request.json for request in receiver.deliveries if request.topic][-1]
    assert (code in body["errors"]) if version == "legacy" else (body["code"] == code)


def test_a_webhook_of_an_unknown_api_version(store: SandboxStore, receiver: Receiver) -> None:
    with pytest.raises(ValueError, match="v3, v2, v1, legacy"):
        store.create_webhook("order.updated", receiver.url, api_version="v4")


def test_a_webhook_made_over_rest_is_of_v3(
    api: Any, store: SandboxStore, receiver: Receiver
) -> None:
    api.post("webhooks", {"topic": "order.updated", "delivery_url": receiver.url})
    assert [hook["api_version"] for hook in store.state()["webhooks"]] == ["v3"]
