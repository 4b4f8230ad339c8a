"""The control of the sandbox: actions in the shop, injected faults, and counts."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.sandbox import SandboxStore
from deploy.sandbox.clock import ShopClock
from deploy.sandbox.ids import Ids
from tests.sandbox.conftest import NOON, Client
from tests.sandbox.receiver import Receiver

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)


def _post(store: SandboxStore, path: str, **given: Any) -> requests.Response:
    return requests.post(f"{store.url}/sandbox/{path}", json=given, timeout=10)


def _get(store: SandboxStore, path: str) -> Any:
    return requests.get(f"{store.url}/sandbox/{path}", timeout=10).json()


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [("500", 500, None), ("429", 429, "7"), ("503", 503, "7"), ("html", 200, None)],
)
def test_injected_faults_of_answers(
    api: Any, store: SandboxStore, kind: str, status: int, retry_after: str | None
) -> None:
    assert _post(store, "add_fault", kind=kind, times=2, seconds=7).status_code == 200
    for _ in range(2):
        answer = api.post("orders", {})
        assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
    # Nothing was written, and the third request succeeds again.
    assert store.state()["orders"] == []
    assert [entry.fault for entry in store.log.requests] == [kind, kind]
    assert api.post("orders", {}).status_code == 201


@pytest.mark.parametrize(
    ("kind", "error", "happened"),
    [
        ("reset", requests.ConnectionError, 0),
        # The order is written, but the client gets no answer.
        ("half", requests.exceptions.ChunkedEncodingError, 1),
        ("hang", requests.Timeout, 1),
    ],
)
def test_injected_faults_of_connections(
    api: Any, store: SandboxStore, kind: str, error: type[Exception], happened: int
) -> None:
    api.timeout = 0.2
    store.add_fault(kind, seconds=0.3)
    with pytest.raises(error):
        api.post("orders", {})
    api.timeout = 5
    written = []
    for _ in range(100):
        written = [write for entry in store.log.requests for write in entry.writes]
        if len(written) == happened and api.get("orders").status_code == 200:
            break
        store.faults.closing.wait(0.05)
    assert len(store.state()["orders"]) == len(written) == happened


def test_a_fault_may_apply_to_some_requests_only(api: Any, store: SandboxStore) -> None:
    store.add_fault("500", path="/wp-json/wc/v3/customers", method="put")
    customer = f"customers/{store.sign_up(email='kari@example.test')['id']}"
    assert api.get("orders").status_code == 200
    assert api.get(customer).status_code == 200
    assert api.put(customer, {}).status_code == 500
    store.add_fault("500", times=9)
    store.clear_faults()
    assert api.put(customer, {}).status_code == 200


def test_writes_are_counted_for_each_record(client: Client, store: SandboxStore) -> None:
    first, second = store.place_order()["id"], store.place_order()["id"]
    reader, writer = client("administrator", "read"), client()
    tags = {"meta_data": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}
    assert reader.put(f"orders/{first}", tags).status_code == 401
    writer.put(f"orders/{first}", tags)
    writer.post(
        "orders/batch", {"update": [{"id": first, **tags}, {"id": second}, {"id": 999, **tags}]}
    )
    writes = [write for entry in _get(store, "log")["requests"] for write in entry["writes"]]
    assert writes == [
        {"kind": "order", "id": first, "meta_keys": ["a", "b"]},
        {"kind": "order", "id": first, "meta_keys": ["a", "b"]},
        {"kind": "order", "id": second, "meta_keys": []},
    ]
    assert len(store.log.writes("order", first)) == 2
    entries = _get(store, "log")["requests"]
    assert [(entry["method"], entry["status"]) for entry in entries] == [
        ("PUT", 401),
        ("PUT", 200),
        ("POST", 200),
    ]
    assert entries[1]["key"] == writer.consumer_key
    assert requests.delete(f"{store.url}/sandbox/log", timeout=5).status_code == 200
    assert _get(store, "log") == {"requests": [], "deliveries": []}


def test_the_log_holds_no_signatures(api: Any, store: SandboxStore) -> None:
    api.get("orders", params={"per_page": 5})
    assert store.log.requests[0].query == {"per_page": "5"}


def test_the_shop_over_http(store: SandboxStore, receiver: Receiver) -> None:
    """The HTTP operations have the names and arguments of the methods."""
    webhook = _post(
        store, "create_webhook", topic="order.updated", delivery_url=receiver.url, secret="s"
    ).json()
    customer = _post(store, "sign_up", email="kari@example.test").json()
    order = _post(store, "checkout", customer_id=customer["id"], ip_address="192.0.2.1").json()
    _post(store, "opt_in", kind="order", record_id=order["id"])
    assert _post(store, "deliveries/send", limit=1).json()[0]["result"] == "delivered"
    assert receiver.deliveries[0].json["customer_ip_address"] == "192.0.2.1"
    state = _get(store, "state")
    assert state["orders"][0]["meta"]["ws_opt_in"] == "yes"
    assert [known["id"] for known in state["webhooks"]] == [webhook["id"]]
    assert state["waiting"] == []
    assert (
        _post(store, "set_webhook_owner", webhook_id=webhook["id"], role="none").json()[
            "owner_role"
        ]
        == "none"
    )


def test_many_orders_are_imported_at_once(store: SandboxStore, subscribed: Receiver) -> None:
    customer = store.sign_up(email="kari@example.test")["id"]
    store.drop_deliveries()
    order_ids = _post(
        store, "place_orders", count=3, customer_id=customer, customer_note="ny"
    ).json()
    waiting = {(event["topic"], event["record_id"]) for event in store.state()["waiting"]}
    assert waiting == {
        (topic, order) for topic in ("order.created", "order.updated") for order in order_ids
    }
    store.drop_deliveries()
    # An import sends no deliveries, not even for the customer of a completed order.
    given = {
        "count": 3,
        "set_paid": False,
        "customer_id": customer,
        "quiet": True,
        "status": "completed",
    }
    quiet = _post(store, "place_orders", **given).json()
    assert store.state()["waiting"] == []
    orders = {order["id"]: order for order in store.state()["orders"]}
    assert list(orders) == [*order_ids, *quiet]
    assert {(orders[known]["status"], orders[known]["customer_note"]) for known in order_ids} == {
        ("processing", "ny")
    }
    assert {(orders[known]["status"], orders[known]["customer_id"]) for known in quiet} == {
        ("completed", customer)
    }
    # The next action sends deliveries again.
    store.edit_order(quiet[0])
    assert [event["record_id"] for event in store.state()["waiting"]] == quiet[:1]


def test_the_shop_still_sends_deliveries_after_a_failed_import(
    store: SandboxStore, subscribed: Receiver
) -> None:
    given = {"count": 1, "customer_id": 999, "quiet": True}
    assert _post(store, "place_orders", **given).status_code == 400
    store.place_order()
    assert [event["topic"] for event in store.state()["waiting"]] == [
        "order.created",
        "order.updated",
    ]


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("trash_order", {"order_id": 999}, 404),
        ("trash_order", {}, 400),
        ("trash_order", {"order": 1}, 400),
        ("add_fault", {"kind": "earthquake"}, 400),
        ("create_key", {"role": "king"}, 400),
        ("set_clock", {"at": "yesterday"}, 400),
        ("no_such_operation", {}, 404),
        # Some methods are not operations.
        ("close", {}, 404),
    ],
)
def test_mistakes_in_control_requests_are_reported(
    store: SandboxStore, path: str, given: Any, status: int
) -> None:
    assert _post(store, path, **given).status_code == status


def test_the_shops_clock_can_be_set() -> None:
    clock = ShopClock()
    assert clock.now().microsecond == 0
    clock.advance(3600)
    before = datetime.now(UTC).replace(microsecond=0)
    ahead = clock.now()
    after = datetime.now(UTC)
    assert before + HOUR <= ahead <= after + HOUR
    clock.release()
    assert clock.now() < before + HOUR
    clock.freeze(NOON)
    clock.advance(90)
    assert clock.now().isoformat() == "2026-11-22T11:01:30+00:00"
    clock.set(NOON)
    assert clock.now() == NOON


def test_the_shops_clock_can_be_set_over_http(store: SandboxStore) -> None:
    assert _get(store, "clock") == {"now": "2026-11-22T11:00:00+00:00"}
    assert _post(store, "advance_clock", seconds=60).json() == {"now": "2026-11-22T11:01:00+00:00"}
    assert _post(store, "set_clock", at="2027-01-01T00:00:00+01:00").json() == {
        "now": "2026-12-31T23:00:00+00:00"
    }
    assert _post(store, "freeze_clock", at="2028-02-29").json() == {
        "now": "2028-02-29T00:00:00+00:00"
    }


def test_ids_never_go_back() -> None:
    ids = Ids(5)
    assert (ids.take(), ids.take()) == (5, 6)
    with pytest.raises(ValueError, match="may have been given"):
        ids.jump_to(6)


def test_a_generated_history_covers_every_topic(store: SandboxStore, subscribed: Receiver) -> None:
    summary = _post(store, "life").json()
    assert summary["orders"] == len(store.shop.orders) > 20
    store.send_deliveries()
    assert set(subscribed.topics()) == {webhook.topic for webhook in store.webhooks.all()}
    support = [
        request.json for request in subscribed.deliveries if request.topic.endswith("closed")
    ]
    assert support == [{"action": "wc_support_request_closed", "arg": 4711}]
    known = summary["known"]
    assert known["failed"] not in store.shop.orders
    assert store.shop.order(known["first"]).billing["email"] == "deleted@site.invalid"
    assert store.shop.customer(known["t1"]).date_modified is None
    assert len(store.shop.order(known["hundred-lines"]).line_items) == 100
    years = {order.date_created.year for order in store.shop.orders.values()}
    assert min(years) <= 2021


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_process_serves_until_a_signal(stop: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "deploy.sandbox",
        "--consumer-key",
        "ck",
        "--consumer-secret",
        "cs",
    ]
    command += ["--assume-https", "--now", "2026-11-22T11:00:00Z"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        answer = requests.get(f"{url}/wp-json/wc/v3/orders", auth=("ck", "cs"), timeout=5)
        assert answer.status_code == 200
        # A hanging answer does not keep the process alive.
        requests.post(f"{url}/sandbox/add_fault", json={"kind": "hang", "seconds": 60}, timeout=5)
        with pytest.raises(requests.Timeout):
            requests.get(f"{url}/wp-json/", timeout=0.1)
        process.send_signal(stop)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
