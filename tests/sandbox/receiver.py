"""A real HTTP server that records deliveries and answers with a given status."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition
from typing import Any

from tests.support.serving import served


@dataclass(frozen=True)
class Received:
    """One received request."""

    path: str
    version: str
    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        """The topic, or `ping` for the form without one."""
        return self.headers.get("X-WC-Webhook-Topic", "ping")

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """The requests received so far. `status` is the answer to the next ones."""

    url: str = ""
    status: int = 200
    received: list[Received] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def take(self, request: Received) -> int:
        """Record a request, and return the status of its answer."""
        with self.changed:
            self.received.append(request)
            self.changed.notify_all()
            return self.status

    @property
    def deliveries(self) -> list[Received]:
        """All but the pings."""
        return [request for request in self.received if request.topic != "ping"]

    def topics(self) -> list[str]:
        """The topics of the deliveries, in the order of arrival."""
        return [request.topic for request in self.deliveries]

    def wait_for(self, deliveries: int) -> None:
        """Wait until so many deliveries have arrived."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.deliveries) >= deliveries, 10)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got = Received(self.path, self.request_version, dict(self.headers.items()), body)
            self.send_response(receiver.take(got))
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Write no log."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        receiver.url = f"{url}/webhooks/shop"
        yield receiver
