"""Habits of proxies and caches in front of stores."""

from typing import Any

import pytest
import requests
from woocommerce import API

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from tests.sandbox.conftest import NOON

ORDERS = "/wp-json/wc/v3/orders"


def _get(store: SandboxStore, key: Any, path: str = ORDERS, **params: str) -> requests.Response:
    query = {
        "consumer_key": key["consumer_key"],
        "consumer_secret": key["consumer_secret"],
        **params,
    }
    return requests.get(f"{store.url}{path}", params=query, timeout=10)


@pytest.fixture
def https() -> Any:
    """A store behind a TLS proxy, and a key of it."""
    store = SandboxStore(
        StoreOptions(assume_https=True, sending=SendingOptions(autosend=False)), now=NOON
    )
    with serving(store):
        yield store, store.create_key()


def test_a_dropped_header_makes_a_client_anonymous(https: tuple[SandboxStore, Any]) -> None:
    store, key = https
    pair = (key["consumer_key"], key["consumer_secret"])
    assert requests.get(f"{store.url}{ORDERS}", auth=pair, timeout=10).status_code == 200
    store.set_habits(drops_authorization=True)
    answer = requests.get(f"{store.url}{ORDERS}", auth=pair, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "woocommerce_rest_cannot_view")
    assert _get(store, key).status_code == 200


@pytest.mark.parametrize(
    ("habit", "others", "header", "is_kept"),
    [
        # The same address again.
        ("X-LiteSpeed-Cache: hit", {}, ("X-LiteSpeed-Cache", "hit"), True),
        ("silent", {}, None, True),
        # Another address, with a parameter that the store ignores.
        ("X-LiteSpeed-Cache: hit", {"_": "1"}, None, False),
        ("deaf Age: 30", {"_": "1"}, ("Age", "30"), True),
        ("deaf silent", {"_": "1"}, None, True),
        # A new answer.
        ("deaf silent", {"_fields": "id"}, None, False),
        ("deaf silent", {"per_page": "5"}, None, False),
        # Without a cache.
        ("", {}, None, False),
    ],
)
def test_a_cache_answers_in_place_of_the_store(
    https: tuple[SandboxStore, Any],
    habit: str,
    others: dict[str, str],
    header: tuple[str, str] | None,
    is_kept: bool,
) -> None:
    store, key = https
    store.set_habits(cache=habit)
    assert _get(store, key).json() == []
    store.place_order()
    answer = _get(store, key, **others)
    assert (answer.json() == []) is is_kept
    if header:
        assert answer.headers[header[0]] == header[1]
    store.set_habits(cache="")
    assert len(_get(store, key).json()) == 1


def test_a_post_with_method_get_bypasses_the_cache(api: API, store: SandboxStore) -> None:
    number = store.place_order()["id"]
    store.set_habits(cache="deaf silent")
    assert api.get(f"orders/{number}").json()["status"] == "pending"
    store.pay_order(number)
    assert api.get(f"orders/{number}").json()["status"] == "pending"
    answer = api.post(f"orders/{number}", None, params={"_method": "GET"})
    assert answer.json()["status"] in ("processing", "completed")
    assert store.log.writes("order", number) == []


def test_a_post_with_method_get_needs_no_write_permission(client: Any, store: SandboxStore) -> None:
    number = store.place_order()["id"]
    reader = client("administrator", "read")
    assert reader.post(f"orders/{number}", None, params={"_method": "GET"}).status_code == 200
    assert reader.post(f"orders/{number}", {}).status_code == 401


@pytest.mark.parametrize(
    ("name", "offset", "shown"),
    [
        ("America/New_York", 0, ("America/New_York", -5)),
        # A shop with only an offset has no zone name.
        ("", 5.5, ("", 5.5)),
        ("", 0, ("", 0)),
    ],
)
def test_the_index_shows_the_time_zone(
    store: SandboxStore, name: str, offset: float, shown: tuple[str, float]
) -> None:
    store.set_time_zone(name, offset)
    index = requests.get(f"{store.url}/wp-json/", timeout=10).json()
    assert (index["timezone_string"], index["gmt_offset"]) == shown
