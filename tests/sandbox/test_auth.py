"""Authentication and permissions: OAuth 1.0a over http, Basic behind a TLS proxy, roles."""

import base64
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from woocommerce import API
from woocommerce.oauth import OAuth

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from tests.sandbox.conftest import Client

ERROR = "woocommerce_rest_authentication_error"
ORDERS = "/wp-json/wc/v3/orders"


def _said(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert body["data"]["status"] == answer.status_code
    return answer.status_code, body["code"], body["message"]


def _signed(store: SandboxStore, timestamp: int | None = None, query: str = "") -> str:
    key = store.create_key()
    oauth = OAuth(
        url=f"{store.url}{ORDERS}{query}",
        consumer_key=key["consumer_key"],
        consumer_secret=key["consumer_secret"],
        version="wc/v3",
        oauth_timestamp=timestamp or int(time.time()),
    )
    return str(oauth.get_oauth_url())


@pytest.mark.parametrize(
    "params",
    [
        {},
        # The client sends each parameter twice; the last one counts, and the signature holds.
        {"per_page": 5, "status": "any", "orderby": "modified"},
        {"_fields": "id,status,meta_data"},
        {"modified_after": "2026-01-01T00:00:00", "dates_are_gmt": True},
        {"modified_after": "2026-01-01T00:00:00+02:00"},
        {"search": "ø & ~ %41 *"},
    ],
)
def test_the_public_clients_signature_is_accepted(api: Any, params: dict[str, Any]) -> None:
    assert api.get("orders", params=params).status_code == 200


def test_client_and_store_sign_slashes_differently(api: Any) -> None:
    answer = api.get("orders", params={"search": "a/b"})
    assert _said(answer) == (401, ERROR, "Invalid signature - provided signature does not match.")


def test_every_method_is_signed(api: Any) -> None:
    made = api.post("orders", {"customer_note": "Ring på døra 🐕"})
    assert made.status_code == 201
    assert made.json()["customer_note"] == "Ring på døra 🐕"
    path = f"orders/{made.json()['id']}"
    assert api.put(path, {"meta_data": []}).status_code == 200
    assert api.delete(path, params={"force": True}).status_code == 200


def test_a_nonce_is_valid_only_once(store: SandboxStore) -> None:
    url = _signed(store)
    assert requests.get(url, timeout=5).status_code == 200
    expected = (401, ERROR, "Invalid nonce - nonce has already been used.")
    assert _said(requests.get(url, timeout=5)) == expected


@pytest.mark.parametrize(("seconds", "status"), [(-890, 200), (890, 200), (-910, 401), (910, 401)])
def test_a_signature_is_valid_for_fifteen_minutes(
    store: SandboxStore, seconds: int, status: int
) -> None:
    answer = requests.get(_signed(store, int(time.time()) + seconds), timeout=5)
    assert answer.status_code == status
    if status == 401:
        assert _said(answer) == (401, ERROR, "Invalid timestamp.")


@pytest.mark.parametrize(
    ("sent", "instead"),
    [
        ("per_page=1", "per_page=2"),
        # Another path, and an extra parameter.
        ("/orders?", "/customers?"),
        ("per_page=1", "per_page=1&page=2"),
    ],
)
def test_a_signed_request_cannot_be_changed(store: SandboxStore, sent: str, instead: str) -> None:
    url = _signed(store, query="?per_page=1")
    assert sent in url
    answer = requests.get(url.replace(sent, instead), timeout=5)
    assert _said(answer) == (401, ERROR, "Invalid signature - provided signature does not match.")


def test_the_method_is_signed_too(store: SandboxStore) -> None:
    answer = requests.post(_signed(store), json={}, timeout=5)
    assert _said(answer)[2] == "Invalid signature - provided signature does not match."


@pytest.mark.parametrize(
    ("method", "status"),
    [("HMAC-SHA1", 200), ("HMAC-SHA256", 200), ("HMAC-MD5", 401), ("PLAINTEXT", 401)],
)
def test_signature_methods(store: SandboxStore, method: str, status: int) -> None:
    key = store.create_key()
    named = {
        "oauth_consumer_key": key["consumer_key"],
        "oauth_nonce": "n1",
        "oauth_signature_method": method,
        "oauth_timestamp": str(int(time.time())),
    }
    base = f"GET&{quote(store.url + ORDERS, safe='')}&{quote(urlencode(named), safe='')}"
    digest = hashlib.sha1 if method == "HMAC-SHA1" else hashlib.sha256
    mac = hmac.new(f"{key['consumer_secret']}&".encode(), base.encode(), digest).digest()
    query = {**named, "oauth_signature": base64.b64encode(mac).decode()}
    answer = requests.get(f"{store.url}{ORDERS}", params=query, timeout=5)
    assert answer.status_code == status
    if status == 401:
        assert _said(answer)[2] == "Invalid signature - signature method is invalid."


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (("oauth_nonce",), "Missing OAuth parameter oauth_nonce"),
        (
            ("oauth_timestamp", "oauth_nonce"),
            "Missing OAuth parameters oauth_timestamp, oauth_nonce",
        ),
    ],
)
def test_a_missing_parameter_is_named(
    store: SandboxStore, left_out: tuple[str, ...], message: str
) -> None:
    base, _, query = _signed(store).partition("?")
    kept = "&".join(part for part in query.split("&") if part.split("=")[0] not in left_out)
    expected = (401, "woocommerce_rest_authentication_missing_parameter", message)
    assert _said(requests.get(f"{base}?{kept}", timeout=5)) == expected


def test_a_request_without_credentials_is_refused(store: SandboxStore) -> None:
    answer = requests.get(f"{store.url}{ORDERS}", timeout=5)
    assert _said(answer) == (
        401,
        "woocommerce_rest_cannot_view",
        "Sorry, you cannot list resources.",
    )
    # Over plain http the store ignores Basic credentials.
    key = store.create_key()
    pair = (key["consumer_key"], key["consumer_secret"])
    assert requests.get(f"{store.url}{ORDERS}", auth=pair, timeout=5).status_code == 401


def test_a_wrong_key_or_secret_is_refused(store: SandboxStore) -> None:
    key = store.create_key()
    answer = API(store.url, "ck_unknown", "cs").get("orders")
    assert _said(answer) == (401, ERROR, "Consumer key is invalid.")
    answer = API(store.url, key["consumer_key"], "cs_wrong").get("orders")
    assert _said(answer) == (401, ERROR, "Invalid signature - provided signature does not match.")


@pytest.mark.parametrize(
    ("permissions", "reads", "writes"),
    [("read", 200, 401), ("write", 401, 201), ("read_write", 200, 201)],
)
def test_permissions_of_a_key(client: Client, permissions: str, reads: int, writes: int) -> None:
    api = client("administrator", permissions)
    got, made = api.get("orders"), api.post("orders", {})
    assert (got.status_code, made.status_code) == (reads, writes)
    for answer, kind in ((got, "read"), (made, "write")):
        if answer.status_code == 401:
            message = f"The API key provided does not have {kind} permissions."
            assert _said(answer) == (401, ERROR, message)


def test_a_shop_manager_does_not_see_customers_meta(client: Client, store: SandboxStore) -> None:
    made = store.sign_up(email="kari@example.test", meta_data=[{"key": "note", "value": "yes"}])
    manager, path = client("shop_manager"), f"customers/{made['id']}"
    shown = manager.put(path, {"meta_data": [{"key": "note", "value": "no"}]})
    assert shown.status_code == 200
    for body in (shown.json(), manager.get(path).json(), manager.get("customers").json()[0]):
        assert "meta_data" not in body
    # The write succeeded nevertheless.
    assert client().get(path).json()["meta_data"][0]["value"] == "no"


def test_a_shop_manager_may_not_batch_customers(client: Client, store: SandboxStore) -> None:
    order = store.place_order()
    manager = client("shop_manager")
    update = {"update": [{"id": order["id"], "meta_data": [{"key": "a", "value": "b"}]}]}
    assert _said(manager.post("customers/batch", update))[:2] == (
        403,
        "woocommerce_rest_cannot_batch",
    )
    answer = manager.post("orders/batch", update)
    assert answer.status_code == 200
    assert answer.json()["update"][0]["meta_data"][0]["key"] == "a"
    assert manager.get("webhooks").status_code == 200


def test_basic_is_accepted_behind_a_tls_proxy() -> None:
    store = SandboxStore(StoreOptions(assume_https=True, sending=SendingOptions(autosend=False)))
    with serving(store) as address:
        key = store.create_key()
        name, secret = key["consumer_key"], key["consumer_secret"]
        url = f"{address}{ORDERS}"
        assert requests.get(url, auth=(name, secret), timeout=5).status_code == 200
        pair = {"consumer_key": name, "consumer_secret": secret}
        assert requests.get(url, params=pair, timeout=5).status_code == 200
        wrong = requests.get(url, auth=(name, "cs_wrong"), timeout=5)
        assert _said(wrong) == (401, ERROR, "Consumer secret is invalid.")
        # OAuth still works.
        assert API(address, name, secret).get("orders").status_code == 200
