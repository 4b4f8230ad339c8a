"""Access without a token: only a direct request from this machine, and only a read, is answered. A client that guesses
tokens has to wait; nobody else does."""

from __future__ import annotations

import logging
import string

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from hooks import telemetry
from hooks.app import create_app
from hooks.settings import Settings
from hooks.web import access
from hooks.web.access import MAX_WAITING, PATIENCE, WINDOW, Guesses, has_proxy_header

TOKEN = "a-token-of-the-test"

PROXIES = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Real-IP",
    "Via",
    "Client-IP",
    "X-Client-IP",
    "True-Client-IP",
    "Fastly-Client-IP",
    "X-Cluster-Client-IP",
    "X-Azure-ClientIP",
    "Fly-Client-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "DO-Connecting-IP",
    "X-Original-Forwarded-For",
    "X-Original-Host",
    "X-Envoy-External-Address",
    "X-Remote-Addr",
    "X-ProxyUser-Ip",
]
ORDINARY = [
    "Accept",
    "Authorization",
    "Connection",
    "Content-Type",
    "Cookie",
    "Host",
    "Origin",
    "User-Agent",
    "Referer",
]

names = st.text(string.ascii_letters + string.digits + "-", max_size=12)


@pytest.fixture(scope="module")
def without_token() -> FlaskClient:
    """A client on this machine of a service without a token."""
    return create_app(Settings()).test_client()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://localhost:8000", 200),
        ("http://[::1]:8000", 200),
        # A page of another site, whose name was made to lead to this machine.
        ("http://evil.example:8000", 403),
        ("http://localhost.evil.example", 403),
        ("http://192.0.2.7:8000", 403),
    ],
)
def test_only_names_of_this_machine_are_answered_without_a_token(
    asked: str, status: int, without_token: FlaskClient
) -> None:
    assert without_token.get("/openapi.json", base_url=asked).status_code == status


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxied_request_is_refused_without_a_token(
    name: str, without_token: FlaskClient
) -> None:
    """The value of the proxy's header does not matter."""
    for value in ("192.0.2.1", ""):
        assert without_token.get("/openapi.json", headers={name: value}).status_code == 403


def test_ordinary_headers_are_not_taken_for_a_proxys() -> None:
    assert not has_proxy_header(ORDINARY)


@given(
    names,
    st.sampled_from(
        ["Forwarded-{}", "X-Forwarded-{}", "{}-Client-IP", "{}-Real-Ip", "CF-{}", "{}-client-addr"]
    ),
)
def test_any_forwarding_header_marks_a_proxied_request(part: str, family: str) -> None:
    name = family.format(part or "x")
    assert has_proxy_header([name])
    assert has_proxy_header([*ORDINARY, name.upper()])
    assert has_proxy_header([name.lower()])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/openapi.json", 200),
        ("HEAD", "/openapi.json", 200),
        ("OPTIONS", "/openapi.json", 403),
        ("POST", "/records/shop/order/1/events", 403),
        # Nothing is there that takes it.
        ("PUT", "/openapi.json", 405),
        # Those who sign need no token.
        ("POST", "/webhooks/shop", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_only_reads_are_answered_without_a_token(
    method: str, path: str, status: int, without_token: FlaskClient
) -> None:
    assert (
        without_token.open(path, method=method, json={} if method == "POST" else None).status_code
        == status
    )


def test_with_a_token_any_host_name_is_answered() -> None:
    client = create_app(Settings(status_token=TOKEN)).test_client()
    headers = _bearer(TOKEN) | {"X-Forwarded-For": "192.0.2.1"}
    assert (
        client.get("/openapi.json", base_url="http://shop.example", headers=headers).status_code
        == 200
    )


def test_only_clients_with_wrong_tokens_have_to_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, slept = _Seconds(), list[float]()
    monkeypatch.setattr(access, "_guesses", Guesses(clock, slept.append))
    client = create_app(Settings(status_token=TOKEN)).test_client()
    logging.getLogger().addHandler(caplog.handler)
    before = _counted()

    def asked(**headers: str) -> int:
        return client.get("/openapi.json", headers=headers).status_code

    wrong = _bearer("a-wrong-token-canary")
    assert {asked(**wrong) for _ in range(PATIENCE)} == {401}
    assert slept == []
    assert {asked(**wrong) for _ in range(5)} == {401}
    assert slept == [0.25, 0.5, 1.0, 2.0, 2.0]
    assert asked(**_bearer(TOKEN)) == 200
    assert asked() == 401  # a browser asks without one before its user is asked
    assert len(slept) == 5
    clock.seconds += WINDOW
    assert asked(**wrong) == 401
    assert len(slept) == 5
    assert [new - old for new, old in zip(_counted(), before, strict=True)] == [PATIENCE + 6, 0]
    lines = [
        record.getMessage() for record in caplog.records if "wrong_token" in record.getMessage()
    ]
    assert len(lines) == 2  # one a minute
    assert "canary" not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_only_a_few_wrong_tokens_wait_at_a_time() -> None:
    clock, answers = _Seconds(), list[bool]()

    def sleep(_: float) -> None:
        """While one waits, the next one comes."""
        answers.append(guesses.count())

    guesses = Guesses(clock, sleep)
    for _ in range(PATIENCE):
        assert guesses.count()
    assert guesses.count()
    assert answers == [False] + [True] * (MAX_WAITING - 1), (
        "the last one who came was turned away at once"
    )


class _Seconds:
    """A clock that a test moves."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _counted() -> list[float]:
    told = telemetry.metrics().decode()
    lines = [f'retention_wrong_tokens_total{{answer="{answer}"}} ' for answer in ("401", "429")]
    return [float(told.split(line)[1].split()[0]) for line in lines]
