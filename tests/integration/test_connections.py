"""A web process goes on, and answers each sender in JSON, where senders are slow, many, malformed or unsigned."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, cast

import gevent
import pytest
from flask import Flask, got_request_exception
from gevent import socket
from gevent.server import StreamServer
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from hooks.service import Service
from hooks.telemetry import configure_logging
from hooks.web import body_budget, connections
from hooks.web.body_budget import BodyBudget
from hooks.web.gunicorn_worker import Worker
from tests.integration.harness import service_at
from tests.support.recordings import made, order

PLACES = 4
LIMIT = 5_242_880
SIGNED_LOOKING = "X-WC-Webhook-Signature: " + 43 * "A" + "="
CHUNKED = "Transfer-Encoding: chunked"


@dataclass(frozen=True)
class Answer:
    """The answer; status 0 where the connection was closed without one."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def outcome(self) -> tuple[int, str]:
        """The status and the code of the error."""
        return self.status, self.body["error"]["code"] if self.status else ""


class Sender:
    """A connection that sends any bytes, at any speed."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, *lines: str, body: bytes = b"", path: str = "/webhooks/shop") -> Sender:
        """Send a head with these lines, and a body."""
        head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *lines])
        return self.send_raw(head.encode() + b"\r\n\r\n" + body)

    def send_raw(self, raw: bytes) -> Sender:
        """Send these very bytes."""
        self.connection.sendall(raw)
        return self

    def answer(self) -> Answer:
        """Read an answer, whose head gives its length."""
        with self.connection.makefile("rb") as stream:
            first = stream.readline()
            if not first:
                return Answer(0, {}, None)
            lines = iter(lambda: stream.readline().decode().strip(), "")
            headers = dict(line.split(": ", 1) for line in lines)
            body = json.loads(stream.read(int(headers["Content-Length"])))
        return Answer(int(first.split()[1]), headers, body)

    def is_closed(self) -> bool:
        """Tell whether the other side closes, after its answer or without one."""
        return self.connection.recv(1) == b""


Connect = Callable[[], Sender]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The service, with one store."""
    return service_at(tmp_path_factory.mktemp("connections"))


@pytest.fixture
def server(app: Flask) -> Iterator[StreamServer]:
    """The server of a web process with few places."""
    here: Service = app.extensions["retention"]
    configure_logging(here.settings)
    config = Config()
    for name, value in {"keepalive": 0, "worker_connections": PLACES, "loglevel": "error"}.items():
        config.set(name, value)
    worker = Worker(0, os.getppid(), [], cast("BaseApplication", None), 30, config, Logger(config))
    worker.wsgi = app  # type: ignore[assignment]  # WSGI, of narrower types
    with closing(worker.tmp), closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = worker.serve(listener)
        yield server
        server.stop(0)


@pytest.fixture
def connect(server: StreamServer) -> Iterator[Connect]:
    """Open connections to the server."""
    address = server.socket.getsockname()
    with ExitStack() as stack:
        yield lambda: Sender(stack.enter_context(socket.create_connection(address, timeout=60)))


def delivery(number: int) -> tuple[list[str], bytes]:
    """Return the header lines and the body of a good delivery."""
    sent = made("order.created", order(number))
    lines = [f"{name}: {value}" for name, value in sent.headers.items()]
    return [*lines, f"Content-Length: {len(sent.body)}"], sent.body


def check_good_delivery(connect: Connect, number: int) -> None:
    lines, body = delivery(number)
    assert connect().send(*lines, body=body).answer().body == {"result": "recorded"}


# --- the end of the process ----------------------------------------------------------------------------------


def test_a_connection_accepted_before_the_listener_closes_is_served(
    server: StreamServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its greenlet has not started by then."""
    handle = server.do_handle

    def close_at_once(*accepted: Any) -> None:
        handle(*accepted)
        server.close()

    monkeypatch.setattr(server, "max_accept", 1)
    monkeypatch.setattr(server, "do_handle", close_at_once)
    check_good_delivery(connect, 200)
    assert server.closed


# --- slow ----------------------------------------------------------------------------------------------------

SLOW: dict[str, tuple[bytes, tuple[int, str]]] = {
    "not a byte": (b"", (0, "")),
    "half a line": (b"POST /webh", (408, "request-timeout")),
    "half a head": (b"POST /webhooks/shop HTTP/1.1\r\nHost: a\r\nX-", (408, "request-timeout")),
    "no body": (
        f"POST /webhooks/shop HTTP/1.1\r\n{SIGNED_LOOKING}\r\nContent-Length: 9\r\n\r\n".encode(),
        (408, "request-timeout"),
    ),
    "half a body": (
        f"POST /webhooks/shop HTTP/1.1\r\n{SIGNED_LOOKING}\r\nContent-Length: 9\r\n\r\nhalf".encode(),
        (408, "request-timeout"),
    ),
    "half a chunk": (
        f"POST /webhooks/shop HTTP/1.1\r\n{SIGNED_LOOKING}\r\n{CHUNKED}\r\n\r\n9\r\nhalf".encode(),
        (408, "request-timeout"),
    ),
    # What is refused without its body is answered at once, and its body is not waited for without end.
    "half a body for nobody": (
        b"POST /nothing HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
        (404, "not-found"),
    ),
    "half a body, unsigned": (
        b"POST /webhooks/shop HTTP/1.1\r\nContent-Length: 99\r\n\r\nhalf",
        (401, "signature-refused"),
    ),
}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set short time limits."""
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(connections, name, 0.2)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("sent", "outcome"), SLOW.values(), ids=SLOW)
def test_a_late_request_is_answered_and_closed(
    connect: Connect, sent: bytes, outcome: tuple[int, str]
) -> None:
    sender = connect().send_raw(sent)
    assert sender.answer().outcome == outcome
    assert sender.is_closed()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "head", ["POST /webhooks/shop HTTP/1.1\r\nX-Drip: ", ""], ids=["head", "body"]
)
def test_a_dripping_request_is_closed(connect: Connect, head: str) -> None:
    sender = connect()
    if head:
        sender.send_raw(head.encode())
    else:
        sender.send(SIGNED_LOOKING, "Content-Length: 100000")

    def drip() -> None:
        while True:
            sender.send_raw(b"x")
            gevent.sleep(0.02)

    dripping = gevent.spawn(drip)
    try:
        assert sender.answer().outcome == (408, "request-timeout")
    finally:
        dripping.kill()


def test_slow_connections_give_way_to_active_ones(connect: Connect) -> None:
    """Each kind has more connections than there are places. The one that waits longest for bytes is closed first."""
    kinds: list[Callable[[], Sender]] = [
        connect,
        lambda: connect().send_raw(b"POST /webhooks/shop HTTP/1.1\r\nHost"),
        lambda: connect().send(SIGNED_LOOKING, "Content-Length: 1000", body=b"half"),
        lambda: connect().send(SIGNED_LOOKING, f"Content-Length: {LIMIT}", body=b"half"),
        lambda: connect().send("Content-Length: 1000", body=b"unsigned", path="/nothing"),
    ]
    slow = {kind: [begin() for _ in range(PLACES + 1)] for kind, begin in enumerate(kinds)}
    for number in range(1, 10):
        check_good_delivery(connect, number)
    assert [senders[0].answer().status for senders in slow.values()] == [0, 503, 503, 503, 404]


# --- without a signature -------------------------------------------------------------------------------------

UNSIGNED = {
    "none": [],
    "empty": ["X-WC-Webhook-Signature: "],
    "too short": ["X-WC-Webhook-Signature: " + 42 * "A" + "="],
    "too long": ["X-WC-Webhook-Signature: " + 44 * "A" + "="],
    "not base64": ["X-WC-Webhook-Signature: " + 43 * "!" + "="],
    "without its end": ["X-WC-Webhook-Signature: " + 44 * "A"],
    "in hexadecimal": ["X-WC-Webhook-Signature: " + 64 * "0"],
}


@pytest.mark.parametrize("length", [f"Content-Length: {LIMIT}", "Content-Length: 32", CHUNKED])
@pytest.mark.parametrize("path", ["/webhooks/shop", "/events/shop"])
@pytest.mark.parametrize("lines", UNSIGNED.values(), ids=UNSIGNED)
def test_a_request_without_signature_is_refused_before_its_body(
    connect: Connect, lines: list[str], path: str, length: str
) -> None:
    assert connect().send(*lines, length, path=path).answer().outcome == (401, "signature-refused")


@pytest.mark.parametrize("path", ["/webhooks/shop", "/events/shop"])
@pytest.mark.parametrize("lines", [[], [SIGNED_LOOKING]], ids=["unsigned", "signed"])
def test_a_request_that_is_too_large_is_refused_before_its_body(
    connect: Connect, lines: list[str], path: str
) -> None:
    answer = connect().send(*lines, f"Content-Length: {LIMIT + 1}", path=path).answer()
    assert answer.outcome == (413, "request-entity-too-large")


@pytest.mark.parametrize("path", ["/webhooks/shop", "/events/shop", "/nothing", "/status"])
def test_a_sender_that_reads_last_still_sees_the_answer(connect: Connect, path: str) -> None:
    """A close with unread bytes would reset the connection."""
    sender = connect().send(f"Content-Length: {LIMIT}", body=bytes(LIMIT), path=path)
    assert sender.answer().status in (401, 404, 405)
    assert sender.is_closed()


# --- large bodies --------------------------------------------------------------------------------------------


def test_only_large_bodies_wait_for_memory(
    connect: Connect, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_budget, "WAIT_SECONDS", 0.1)
    monkeypatch.setitem(app.extensions, "bodies", BodyBudget(LIMIT))
    lines, body = delivery(100)
    large = body.ljust(LIMIT)
    first = connect().send(SIGNED_LOOKING, f"Content-Length: {LIMIT}", body=large[:-1])
    refused = connect().send(SIGNED_LOOKING, f"Content-Length: {LIMIT}", body=large).answer()
    assert refused.outcome == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) > 0
    assert connect().send(*lines, body=body).answer().status == 200
    first.send_raw(large[-1:])
    assert first.answer().status == 401
    assert (
        connect().send(SIGNED_LOOKING, f"Content-Length: {LIMIT}", body=large).answer().status
        == 401
    )


# --- malformed -----------------------------------------------------------------------------------------------

BAD_CHUNKS = {
    "no number": b"zz\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nabcde\r\n0\r\n\r\n",
    "no end of a chunk": b"3\r\nabcdef\r\n0\r\n\r\n",
    "a bad extension": b"3;\x00=1\r\nabc\r\n0\r\n\r\n",
    "an endless size": b"0" * 70_000,
    "a bad trailer": b"3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
    "much behind it": b"zz\r\n" + bytes(60_000),
}


UNREAD = {"/nothing": (404, "not-found"), "/records/shop/order/5/events": (403, "forbidden")}
"""What is answered before the body is read; the last one for want of a token."""


@pytest.mark.parametrize("path", ["/webhooks/shop", "/events/shop", *UNREAD])
@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_a_malformed_chunk_is_the_senders_fault(
    connect: Connect, app: Flask, body: bytes, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It causes neither a traceback nor an error report."""
    reported: list[object] = []
    got_request_exception.connect(lambda *_, **raised: reported.append(raised), app, weak=False)
    answer = (
        connect()
        .send(SIGNED_LOOKING, CHUNKED, "Content-Type: application/json", body=body, path=path)
        .answer()
    )
    assert answer.outcome == UNREAD.get(path, (400, "bad-request"))
    assert reported == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert "127.0.0.1" not in caplog.text


BAD_HEADS: dict[str, tuple[bytes, int, str]] = {
    "no HTTP": (b"hello\r\n\r\n", 400, "bad-request"),
    "an old version": (b"GET / HTTP/0.3\r\n\r\n", 400, "bad-request"),
    "a header without a colon": (b"GET / HTTP/1.1\r\nnothing\r\n\r\n", 400, "bad-request"),
    "two lengths": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
        "bad-request",
    ),
    "a long address": (b"GET /" + 9_000 * b"a" + b" HTTP/1.1\r\n\r\n", 414, "uri-too-long"),
    "a large header": (
        b"GET / HTTP/1.1\r\nA: " + 9_000 * b"a" + b"\r\n\r\n",
        431,
        "request-header-fields-too-large",
    ),
    "many headers": (
        b"GET / HTTP/1.1\r\n" + 200 * b"A: b\r\n" + b"\r\n",
        431,
        "request-header-fields-too-large",
    ),
    "an unknown coding": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n",
        501,
        "not-implemented",
    ),
    "a strange expectation": (
        b"POST / HTTP/1.1\r\nExpect: more\r\n\r\n",
        417,
        "expectation-failed",
    ),
}


@pytest.mark.parametrize(("head", "status", "code"), BAD_HEADS.values(), ids=BAD_HEADS)
def test_a_malformed_head_is_answered_as_json(
    connect: Connect, head: bytes, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = connect().send_raw(head).answer()
    assert answer.outcome == (status, code)
    assert answer.body["error"]["message"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert caplog.text.count("request.refused") == 1
    assert "127.0.0.1" not in caplog.text


PATHS = [
    "/healthz",
    "/readyz",
    "/status",
    "/metrics",
    "/openapi.json",
    "/schedule",
    "/schedule.csv",
    "/nothing",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_is_cached_or_sniffed(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
