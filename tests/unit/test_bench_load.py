"""Check that the load generator counts every request, whatever its outcome, and sends what it reports."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pytest

from tests.bench import load
from tests.bench.load import Address, Outcome, closed_loop, http_request, open_loop
from tests.bench.traffic import Supply, deliveries
from tests.support.recordings import sign

OK = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = http_request("/webhooks/shop", [("X-Any", "1")], b"b" * 100)

Answer = Callable[[socket.socket, bytes], None]


@contextmanager
def server(answer: Answer) -> Iterator[Address]:
    """A server that reads each request and answers it in a given way, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        thread = threading.Thread(target=_serve, args=(listening, answer), daemon=True)
        thread.start()
        host, port = listening.getsockname()
        yield host, port
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listening: socket.socket, answer: Answer) -> None:
    while True:
        try:
            link, _ = listening.accept()
        except OSError:
            return
        with link:
            answer(link, _whole(link))


def _whole(link: socket.socket) -> bytes:
    read = link.recv(65_536)
    length = int(read.partition(b"Content-Length: ")[2].partition(b"\r")[0])
    while len(read.partition(b"\r\n\r\n")[2]) < length:
        read += link.recv(65_536)
    return read


def well(link: socket.socket, _request: bytes) -> None:
    link.sendall(OK)


def in_pieces(link: socket.socket, _request: bytes) -> None:
    for piece in (OK[:7], OK[7:20], OK[20:]):
        link.sendall(piece)


def busy(link: socket.socket, _request: bytes) -> None:
    link.sendall(b"HTTP/1.0 503 Busy\r\n\r\n")


def nothing(_link: socket.socket, _request: bytes) -> None:
    """Close the connection without an answer."""


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (well, 200),
        (in_pieces, 200),
        (busy, 503),
        (nothing, 0),
    ],
)
def test_every_answer_is_counted(answer: Answer, status: int) -> None:
    with server(answer) as address:
        outcome = closed_loop(address, iter([REQUEST] * 20), seconds=5, at_once=4)
    assert outcome.statuses == {status: 20}
    assert len(outcome.latencies) == 20
    assert outcome.failed == (0 if status == 200 else 20)
    assert (outcome.rate > 0) == (status == 200)


def test_all_requests_fail_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host, port = closed.getsockname()
    outcome = open_loop((host, port), iter([REQUEST] * 5), rate=1000, seconds=1)
    assert outcome.statuses == {0: 5}


def test_a_request_that_is_never_answered_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "GIVE_UP_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        host, port = silent.getsockname()
        outcome = closed_loop((host, port), iter([REQUEST] * 6), seconds=5, at_once=2)
    assert outcome.statuses == {0: 6}


def test_a_request_larger_than_the_buffers_arrives_whole() -> None:
    arrived: list[bytes] = []

    def keep(link: socket.socket, request: bytes) -> None:
        arrived.append(request)
        link.sendall(OK)

    large = http_request("/", [], bytes(range(256)) * 40_000)
    with server(keep) as address:
        outcome = closed_loop(address, iter([large]), seconds=5, at_once=1)
    assert outcome.statuses == {200: 1}
    assert arrived == [large]


def test_a_closed_loop_ends_in_time() -> None:
    """The requests never run out: without an end of its own the loop would go on for ever."""
    with server(well) as address:
        outcome = closed_loop(address, iter(lambda: REQUEST, None), seconds=0.2, at_once=2)
    assert outcome.seconds >= 0.2


def test_an_open_loop_measures_latency_from_the_due_time() -> None:
    release = threading.Event()

    def late(link: socket.socket, _request: bytes) -> None:
        release.wait(5)
        link.sendall(OK)

    threading.Timer(0.3, release.set).start()
    with server(late) as address:
        outcome = open_loop(address, iter([REQUEST] * 10), rate=100, seconds=1)
    assert outcome.statuses == {200: 10}
    assert max(outcome.latencies) > 0.2  # the first request was due at once, and waited
    assert max(outcome.latencies) - min(outcome.latencies) > 0.05  # the last request was due later


@pytest.mark.parametrize(
    ("latencies", "part", "expected"),
    [
        ([], 0.99, 0.0),
        ([3.0], 0.5, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 3.0),  # the upper one of an even number
        ([*map(float, range(1, 101))], 0.99, 100.0),
        ([*map(float, range(1, 101))], 0.9, 91.0),
    ],
)
def test_percentiles_of_latencies(latencies: list[float], part: float, expected: float) -> None:
    outcome = Outcome()
    outcome.latencies.extend(latencies)
    assert outcome.percentile(part) == expected


def test_traffic_is_reproducible_and_signed() -> None:
    once, again = (list(islice(deliveries(5), 12)) for _ in range(2))
    assert once == again
    assert len(set(once)) == 12
    for request in once:
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"X-WC-Webhook-Signature: {sign(body)}".encode() in head


def test_traffic_goes_to_all_stores_and_an_order_stays_in_one() -> None:
    paths = [request.split(b" ")[1] for request in islice(deliveries(4, slugs=["a", "b"]), 8)]
    assert paths == [b"/webhooks/b"] * 4 + [b"/webhooks/a"] * 4


def test_a_supply_hands_out_every_prepared_request() -> None:
    supply = Supply(iter([b"1", b"2", b"3", b"4"]))
    assert list(supply) == []
    supply.prepare(2)
    assert next(supply) == b"1"
    supply.prepare(2)
    assert list(supply) == [b"2", b"3"]
