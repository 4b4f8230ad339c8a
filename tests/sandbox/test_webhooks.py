"""The store's webhooks, and the conditions under which it disables one."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from tests.sandbox.receiver import Receiver

NOWHERE = "http://127.0.0.1:9/webhooks/shop"


def _webhook(api: Any, url: str, topic: str = "order.updated", **given: str) -> Any:
    answer = api.post(
        "webhooks", {"topic": topic, "delivery_url": url, "secret": "secret", **given}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def _state(store: SandboxStore) -> tuple[str, int]:
    webhook = store.webhooks.all()[0]
    return webhook.status, webhook.failure_count


def _fail(store: SandboxStore, order_id: int, times: int) -> None:
    for _ in range(times):
        store.edit_order(order_id)
        store.send_deliveries()


def test_a_new_webhook_sends_a_ping(api: Any, receiver: Receiver) -> None:
    made = _webhook(api, receiver.url)
    (ping,) = receiver.received
    assert ping.body.decode() == f"webhook_id={made['id']}"
    assert ping.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert not [name for name in ping.headers if name.startswith("X-WC-")]


@pytest.mark.parametrize(
    ("change", "pings"),
    [
        ({"delivery_url": "{url}/other"}, 2),
        # The same URL is no change.
        ({"delivery_url": "{url}"}, 1),
        ({"name": "another name"}, 1),
        ({"status": "paused"}, 1),
        ({"secret": "another secret"}, 1),
    ],
)
def test_only_a_new_url_gets_another_ping(
    api: Any, receiver: Receiver, change: Any, pings: int
) -> None:
    made = _webhook(api, receiver.url)
    given = {name: value.format(url=receiver.url) for name, value in change.items()}
    assert api.put(f"webhooks/{made['id']}", given).status_code == 200
    assert len(receiver.received) == pings


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_a_ping_needs_exactly_200(
    api: Any, store: SandboxStore, receiver: Receiver, status: int
) -> None:
    receiver.status = status
    made = _webhook(api, receiver.url)
    assert [entry.result for entry in store.log.deliveries] == ["failed"]
    # Over REST the webhook is created anyway, but not saved again as after a successful ping.
    assert api.get(f"webhooks/{made['id']}").json()["date_modified"] is None
    assert _state(store) == ("active", 0)


def test_neither_secret_nor_failures_are_shown(api: Any, receiver: Receiver) -> None:
    made = _webhook(api, receiver.url)
    for shown in (made, api.get(f"webhooks/{made['id']}").json(), api.get("webhooks").json()[0]):
        assert not {"secret", "failure_count", "pending_delivery"} & set(shown)


@pytest.mark.parametrize(
    ("status", "success"),
    [
        (200, True),
        (201, True),
        (204, True),
        # Redirects are not followed: the delivery is lost, and the webhook looks healthy.
        (301, True),
        (302, True),
        (303, False),
        (307, False),
        (400, False),
        (401, False),
        (404, False),
        (410, False),
        (500, False),
        (503, False),
    ],
)
def test_statuses_that_count_as_success(
    api: Any, store: SandboxStore, receiver: Receiver, status: int, success: bool
) -> None:
    _webhook(api, receiver.url)
    order = store.place_order()
    receiver.status = status
    (entry,) = store.send_deliveries()
    assert (entry["status"], entry["result"]) == (status, "delivered" if success else "failed")
    assert _state(store) == ("active", 0 if success else 1)
    assert len(receiver.deliveries) == 1
    # A delivery is never sent again, whatever its result.
    assert store.send_deliveries() == []
    assert order["id"]


def test_a_missing_answer_is_a_failure(api: Any, store: SandboxStore) -> None:
    _webhook(api, NOWHERE)
    store.place_order()
    (entry,) = store.send_deliveries()
    assert (entry["status"], entry["result"]) == (0, "failed")
    assert "refused" in entry["error"]


def test_the_seventh_failure_disables_the_webhook(
    api: Any, store: SandboxStore, receiver: Receiver
) -> None:
    webhook = _webhook(api, receiver.url)
    receiver.status = 500
    order_id = store.place_order()["id"]
    _fail(store, order_id, 6)
    assert _state(store) == ("active", 6)
    _fail(store, order_id, 1)
    assert api.get(f"webhooks/{webhook['id']}").json()["status"] == "disabled"
    store.edit_order(order_id)
    assert store.send_deliveries() == []


def test_reactivation_does_not_reset_the_failure_count(
    api: Any, store: SandboxStore, receiver: Receiver
) -> None:
    made = _webhook(api, receiver.url)
    receiver.status = 500
    order_id = store.place_order()["id"]
    _fail(store, order_id, 7)
    assert api.put(f"webhooks/{made['id']}", {"status": "active"}).json()["status"] == "active"
    _fail(store, order_id, 1)
    assert _state(store)[0] == "disabled"


def test_a_success_resets_the_failure_count(
    api: Any, store: SandboxStore, receiver: Receiver
) -> None:
    _webhook(api, receiver.url)
    order_id = store.place_order()["id"]
    receiver.status = 500
    _fail(store, order_id, 6)
    receiver.status = 200
    _fail(store, order_id, 1)
    assert _state(store) == ("active", 0)


def test_a_waiting_delivery_of_a_paused_webhook_is_not_sent(
    api: Any, store: SandboxStore, receiver: Receiver
) -> None:
    webhook = _webhook(api, receiver.url)
    store.place_order()
    api.put(f"webhooks/{webhook['id']}", {"status": "paused"})
    assert store.send_deliveries() == []
    # Events during the pause are not delivered later.
    store.place_order()
    api.put(f"webhooks/{webhook['id']}", {"status": "active"})
    assert store.send_deliveries() == []
    assert receiver.deliveries == []


@pytest.mark.parametrize(
    ("stored", "signing"),
    [
        ("plain", "plain"),
        # WordPress may store entities in a secret; the store signs with the decoded characters.
        ("a&amp;b", "a&b"),
        ("&lt;&quot;&#039;&gt;", "<\"'>"),
        ("&amp;lt;", "&lt;"),
        ("&eacute;", "&eacute;"),
    ],
)
def test_deliveries_are_signed_with_the_decoded_secret(
    api: Any, store: SandboxStore, receiver: Receiver, stored: str, signing: str
) -> None:
    _webhook(api, receiver.url, secret=stored)
    store.place_order()
    store.send_deliveries()
    (came,) = receiver.deliveries
    expected = base64.b64encode(
        hmac.new(signing.encode(), came.body, hashlib.sha256).digest()
    ).decode()
    assert came.headers["X-WC-Webhook-Signature"] == expected


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"topic": "order.paid"}, "woocommerce_rest_shop_webhook_invalid_topic"),
        ({"topic": "action.something"}, "woocommerce_rest_shop_webhook_invalid_topic"),
        ({"topic": ""}, "woocommerce_rest_shop_webhook_invalid_topic"),
        (
            {"delivery_url": "ftp://example.test"},
            "woocommerce_rest_shop_webhook_invalid_delivery_url",
        ),
        (
            {"delivery_url": "http://example.test:port/"},
            "woocommerce_rest_shop_webhook_invalid_delivery_url",
        ),
        ({"delivery_url": ""}, "woocommerce_rest_shop_webhook_invalid_delivery_url"),
    ],
)
def test_invalid_webhooks_are_refused(api: Any, given: Any, code: str) -> None:
    answer = api.post("webhooks", {"topic": "order.created", "delivery_url": NOWHERE, **given})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_deleting_a_webhook_needs_force(api: Any, store: SandboxStore, receiver: Receiver) -> None:
    made = _webhook(api, receiver.url)
    path = f"webhooks/{made['id']}"
    assert api.delete(path).status_code == 501
    store.place_order()
    assert api.delete(path, params={"force": True}).status_code == 200
    assert api.get(path).status_code == 404
    assert api.put(path, {"name": "gone"}).status_code == 400
    assert store.send_deliveries() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/x",
        "http://127.0.0.1:8080/x",
        "http://10.1.2.3/x",
        "http://192.168.1.1:443/x",
        "http://[::1]:8080/x",
        # A public address, but a port on which no web server is expected.
        "http://8.8.8.8:9000/x",
    ],
)
def test_private_targets_may_be_refused(receiver: Receiver, url: str) -> None:
    sending = SendingOptions(autosend=False, block_private_targets=True)
    store = SandboxStore(StoreOptions(sending=sending))
    port = receiver.url.split(":")[2].split("/")[0]
    store.create_webhook("order.created", url.format(port=port))
    store.place_order()
    store.send_deliveries()
    results = [(entry.topic, entry.result, entry.error) for entry in store.log.deliveries]
    refused = ("failed", "A valid URL was not provided.")
    assert results == [("ping", *refused), ("order.created", *refused)]
    assert receiver.received == []


@pytest.mark.parametrize("overtake", [False, True])
def test_deliveries_are_sent_in_the_background(receiver: Receiver, overtake: bool) -> None:
    store = SandboxStore(StoreOptions(sending=SendingOptions(threads=1, overtake=overtake)))
    store.create_webhook("order.created", receiver.url)
    placed = [store.place_order()["id"] for _ in range(40)]
    with serving(store):
        assert store.wait_until_idle(10) == {"idle": True}
    came = [request.json["id"] for request in receiver.deliveries]
    assert sorted(came) == placed
    assert (came != placed) is overtake
