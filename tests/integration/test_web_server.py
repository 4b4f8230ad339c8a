"""A server in front of WordPress: a web server that refuses methods, and PHP that prints before the JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain, combinations

import pytest

from deploy.sandbox import SandboxStore
from hooks.errors import MethodRefusedError, RecordGoneError, StoreError, StoreUnreachableError
from hooks.ledger import traits
from hooks.settings import Settings
from hooks.store import check
from hooks.store.client import StoreClient
from hooks.sync.heartbeat import Heartbeat
from tests.integration.harness import ON_SQLITE, Harness
from tests.integration.scripted_server import Answer, ScriptedServer
from tests.support.processes import free_port

MakeClient = Callable[..., StoreClient]
META = {"retention_class": "orders-accounting"}
NOTICE = "<br />\n<b>Deprecated</b>:  x in <b>/a.php</b> on line <b>3</b><br />\n"
PAGE = b"<html>Method Not Allowed</html>"

DISPENSABLE = ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
REFUSED = list(
    chain.from_iterable(combinations(DISPENSABLE, size) for size in (1, 2, len(DISPENSABLE)))
)


# --- refused methods -----------------------------------------------------------------------------------------


def _hook(store: SandboxStore, client: StoreClient) -> str:
    url = f"http://127.0.0.1:{free_port()}/"
    made = client.create("webhooks", {"topic": "order.created", "delivery_url": url, "secret": "s"})
    return f"webhooks/{made['id']}"


@pytest.mark.parametrize("refused", REFUSED)
@pytest.mark.parametrize("refusal", [403, 405, 501])
def test_get_and_post_are_enough(
    store: SandboxStore, client_of: MakeClient, refused: tuple[str, ...], refusal: int
) -> None:
    """Over http the signature covers the method that is sent, and `_method` in the query."""
    store.set_habits(refused_methods=refused, refusal=refusal)
    order, customer = store.place_order()["id"], store.sign_up(email="a@example.test")["id"]
    made = client_of()
    assert made.write_meta("order", {order: META})[order]["id"] == order  # type: ignore[index]
    assert made.write_meta("customer", {customer: META})[customer]["id"] == customer  # type: ignore[index]
    hook = _hook(store, made)
    assert made.change(hook, {"status": "paused"})["status"] == "paused"
    assert made.delete(hook, {"force": "true"})["status"] == "paused"
    assert store.webhooks.all() == []


def test_a_refused_delete_is_remembered(store: SandboxStore, client_of: MakeClient) -> None:
    store.set_habits(refused_methods=["DELETE"])
    made = client_of()
    hooks = [_hook(store, made) for _ in range(3)]
    store.log.clear()
    for hook in hooks:
        made.delete(hook, {"force": "true"})
    with pytest.raises(RecordGoneError):
        made.delete(hooks[0], {"force": "true"})
    assert [entry.method for entry in store.log.requests] == ["DELETE"] + ["POST"] * 4


def test_a_store_that_accepts_delete_gets_it(store: SandboxStore, client_of: MakeClient) -> None:
    made = client_of()
    hook = _hook(store, made)
    store.log.clear()
    made.delete(hook, {"force": "true"})
    assert [(entry.method, entry.query) for entry in store.log.requests] == [
        ("DELETE", {"force": "true"})
    ]


def test_a_refusal_of_woocommerce_itself_is_no_refused_method(
    store: SandboxStore, client_of: MakeClient
) -> None:
    """WooCommerce answers 501 to a deletion that is not forced."""
    made = client_of()
    hook = _hook(store, made)
    with pytest.raises(StoreError) as caught:
        made.delete(hook)
    assert not isinstance(caught.value, MethodRefusedError)
    assert (made.refuses_delete, len(store.webhooks.all())) == (False, 1)


def test_a_firewall_that_refuses_both_forms_gets_delete_again(
    store: SandboxStore, client_of: MakeClient
) -> None:
    made = client_of()
    hook = _hook(store, made)
    store.set_habits(refused_methods=["DELETE", "POST"], refusal=403)
    with pytest.raises(StoreUnreachableError):
        made.delete(hook, {"force": "true"})
    store.set_habits(refused_methods=[])
    store.log.clear()
    made.delete(hook, {"force": "true"})
    assert [entry.method for entry in store.log.requests] == ["DELETE"]


@pytest.mark.parametrize("status", [405, 501])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_method_that_the_web_server_refuses_is_named(
    client: MakeClient, store: SandboxStore, method: str, status: int
) -> None:
    store.set_habits(refused_methods=[method], refusal=status)
    with pytest.raises(MethodRefusedError) as caught:
        client(store.url).call(method, "orders/7", body={} if method in ("POST", "PUT") else None)
    assert (caught.value.code, method in caught.value.detail) == ("method-refused", True)


@pytest.mark.parametrize(
    ("refused", "fine", "words"),
    [
        ([], True, "POST and DELETE arrive"),
        # what is not used is of no interest
        (["PUT", "PATCH"], True, "POST and DELETE arrive"),
        (["DELETE"], True, "refuses DELETE; POST with _method=DELETE arrives"),
        (["POST"], False, "refuses POST"),
        (["POST", "DELETE"], False, "refuses POST"),
    ],
)
def test_store_check_names_the_refused_method(
    store: SandboxStore, client_of: MakeClient, refused: list[str], fine: bool, words: str
) -> None:
    hook = _hook(store, client_of())
    store.set_habits(refused_methods=refused)
    found = check.everything_but_webhooks(
        client_of(), Settings(public_url="https://127.0.0.1"), "shop", _now(store)
    )
    (named,) = [finding for finding in found if words in finding.words]
    assert named.fine is fine
    assert [f"webhooks/{each.id}" for each in store.webhooks.all()] == [hook]
    assert not any(entry.writes for entry in store.log.requests[1:])


def _now(store: SandboxStore) -> datetime:
    return store.clock.now().astimezone(UTC)


# --- what precedes the JSON ----------------------------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize(
    "before", ["", "\ufeff", "\n\n", "\ufeff\n" + NOTICE, NOTICE * 20, "\nWarning: [x] {y}\n"]
)
def test_output_before_the_json_changes_no_write(harness: Harness, before: str) -> None:
    harness.store.set_habits(before_json=before)
    orders = [harness.paid_order(line_items=[{"product_id": 11, "quantity": 2}]) for _ in range(3)]
    harness.store.refund_order(orders[0], "10.00")
    harness.store.delete_order(harness.written_order())
    customer = int(harness.store.sign_up(email="kari@example.test")["id"])
    harness.reconcile()
    for number in orders:
        assert harness.held("order", number) == harness.wanted("order", number) != {}
    assert harness.held("customer", customer) == harness.wanted("customer", customer) != {}
    assert harness.pause() is None
    assert not {
        code
        for code in harness.problems()
        if code.startswith(("store-", "failing", "reconciliation"))
    }


def test_an_error_with_the_status_of_success_is_an_error(
    script: ScriptedServer, client: MakeClient
) -> None:
    """Once anything was printed, WordPress can no longer send a status."""
    gone = {
        "code": "woocommerce_rest_shop_order_invalid_id",
        "message": "…",
        "data": {"status": 404},
    }
    script.always(Answer(200, NOTICE.encode() + Answer.of(gone).body))
    with pytest.raises(RecordGoneError):
        client(script.url).read("order", 7, fields="id")
    assert isinstance(client(script.url).write_meta("order", {7: META})[7], RecordGoneError)


@pytest.mark.parametrize("before", ["\ufeff", "\n", NOTICE])
def test_output_before_the_json_of_an_error_is_skipped_too(
    store: SandboxStore, client_of: MakeClient, before: str
) -> None:
    store.set_habits(before_json=before)
    with pytest.raises(RecordGoneError):
        client_of().read("order", 999, fields="id")


@ON_SQLITE
def test_php_notices_are_kept_until_the_next_clean_answers(
    harness: Harness,
) -> None:
    heartbeat = harness.worker.heartbeat
    client = heartbeat.client

    def noted(*resources: str) -> str | None:
        for resource in resources:
            client.call("GET", resource, list)
        heartbeat.beat()
        with harness.runtime.database.read() as connection:
            trait = traits.read(connection, "shop").get(traits.PHP_NOTICES)
        return trait.value if trait else None

    assert noted("orders") is None
    harness.store.set_habits(before_json="\ufeff\n")
    assert noted("orders") is None
    harness.store.set_habits(before_json=NOTICE)
    assert noted("orders") == "orders"
    assert noted("customers") == "customers,orders"
    assert "php-notices" in harness.problems()
    harness.store.set_habits(before_json="")
    assert noted("orders") == "customers"
    assert noted() == "customers"
    fresh = Heartbeat.of("shop", StoreClient(client.settings), harness.runtime, harness.settings)
    fresh.beat()  # a worker that has asked for nothing yet says nothing of it
    assert noted() == "customers"
    assert noted("customers") is None
    assert "php-notices" not in harness.problems()


def test_store_check_reports_php_notices(store: SandboxStore, client_of: MakeClient) -> None:
    for before, expected in (("", 0), ("\ufeff", 0), (NOTICE, 1)):
        store.set_habits(before_json=before)
        found = check.everything_but_webhooks(client_of(), Settings(), "shop", _now(store))
        assert [finding.fine for finding in found if "WP_DEBUG_DISPLAY" in finding.words] == [
            False
        ] * expected
