"""The key in the query, for stores whose web server drops `Authorization`; nothing ever shows it.

The store takes the calls for https, as behind a proxy that ends TLS. The client believes that they are https.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import requests
from urllib3.exceptions import ProtocolError

from deploy.sandbox import SandboxStore, SendingOptions, StoreOptions, serving
from hooks import telemetry
from hooks.errors import CredentialsRefusedError, StoreError, StoreUnreachableError
from hooks.ledger import traits
from hooks.settings import StoreSettings
from hooks.store import check
from hooks.store.client import StoreClient
from hooks.store.rate import CallOutcome
from hooks.sync import store_observations
from tests.integration.harness import NOON, ON_SQLITE, Harness
from tests.support.recordings import SECRET

KEY, CANARY = "ck_canary0000", "cs_canary0001"

ClientOf = Callable[..., StoreClient]


class RecordingPace:
    """A pace that records the names of calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def wait(self) -> None:
        """Return at once."""

    def observe(self, call: str, seconds: float, outcome: CallOutcome) -> None:
        """Keep the name of a call."""
        self.calls.append(call)


@pytest.fixture
def shop() -> Iterator[SandboxStore]:
    """A store behind a proxy that ends TLS."""
    store = SandboxStore(
        StoreOptions(assume_https=True, sending=SendingOptions(autosend=False)), now=NOON
    )
    store.create_key(consumer_key=KEY, consumer_secret=CANARY)
    with serving(store):
        yield store


@pytest.fixture
def client_of(shop: SandboxStore) -> Iterator[ClientOf]:
    """Make clients: `client_of(auth, secret)`."""
    made: list[StoreClient] = []

    def make(auth: str = "auto", secret: str = CANARY) -> StoreClient:
        client = StoreClient(
            StoreSettings("shop", shop.url, KEY, secret, (SECRET,), auth=auth), RecordingPace()
        )
        client._api.is_ssl = True
        made.append(client)
        return client

    yield make
    for client in made:
        client._api.session.close()


CASES = [
    # STORE_AUTH, whether the header is dropped, whether the secret is right; then the code, and how the key travels.
    ("basic", False, True, None, "basic"),
    ("query", False, True, None, "query"),
    ("auto", False, True, None, "basic"),
    ("basic", True, True, "key-not-received", "basic"),
    ("query", True, True, None, "query"),
    ("auto", True, True, None, "query"),
    # A wrong key is wrong, whichever way it came.
    ("basic", False, False, "credentials-refused", "basic"),
    ("query", True, False, "credentials-refused", "query"),
    ("auto", False, False, "credentials-refused", "basic"),
    ("auto", True, False, "credentials-refused", "query"),
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize(("auth", "drops", "right", "code", "way"), CASES)
def test_a_dropped_key_is_told_from_a_wrong_key(
    shop: SandboxStore,
    client_of: ClientOf,
    method: str,
    auth: str,
    drops: bool,
    right: bool,
    code: str | None,
    way: str,
) -> None:
    number = shop.place_order()["id"]
    shop.set_habits(drops_authorization=drops)
    client = client_of(auth, CANARY if right else "cs_wrong")
    endpoint = {"GET": "orders", "POST": "orders/batch", "PUT": f"orders/{number}"}[method]
    found = None
    try:
        client.call(method, endpoint, body=None if method == "GET" else {})
    except CredentialsRefusedError as error:
        found = error.code
    assert (found, client.auth) == (code, way)


def test_the_client_keeps_the_way_that_works(shop: SandboxStore, client_of: ClientOf) -> None:
    shop.set_habits(drops_authorization=True)
    client = client_of()
    for _ in range(3):
        client.call("GET", "orders")
    assert [entry.status for entry in shop.log.requests] == [401, 200, 200, 200]


def test_a_key_that_never_arrives_is_tried_both_ways_once(
    shop: SandboxStore, client_of: ClientOf
) -> None:
    """TLS ends in front of WordPress, which takes the calls for http."""
    shop.options = replace(shop.options, assume_https=False)
    client = client_of()
    for _ in range(2):
        with pytest.raises(CredentialsRefusedError) as caught:
            client.call("GET", "orders")
        assert (caught.value.code, client.auth) == ("key-not-received", "basic")
    assert len(shop.log.requests) == 3, "the secret is not sent in the query again and again"
    client.settings = replace(client.settings, url="https://shop.example.test")
    words = check.reading(client, None).words
    assert "CGIPassAuth On" in words
    assert "SetEnvIf Authorization" in words
    assert "fastcgi_param HTTP_AUTHORIZATION" in words
    assert "STORE_AUTH=query" in words
    assert "$_SERVER['HTTPS'] = 'on'" in words


def test_store_check_reports_a_dropped_header(shop: SandboxStore, client_of: ClientOf) -> None:
    shop.set_habits(drops_authorization=True)
    finding = check.reading(client_of(), None)
    assert finding.fine
    assert "drops the header Authorization" in finding.words
    assert "drops" not in check.reading(client_of("query"), None).words


@ON_SQLITE
def test_a_worker_starts_with_the_way_that_another_found(
    harness: Harness, shop: SandboxStore, client_of: ClientOf
) -> None:
    shop.set_habits(drops_authorization=True)
    first, second, fixed = client_of(), client_of(), client_of("basic")
    first.call("GET", "orders")
    with harness.runtime.database.write() as connection:
        for client in (first, second, fixed):
            store_observations.exchange(connection, "shop", client, harness.clock())
        assert traits.read(connection, "shop")["auth"].value == "query"
    assert [client.auth for client in (first, second, fixed)] == ["query", "query", "basic"]


# --- the key is seen nowhere -------------------------------------------------------------------------------


def _cut(*_: object, **__: object) -> requests.Response:
    """Fail as the libraries do, with the whole address in the text."""
    address = f"/wp-json/wc/v3/orders?consumer_key={KEY}&consumer_secret={CANARY}"
    raise requests.ConnectionError(ProtocolError(f"Max retries exceeded with url: {address}"))


FAILURES = {
    "a web page in place of an answer": "html",
    "a failure": "500",
    "a pause": "503",
    "a cut connection": "reset",
    "half an answer": "half",
    "no route": "404",
}


@pytest.mark.parametrize("kind", FAILURES.values(), ids=FAILURES.keys())
def test_no_failure_shows_the_key(
    shop: SandboxStore, client_of: ClientOf, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = client_of("query")
    client.call("GET", "orders")
    shop.add_fault(kind, times=0)
    with pytest.raises(StoreError) as caught:
        client.call("GET", "orders")
    _assert_unseen(caught.value, caplog.text, client)


def test_no_text_of_a_library_shows_the_key(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of("query")
    monkeypatch.setattr(client._api.session, "request", _cut)
    with pytest.raises(StoreUnreachableError) as caught:
        client.call("GET", "orders")
    _assert_unseen(caught.value, caplog.text, client)
    assert "ConnectionError" in str(caught.value)


def _assert_unseen(error: BaseException, logged: str, client: StoreClient) -> None:
    """Search for the key in the error and its causes, the log, an error report, and the names of calls."""
    event = {"exception": {"values": [{"type": type(error).__name__, "value": str(error)}]}}
    hint = {"exc_info": (type(error), error, error.__traceback__)}
    reported = telemetry._without_values(event, hint)  # type: ignore[arg-type]
    pace = client._pace
    assert isinstance(pace, RecordingPace)
    places = [
        "".join(traceback.format_exception(error)),
        repr(error),
        logged,
        str(reported),
        *pace.calls,
    ]
    chain: BaseException | None = error
    while chain is not None:
        places += [str(chain), repr(chain)]
        chain = chain.__cause__ or chain.__context__
    assert [place for place in places if CANARY in place or KEY in place] == []
    assert pace.calls
    assert repr(client.settings).count("canary") == 0
