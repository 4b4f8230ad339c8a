"""A real HTTP server that a test controls byte by byte: it answers too much, too slowly, or without an end."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event

from tests.support.serving import served

MEGABYTE = bytes(1_000_000)
DRIPS = 100
DRIP_SECONDS = 0.05

Bytes = Iterable[bytes]


@dataclass
class Hostile:
    """A server with an answer for each path in `answers`. `sent` counts the bytes that were sent to clients; `left`
    counts the clients that closed the connection before the answer was complete."""

    url: str = ""
    answers: dict[str, Callable[[], Bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    left: int = 0
    closing: Event = field(default_factory=Event)

    def drip(self, *parts: bytes) -> Iterator[bytes]:
        """Yield the parts with a pause before each: a slow answer that is complete in the end."""
        for part in parts:
            self.closing.wait(DRIP_SECONDS)
            yield part

    def drip_for_ever(self) -> Iterator[bytes]:
        """Yield headers without an end, until the client closes the connection."""
        yield from self.drip(b"HTTP/1.1 200 OK\r\n", b"X-A: ")
        while not self.closing.is_set():
            yield from self.drip(b"x")


def head(status: int, *headers: str) -> bytes:
    """A status line and headers, to the blank line."""
    return "\r\n".join((f"HTTP/1.1 {status} Said", *headers, "", "")).encode()


def answer(body: bytes, *headers: str, status: int = 200) -> Bytes:
    """A complete answer."""
    return (head(status, f"Content-Length: {len(body)}", *headers), body)


def redirect(location: str, status: int = 302) -> Bytes:
    """A redirect without a body."""
    return answer(b"", f"Location: {location}", status=status)


def large(status: int, megabytes: int, *headers: str) -> Iterator[bytes]:
    """An answer with a body of that many megabytes, produced while it is sent."""
    yield head(status, f"Content-Length: {megabytes * len(MEGABYTE)}", *headers)
    for _ in range(megabytes):
        yield MEGABYTE


def bomb(status: int, megabytes: int, *headers: str) -> Bytes:
    """The same body in gzip, a thousandth of the size on the wire."""
    body = b"".join(
        gzip.compress(MEGABYTE, 1) for _ in range(megabytes)
    )  # members of gzip make one stream
    return answer(body, "Content-Encoding: gzip", *headers, status=status)


def dripping(body: bytes) -> dict[str, Callable[[Hostile], Bytes]]:
    """Each way to send this body in DRIPS small parts."""
    blanks = [b" "] * DRIPS
    long = f"Content-Length: {len(body) + DRIPS}"
    return {
        "status line": lambda server: server.drip(*([b"H"] * DRIPS)),
        "headers": lambda server: server.drip(
            head(200, f"Content-Length: {len(body)}").removesuffix(b"\r\n"),
            *([b"X-A: 1\r\n"] * 90),
            b"\r\n" + body,
        ),
        "body": lambda server: server.drip(head(200, long), *blanks, body),
        "chunks": lambda server: server.drip(
            head(200, "Transfer-Encoding: chunked"),
            *([b"1\r\n \r\n"] * DRIPS),
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        ),
        "body without a length": lambda server: server.drip(
            head(200, "Connection: close"), body, *blanks
        ),
    }


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    script: Hostile


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            while self._answered():
                pass
        except OSError:
            self.server.script.left += 1

    def _answered(self) -> bool:
        script = self.server.script
        line = self.rfile.readline()
        if not line:
            return False
        length = 0
        while (header := self.rfile.readline()).strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        path = line.split()[1].decode().partition("?")[0]
        script.asked.append(path)
        is_last = False
        for part in script.answers.get(path, lambda: answer(b"{}", status=404))():
            if script.closing.is_set():
                return False
            self.wfile.write(part)
            script.sent += len(part)
            is_last = is_last or b"Connection: close" in part
        return not is_last


@contextmanager
def hostile() -> Iterator[Hostile]:
    """Run a server until the block ends."""
    script = Hostile()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.script = script
    with served(server) as script.url:
        try:
            yield script
        finally:
            script.closing.set()
