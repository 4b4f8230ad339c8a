"""The connections of a web process: a place is for senders that make progress.

The danger: a process has a bounded number of places. A sender that opens connections and then sends nothing, half a
head or a byte now and then would take all of them, and no delivery would come in.

The principle: each wait for bytes has an end, and where no place is left, the connection that has waited longest for
bytes gives up its own. A request that is being worked on waits for no bytes, so it never loses its place.

The rules:
- the whole head must come within HEAD_SECONDS;
- the body may take BODY_SECONDS, and a second more for each BODY_BYTES_PER_SECOND that came; REQUEST_SECONDS in all;
- a client that does not read its answer is left after SEND_SECONDS.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gevent import socket
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.util import close_graceful

from hooks.errors import HooksError, OverloadedError, SenderTooSlowError

HEAD_SECONDS = 20.0
BODY_SECONDS = 20.0
BODY_BYTES_PER_SECOND = 16 * 1024
REQUEST_SECONDS = 60.0
"""WooCommerce waits this long for an answer."""

SEND_SECONDS = 60.0
LINGER_SECONDS = 2.0

DISPLACED_AT_ONCE = 16
"""The number of connections that give up their places when none is left."""


class Places(Pool):
    """The places of a process. When none is left, the connections that have waited longest for bytes give up theirs."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.waiting: dict[Connection, None] = {}
        """The connections that wait for bytes, by the time of their last progress."""

    def full(self) -> bool:
        """Tell whether no place is left. If so, some connections give up theirs."""
        if not super().full():
            return False
        for connection in list(self.waiting)[:DISPLACED_AT_ONCE]:
            connection.give_up()
        return True


class Server(StreamServer):
    """Gives each accepted connection to `handle`, with its address, as a Connection in one of the places."""

    def __init__(
        self, listener: socket.socket, handle: Callable[[Any, Any], object], places: Places
    ) -> None:
        super().__init__(listener, handle=handle, spawn=places)
        self._places = places

    def do_read(self) -> Any:
        """Accept a connection, as the library does, but as a Connection and not as a socket of the library."""
        listener: Any = self.socket
        try:
            descriptor, address = listener._accept()  # noqa: SLF001 - it has no public name
        except BlockingIOError:
            if not listener.timeout:
                return None
            raise
        return Connection(listener, descriptor, self._places), address


class Connection(socket.socket):
    """An accepted connection with time limits for reading.

    `recv` raises SenderTooSlowError after the time limits, and OverloadedError where another connection got the place.
    A sender that never sent a byte gets no answer: `recv` then returns no bytes, as if the sender had closed.
    """

    def __init__(self, listener: socket.socket, descriptor: int, places: Places) -> None:
        super().__init__(listener.family, listener.type, listener.proto, fileno=descriptor)
        self._waiting = places.waiting
        self._has_received = False
        self._displaced = False
        self._deadline = self._last_deadline = time.monotonic() + HEAD_SECONDS

    def expect_body(self) -> None:
        """Start the time limits of the body, once the head has come."""
        now = time.monotonic()
        self._deadline = now + BODY_SECONDS
        self._last_deadline = now + REQUEST_SECONDS

    def give_up(self) -> None:
        """End the wait for bytes. An answer can still be sent."""
        self._displaced = True
        self._waiting.pop(self, None)
        with suppress(OSError):
            self.shutdown(socket.SHUT_RD)

    def linger(self) -> None:
        """Close after an answer that was sent before all bytes were read.

        A plain close would reset the connection, and the sender would never see the answer.
        """
        self._deadline = self._last_deadline = time.monotonic() + LINGER_SECONDS
        with suppress(HooksError):
            close_graceful(self, LINGER_SECONDS)

    def recv(self, *args: Any) -> bytes:
        """Read within the time limits."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            return self._fail(SenderTooSlowError("The request took too long to arrive."))
        self.settimeout(seconds)
        self._waiting[self] = None
        try:
            received = super().recv(*args)
        except TimeoutError:
            return self._fail(SenderTooSlowError("The request took too long to arrive."))
        except OSError:
            if not self._displaced:
                raise
            received = b""
        finally:
            self._waiting.pop(self, None)
        if self._displaced:
            return self._fail(
                OverloadedError("There were too many connections; send it again later.")
            )
        self._has_received = True
        deadline = self._deadline + len(received) / BODY_BYTES_PER_SECOND
        self._deadline = min(self._last_deadline, deadline)
        return received

    def sendall(self, *args: Any) -> None:
        """Send. A client that does not read for SEND_SECONDS counts as gone: raises BrokenPipeError."""
        self.settimeout(SEND_SECONDS)
        try:
            super().sendall(*args)
        except TimeoutError as error:
            raise BrokenPipeError(errno.EPIPE, "the client does not read its answer") from error

    def _fail(self, error: HooksError) -> bytes:
        if self._has_received:
            raise error
        return b""
