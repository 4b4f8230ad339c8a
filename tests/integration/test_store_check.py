"""Findings of `store check` for stores that answer strangely, and for the way back to the service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hooks.settings import Settings
from hooks.store.check import CheckResult, everything_but_webhooks, public_address
from hooks.store.client import StoreClient
from tests.integration.scripted_server import Answer, ReceivedRequest, ScriptedServer

NOW = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
PUBLIC_URL = "https://127.0.0.1"


def wrong(client: StoreClient, now: datetime = NOW) -> list[str]:
    """Return the findings about the store in words, except the one about PUBLIC_URL."""
    results = everything_but_webhooks(client, Settings(public_url=PUBLIC_URL), "shop", now)
    return [
        result.words for result in results if not result.fine and "PUBLIC_URL" not in result.words
    ]


def refusing(_: ReceivedRequest) -> Answer:
    """A store that refuses every key, at 11:00."""
    body = {"code": "woocommerce_rest_authentication_error", "data": {"status": 401}}
    return Answer.of(body, 401, Date=format_datetime(NOW, usegmt=True))


def dated(words: list[str]) -> tuple[str, str]:
    """Return the findings about the clock and about the key."""
    clock, key = words
    return clock, key


@pytest.mark.parametrize(
    "apart", [timedelta(minutes=20), timedelta(minutes=-20), timedelta(days=-400)]
)
def test_a_key_refused_by_a_wrong_clock_is_blamed_on_the_clock(
    script: ScriptedServer, client: Callable[..., StoreClient], apart: timedelta
) -> None:
    """The scripted server sends a Date header of its own, too. The store's header comes second, and is the one that
    counts."""
    script.answer = refusing
    clock, key = dated(wrong(client(script.url), datetime.now(UTC) + apart))
    assert "NTP" in clock
    assert "cannot be read" in key
    assert "15 minutes" in key
    assert "REST API key" not in key


def test_a_key_refused_by_a_right_clock_is_blamed_on_the_key(
    script: ScriptedServer, client: Callable[..., StoreClient]
) -> None:
    script.answer = refusing
    (key,) = wrong(client(script.url), datetime.now(UTC))
    assert "administrator" in key
    assert "15 minutes" not in key


def test_the_address_to_which_a_store_redirects_is_named(
    script: ScriptedServer, client: Callable[..., StoreClient]
) -> None:
    script.always(Answer(301, b"", {"Location": "https://www.shop.example.com/wp-json/"}))
    words = wrong(client(script.url), datetime.now(UTC))
    assert any("redirects to https://www.shop.example.com: set STORE_URL" in each for each in words)


def test_a_store_without_permalinks_is_told_to_enable_them(
    script: ScriptedServer, client: Callable[..., StoreClient]
) -> None:
    script.always(Answer(404, b"<html>Page not found</html>", {"Content-Type": "text/html"}))
    (words,) = wrong(client(script.url), datetime.now(UTC))
    assert "Settings → Permalinks" in words


@pytest.mark.parametrize(
    ("answer", "fine", "words"),
    [
        (Answer.of({"result": "ping"}), True, "without a redirect"),
        # What makes a webhook look healthy while each delivery is lost.
        (
            Answer(301, b"", {"Location": "https://elsewhere.example.com"}),
            False,
            "follows no redirect",
        ),
        (Answer(302, b"", {"Location": "/webhooks/shop/"}), False, "follows no redirect"),
        # Somebody else answers.
        (Answer(200, b"<html>Welcome</html>"), False, "another program"),
        (Answer.of([]), False, "another program"),
        (Answer(404, b""), False, "status 404"),
        (Answer(502, b""), False, "proxy"),
        (Answer(503, b""), False, "/readyz"),
    ],
)
def test_the_way_back_from_the_store_is_checked(
    script: ScriptedServer, answer: Answer, fine: bool, words: str
) -> None:
    script.always(answer)
    result = public_address(f"{script.url}/", "shop")
    assert (result.fine, words in result.words) == (fine, True), result
    (asked,) = script.requests
    assert (asked.method, asked.path, asked.body) == ("POST", "/webhooks/shop", b"webhook_id=1")


def test_a_way_back_that_cannot_be_tried_is_no_finding() -> None:
    found: CheckResult = public_address("http://127.0.0.1:1", "shop")
    assert found.fine
    assert "cannot be tried" in found.words
