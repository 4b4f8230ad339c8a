"""A real HTTP server that answers by script, remembers what it was asked, and counts its connections."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.serving import served


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came; of a name that came twice in the query the last value counts, as in PHP."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What goes back. `hangs_up`: the connection is closed afterwards, without a word of it in the headers."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False

    @classmethod
    def of(cls, body: object, status: int = 200, **headers: str) -> Answer:
        """An answer of JSON; headers are named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | named)


def _fine(_: ReceivedRequest) -> Answer:
    return Answer()


@dataclass
class ScriptedServer:
    """`answer` says what the next requests get."""

    url: str = ""
    answer: Callable[[ReceivedRequest], Answer] = _fine
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    def always(self, answer: Answer) -> None:
        """Give this answer to everything."""
        self.answer = lambda _: answer


class _Server(ThreadingHTTPServer):
    """Counts the connections that it takes and those that it has closed."""

    script: ScriptedServer

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take one."""
        self.script.connections += 1
        return super().get_request()

    def shutdown_request(self, request: Any) -> None:
        """Close one."""
        super().shutdown_request(request)
        self.script.closed += 1


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Listen for as long as the block lasts."""
    script = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = ReceivedRequest(self.command, parts.path, query, headers, body)
            script.requests.append(received)
            answer = script.answer(received)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = answer.hangs_up

        def do_GET(self) -> None:
            self._reply()

        def do_PUT(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.script = script
    with served(server) as script.url:
        yield script
