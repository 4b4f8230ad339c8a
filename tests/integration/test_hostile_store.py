"""One answer of a store can neither fill the client's memory nor hold the client for ever."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hooks.errors import StoreError, StoreMisconfiguredError, StoreUnreachableError
from hooks.settings import StoreSettings
from hooks.store import check
from hooks.store import session as session_module
from hooks.store.client import StoreClient
from hooks.store.rate import CallOutcome
from tests.integration.harness import NOON
from tests.integration.scripted_server import ScriptedServer
from tests.support.hostile import Bytes, Hostile, answer, bomb, dripping, hostile, large

MakeClient = Callable[..., StoreClient]
PATH = "/wp-json/wc/v3/orders"
GOOD = b'{"id": 7}'
TO_ITSELF = f"Location: {PATH}"


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as made:
        yield made


@dataclass
class RecordingPace:
    """A pace that records the outcome of calls."""

    outcomes: list[CallOutcome] = field(default_factory=list)

    def wait(self) -> None:
        """Return at once."""

    def observe(self, _name: str, _seconds: float, outcome: CallOutcome) -> None:
        self.outcomes.append(outcome)


TOO_LARGE = (StoreUnreachableError, "answer-too-large", "the store answered more than 1 MB")
REDIRECTED = (StoreMisconfiguredError, "redirected", "set STORE_URL to where it leads")
HUGE: list[tuple[Callable[[], Bytes], tuple[type[StoreError], str, str]]] = [
    # with its length, and in gzip
    (lambda: large(200, 400), TOO_LARGE),
    (lambda: bomb(200, 50), TOO_LARGE),
    # an error is as large
    (lambda: large(404, 400), TOO_LARGE),
    (lambda: bomb(500, 50), TOO_LARGE),
    # nobody needs the body of a redirect
    (lambda: large(302, 400, TO_ITSELF), REDIRECTED),
    (lambda: bomb(307, 50, TO_ITSELF), REDIRECTED),
]


@pytest.mark.parametrize(("huge", "expected"), HUGE)
def test_an_answer_of_any_size_takes_little_memory(
    server: Hostile,
    client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    huge: Callable[[], Bytes],
    expected: tuple[type[StoreError], str, str],
) -> None:
    monkeypatch.setattr(session_module, "ANSWER_BYTES", 1_000_000, raising=False)
    server.answers[PATH] = huge
    made = client(server.url)
    tracemalloc.start()
    try:
        with pytest.raises(StoreError) as caught:
            made.call("GET", "orders")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    kind, code, words = expected
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert words in caught.value.detail
    assert peak < 20_000_000
    assert server.sent < 50_000_000
    server.answers[PATH] = lambda: answer(GOOD)
    assert made.call("GET", "orders") == {"id": 7}


def test_an_answer_of_the_maximum_size_is_read(
    server: Hostile, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "ANSWER_BYTES", len(GOOD))
    server.answers[PATH] = lambda: answer(GOOD)
    assert client(server.url).call("GET", "orders") == {"id": 7}


@pytest.mark.parametrize("way", dripping(GOOD))
def test_a_dripping_answer_is_cut_off(
    server: Hostile, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Each drip comes long before the time-out between two bytes. The pace learns that the store was too slow."""
    monkeypatch.setattr(session_module, "ANSWER_SECONDS", 0.5, raising=False)
    server.answers[PATH] = lambda: dripping(GOOD)[way](server)
    pace = RecordingPace()
    made = StoreClient(StoreSettings("shop", server.url, "ck_test", "cs_test", ("secret",)), pace)
    try:
        with pytest.raises(StoreUnreachableError, match="ReadTimeout"):
            made.call("GET", "orders")
        server.answers[PATH] = lambda: answer(GOOD)
        assert made.call("GET", "orders") == {"id": 7}
    finally:
        made._api.session.close()
    assert pace.outcomes == [CallOutcome.TIMED_OUT, CallOutcome.ANSWERED]


def test_the_probe_of_the_store_has_the_same_limits(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "ANSWER_SECONDS", 0.5, raising=False)
    server.answers["/wp-json/"] = lambda: large(
        301, 400, "Location: https://www.shop.example/wp-json/"
    )
    assert (
        "redirects to https://www.shop.example:"
        in check.reachability(server.url, NOON).result.words
    )
    assert server.sent < 50_000_000
    server.answers["/wp-json/"] = lambda: dripping(GOOD)["headers"](server)
    assert "no answer (ReadTimeout)" in check.reachability(server.url, NOON).result.words


def test_no_password_of_netrc_is_sent(
    script: ScriptedServer, client: MakeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client(script.url).call("GET", "orders")
    assert "authorization" not in script.requests[0].headers


def test_a_proxy_from_the_environment_is_used(
    script: ScriptedServer, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", script.url)
    client("http://shop.example.test").call("GET", "orders")
    assert script.requests[0].headers["host"] == "shop.example.test"
