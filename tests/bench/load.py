"""Send a load of deliveries as WooCommerce does: HTTP/1.0, a new connection each, the answer read to its end.

The usual load generators cannot do that with a different body and signature for each request. One thread, no
more than a few system calls a request, so that the sender takes little of the cores that it shares.
"""

from __future__ import annotations

import select
import socket
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

GIVE_UP_SECONDS = 30.0
"""A request that is not answered by then counts as failed."""

Address = tuple[str, int]


@dataclass
class Outcome:
    """The result of one load. Latencies are in seconds; in an open loop they count from the due time of the request,
    so that the wait before sending counts, too."""

    seconds: float = 0.0
    latencies: array[float] = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)
    worst_lag: float = 0.0
    """The largest delay of the sender itself: no figure is more exact."""

    @property
    def rate(self) -> float:
        """Answers with status 200 per second."""
        return self.statuses[200] / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        """The number of requests with another answer than 200, or without one."""
        return sum(self.statuses.values()) - self.statuses[200]

    def percentile(self, part: float) -> float:
        """The latency that a `part` of the requests (such as 0.99) did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0


@dataclass
class _Exchange:
    """One request under way."""

    began: float
    unsent: memoryview
    answer: bytes = b""


class _Sender:
    """Send any number of requests at the same time, and wait for their answers."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.waiting: dict[int, tuple[socket.socket, _Exchange]] = {}
        self.outcome = Outcome()
        self._poll = select.epoll()

    def send(self, request: bytes, due: float) -> None:
        """Connect and send. On loopback both usually complete at once."""
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        link.setblocking(False)
        exchange = _Exchange(due, memoryview(request))
        self.waiting[link.fileno()] = link, exchange
        try:
            link.connect(self.address)
            exchange.unsent = exchange.unsent[link.send(request) :]
        except BlockingIOError:
            pass
        except OSError:
            self._end(link.fileno(), 0)
            return
        self._poll.register(link.fileno(), select.EPOLLOUT if exchange.unsent else select.EPOLLIN)

    def receive(self, timeout: float) -> None:
        """Wait at most `timeout` seconds for answers, and read them."""
        for number, _ in self._poll.poll(timeout):
            link, exchange = self.waiting[number]
            try:
                if exchange.unsent:
                    exchange.unsent = exchange.unsent[link.send(exchange.unsent) :]
                    self._poll.modify(
                        number, select.EPOLLOUT if exchange.unsent else select.EPOLLIN
                    )
                    continue
                chunk = link.recv(65_536)
            except BlockingIOError:
                continue
            except OSError:
                self._end(number, 0)
                continue
            if chunk:
                exchange.answer += chunk
            else:
                self._end(number, _status(exchange.answer))

    def drop_overdue(self) -> None:
        """Give up requests that have waited too long."""
        limit = time.perf_counter() - GIVE_UP_SECONDS
        while self.waiting:
            number, (_, longest) = next(iter(self.waiting.items()))
            if longest.began >= limit:
                return
            self._end(number, 0)

    def close(self) -> None:
        """Close the poll object."""
        self._poll.close()

    def _end(self, number: int, status: int) -> None:
        link, exchange = self.waiting.pop(number)
        link.close()
        self.outcome.statuses[status] += 1
        self.outcome.latencies.append(time.perf_counter() - exchange.began)


def _status(answer: bytes) -> int:
    head = answer[:12].split(b" ")
    return int(head[1]) if len(head) > 1 and head[1].isdigit() else 0


def closed_loop(
    address: Address, requests: Iterator[bytes], *, seconds: float, at_once: int
) -> Outcome:
    """Send requests for `seconds`, always `at_once` of them at the same time: as fast as the target can answer."""
    sender = _Sender(address)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds and (request := next(requests, None)) is not None:
        sender.send(request, time.perf_counter())
        while len(sender.waiting) >= at_once:
            sender.receive(1.0)
            sender.drop_overdue()
    return _finish(sender, began)


def open_loop(
    address: Address, requests: Iterator[bytes], *, rate: float, seconds: float
) -> Outcome:
    """Send `rate` requests a second, evenly, without waiting for answers."""
    sender = _Sender(address)
    began = time.perf_counter()
    for number, request in enumerate(islice(requests, int(rate * seconds))):
        due = began + number / rate
        while (left := due - time.perf_counter()) > 0:
            sender.receive(left)
            sender.drop_overdue()
        sender.outcome.worst_lag = max(sender.outcome.worst_lag, -left)
        sender.send(request, due)
        sender.receive(0)
    return _finish(sender, began)


def _finish(sender: _Sender, began: float) -> Outcome:
    while sender.waiting:
        sender.receive(0.5)
        sender.drop_overdue()
    sender.outcome.seconds = time.perf_counter() - began
    sender.close()
    return sender.outcome


def http_request(path: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """The bytes of one POST request."""
    lines = [
        f"POST {path} HTTP/1.0",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
